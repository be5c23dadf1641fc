/** What a loss means: why the seat moves, what it says against the endpoint, and how to tell a person. */
import type { Endpoint } from './endpoint'
import type { Judge } from './judge'
import type { LossCause, MoveReason } from './pool-protocol'
import type { Instant } from './time'

/** Why a seat moves after this loss. */
export function lossReason(cause: LossCause): MoveReason {
  if (cause.type === 'restart') return 'server-restart'
  return cause.type === 'drained' ? 'drained' : 'connection-lost'
}

/**
 * What this loss says against the endpoint. A close that nobody announced is hard, a timeout soft; what the server said
 * in words (restart, drain, refusal) and what failed on our own side is nothing.
 */
export function holdAgainst(judge: Judge, now: Instant, endpoint: Endpoint | undefined, cause: LossCause): void {
  if (endpoint === undefined) return
  if (cause.type === 'timeout') return judge.evidence(now, endpoint, { type: 'timeout' })
  if (cause.type !== 'closed') return
  const unnamed = { kind: 'reset' as const, sent: 'maybe' as const, message: `closed with ${cause.code}` }
  judge.evidence(now, endpoint, { type: 'failure', failure: cause.failure ?? unnamed })
}

/** A loss in a few words, free of payloads. */
export function describeLoss(cause: LossCause): string {
  switch (cause.type) {
    case 'restart':
      return `closed with ${cause.code} (restart)`
    case 'drained':
      return 'the drain ran out'
    case 'closed':
      return `closed with ${cause.code} (${cause.failure?.code ?? cause.failure?.kind ?? 'no reason'})`
    case 'timeout':
      return `${cause.phase} timed out`
    case 'unauthorized':
      return 'the token was refused'
    case 'local':
      return `the ${cause.what} failed`
    case 'refused':
      return `refused: ${cause.code}`
    case 'not-ready':
      return `the UCC is ${cause.state} there`
    case 'protocol':
      return `protocol error: ${cause.detail}`
  }
}
