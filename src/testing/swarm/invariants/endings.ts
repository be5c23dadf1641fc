/** How a run has to end: where everybody belongs, and without a secret in any text. */
import { servedWithinMs } from '../bounds'
import type { Invariant, RunView } from '../invariant'
import { SECRET } from '../secrets'

export const converges: Invariant = {
  name: 'converges',
  statement: 'After the healing every client is connected to the best server, all topics live, within its bound.',
  watch(run, violated) {
    return {
      quiet() {
        for (const [index] of run.clients.entries()) {
          const missing = whatIsMissing(run, index)
          if (missing !== undefined) violated(`client ${index}: ${missing}`)
        }
      },
    }
  },
}

export const servedAgain: Invariant = {
  name: 'served-again',
  statement: 'After the healing every client is served by some server that runs its UCC, long before it is back home.',
  watch(run, violated) {
    const served = new Set<number>()
    let healedAt = Infinity
    return {
      healed: ({ at }) => (healedAt = at),
      sampled({ at, client }) {
        if (at < healedAt || served.has(client)) return
        const missing = whyUnserved(run, client)
        const plan = run.clients[client]?.plan
        if (missing === undefined || plan === undefined) served.add(client)
        else if (at - healedAt > servedWithinMs(run.plan, plan))
          violated(`client ${client}: ${missing}, ${Math.round(at - healedAt)} ms after the healing`)
      },
    }
  },
}

/** Why nobody that runs its UCC serves this client; nothing when somebody does. */
function whyUnserved({ clients, truth }: RunView, index: number): string | undefined {
  const view = clients[index]
  if (view === undefined || view.isClosed) return undefined
  const { client, plan } = view
  const server = client.active?.server
  if (client.state !== 'connected' || server === undefined) return `is ${client.state}`
  if (!truth.serves(server, plan.ucc)) return `is on ${server}, which does not run ${plan.ucc}`
  const behind = client.diagnostics().subscriptions.find(({ state }) => state !== 'live')
  return behind === undefined ? undefined : `${behind.topic} is ${behind.state}`
}

/** Why a client is not yet where it belongs; nothing when it is. */
export function whatIsMissing(run: RunView, index: number): string | undefined {
  const view = run.clients[index]
  // Who has closed belongs nowhere.
  if (view === undefined || view.isClosed) return undefined
  const { client, plan } = view
  const { active } = client
  if (client.state !== 'connected') return `is ${client.state} (${client.offlineReason ?? 'no reason'})`
  if (active?.server === undefined) return 'is connected to no server'
  const behind = client.diagnostics().subscriptions.find(({ state }) => state !== 'live')
  if (behind !== undefined) return `${behind.topic} is ${behind.state}`
  // One that waits on a connection that was lost long ago will yet break it.
  if (client.diagnostics().pendingCommands > 0) return 'still has commands under way'
  // Wherever it is now, it will be moved by what it has heard and does not believe yet.
  if (view.hearsNews()) return 'has not made up its mind about the designation'
  const best = run.truth.bestFor(index)
  if (best.has(active.server)) return undefined
  return `is on ${active.server}, not on ${[...best].join(' or ')} (${plan.failback} failback)`
}

export const noTokenInText: Invariant = {
  name: 'no-token-in-text',
  statement:
    'No token stands in an event, a decision, the diagnostics or a URL, and none is sent with a readiness probe.',
  watch({ clients }, violated) {
    const search = (client: number, where: string, value: unknown): void => {
      if (textOf(value).includes(SECRET)) violated(`client ${client}: a token in ${where}`)
    }
    return {
      event: ({ client, name, context }) => search(client, `the event ${name}`, context),
      probed: ({ client, path, headers }) => search(client, 'a probe', [path, headers]),
      quiet() {
        for (const [index, { client }] of clients.entries()) search(index, 'the diagnostics', client.diagnostics())
      },
    }
  },
}

/** Errors too: JSON shows nothing of them. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner instanceof Error ? { ...inner, text: `${inner.stack} ${inner.message}`, cause: inner.cause } : inner,
  )
}
