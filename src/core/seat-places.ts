/** From one place to the next: what is carried along. */
import type { Endpoint } from './endpoint'
import type { MoveReason } from './pool-protocol'
import type { OldLink, Searching, Settled } from './seat-state'
import type { Instant } from './time'

export interface LeaveFacts {
  /** Last proof of the old side. */
  readonly lastProof: Instant
  readonly evidence: readonly string[]
  /** What answered from then on counts. Default: now. */
  readonly since?: Instant
}

/** Off a place (or from nowhere), without a draw of its own yet. */
export function searchingFrom(
  now: Instant,
  here: Settled | undefined,
  from: Endpoint | undefined,
  reason: MoveReason,
  oldLink: OldLink,
  { lastProof, evidence, since }: LeaveFacts,
): Searching {
  const fromServer = here?.server ?? from?.server
  return {
    is: 'searching',
    since: since ?? now,
    reason,
    oldLink,
    lastProof: Math.min(lastProof, now),
    detected: now,
    dialAfter: now,
    evidence,
    ...(from === undefined ? {} : { from: from.id }),
    ...(fromServer === undefined ? {} : { fromServer }),
    ...(here?.goaway === undefined ? {} : { goaway: here.goaway }),
  }
}

/** On the connection that was nearly left; what it had said of itself still holds. */
export function backAt(now: Instant, { fromServer, goaway }: Searching, endpointId: string): Settled {
  return {
    is: 'at',
    endpointId,
    live: true,
    since: now,
    ...(fromServer === undefined ? {} : { server: fromServer }),
    ...(goaway === undefined ? {} : { goaway }),
  }
}
