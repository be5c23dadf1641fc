/** How a run has to end: where everybody belongs, with nothing left alive, and without a secret in any text. */
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

/** Why a client is not yet where it belongs; nothing when it is. */
export function whatIsMissing(run: RunView, index: number): string | undefined {
  const view = run.clients[index]
  if (view === undefined) return undefined
  const { client, plan } = view
  const { active } = client
  if (client.state !== 'connected') return `is ${client.state} (${client.offlineReason ?? 'no reason'})`
  if (active?.server === undefined) return 'is connected to no server'
  const behind = client.diagnostics().subscriptions.find(({ state }) => state !== 'live')
  if (behind !== undefined) return `${behind.topic} is ${behind.state}`
  // One that waits on a connection that was lost long ago will yet break it.
  if (client.diagnostics().pendingCommands > 0) return 'still has commands under way'
  const best = run.truth.bestFor(index)
  if (best.has(active.server)) return undefined
  return `is on ${active.server}, not on ${[...best].join(' or ')} (${plan.failback} failback)`
}

export const nothingAliveAfterClose: Invariant = {
  name: 'nothing-alive-after-close',
  statement: 'After `close()` no timer, request, socket, stream or listener of the client is left.',
  watch(run, violated) {
    return {
      closed() {
        for (const [index, { alive }] of run.clients.entries()) {
          const left = Object.entries(alive).filter(([, count]) => count !== 0)
          if (left.length > 0)
            violated(`client ${index} left ${left.map(([what, count]) => `${count} ${what}`).join(', ')}`)
        }
      },
    }
  },
}

const CLOSE_WITHIN_MS = 1000

export const closesWithinASecond: Invariant = {
  name: 'closes-within-a-second',
  statement: '`close()` resolves within a second, whatever the network does.',
  watch(_run, violated) {
    const since = new Map<number, number>()
    return {
      closing: ({ client, at }) => void since.set(client, at),
      settled({ client, at, what }) {
        if (what !== 'close') return
        const took = at - (since.get(client) ?? at)
        since.delete(client)
        if (took > CLOSE_WITHIN_MS) violated(`client ${client} took ${took} ms to close`)
      },
      closed() {
        for (const client of since.keys()) violated(`client ${client} has not closed at all`)
      },
    }
  },
}

export const silentAfterClose: Invariant = {
  name: 'silent-after-close',
  statement: 'A client that has closed delivers nothing and sends nothing any more.',
  watch(_run, violated) {
    const closed = new Set<number>()
    const refuse = ({ client, is }: { readonly client: number; readonly is: string }): void => {
      if (closed.has(client)) violated(`client ${client}: ${is} after its close`)
    }
    return {
      settled: ({ client, what }) => what === 'close' && closed.add(client),
      dialled: refuse,
      sent: refuse,
      probed: refuse,
      requested: refuse,
      batch: refuse,
      resolved: refuse,
    }
  },
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
