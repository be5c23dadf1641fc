/** What `close()` promises, at whichever moment it comes. */
import type { Invariant } from '../invariant'
import type { SightingOf } from '../sighting'

export const nothingAliveAfterClose: Invariant = {
  name: 'nothing-alive-after-close',
  statement: 'After `close()` no timer, request, socket, stream or listener of the client is left.',
  watch({ clients }, violated) {
    const check = (index: number): void => {
      const view = clients[index]
      if (view === undefined) return
      const left = Object.entries(view.alive).filter(([, count]) => count !== 0)
      const below = view.leftovers()
      if (left.length > 0 || below.length > 0)
        violated(`client ${index} left ${[...left.map(([what, count]) => `${count} ${what}`), ...below].join(', ')}`)
    }
    return {
      settled: ({ client, what }) => what === 'close' && check(client),
      closed() {
        for (const index of clients.keys()) check(index)
      },
    }
  },
}

const CLOSE_WITHIN_MS = 1000
/** Timers of a hidden page run at whole seconds: the one that ends the goodbyes too. */
const HIDDEN_TIMERS_MS = 1000

export const closesWithinASecond: Invariant = {
  name: 'closes-within-a-second',
  statement: '`close()` resolves within a second, whatever the network does; in a hidden page one timer later.',
  watch({ clients }, violated) {
    const since = new Map<number, number>()
    const hidden = new Set<string>()
    // Who sleeps meanwhile is not slow.
    const awake = (client: number): number => clients[client]?.awakeMs() ?? 0
    return {
      fault({ fault, target, on }) {
        if (fault === 'hide' && on) hidden.add(target)
      },
      healed: () => hidden.clear(),
      closing: ({ client }) => void since.set(client, awake(client)),
      settled({ client, what }) {
        if (what !== 'close') return
        const took = awake(client) - (since.get(client) ?? -Infinity)
        since.delete(client)
        const lateMs = hidden.has(`client ${client}`) ? HIDDEN_TIMERS_MS : 0
        if (took > CLOSE_WITHIN_MS + lateMs) violated(`client ${client} took ${took} ms to close`)
      },
      closed() {
        for (const client of since.keys()) violated(`client ${client} has not closed at all`)
      },
    }
  },
}

/** What may still be said on a connection: that nobody reads any more, and goodbye. */
const GOODBYES: ReadonlySet<string> = new Set(['unsubscribe', 'leave'])

export const onlyGoodbyesWhileClosing: Invariant = {
  name: 'only-goodbyes-while-closing',
  statement: 'From the call of `close()` on a client dials nobody, requests nothing and says nothing but goodbye.',
  watch(_run, violated) {
    const closing = new Set<number>()
    const refuse = ({ client, is }: { readonly client: number; readonly is: string }): void => {
      if (closing.has(client)) violated(`client ${client}: ${is} while it closes`)
    }
    return {
      closing: ({ client }) => void closing.add(client),
      sent({ client, frame }) {
        if (closing.has(client) && !GOODBYES.has(frame.type)) violated(`client ${client} sent ${frame.type}`)
      },
      // Readiness may be asked until it is over: the judge may be shared with other clients.
      dialled: refuse,
      posted: refuse,
      requested: refuse,
    }
  },
}

export const silentAfterClose: Invariant = {
  name: 'silent-after-close',
  statement: 'A client that has closed delivers nothing, tells nothing and sends nothing any more, not even goodbye.',
  watch(_run, violated) {
    const closed = new Set<number>()
    const refuse = ({ client, is }: { readonly client: number; readonly is: string }): void => {
      if (closed.has(client)) violated(`client ${client}: ${is} after its close`)
    }
    return {
      settled: ({ client, what }) => what === 'close' && closed.add(client),
      dialled: refuse,
      sent: refuse,
      posted: refuse,
      probed: refuse,
      requested: refuse,
      batch: refuse,
      event: refuse,
      resolved: refuse,
    }
  },
}

type Settled = SightingOf<'settled'>

export const callsEndAtClose: Invariant = {
  name: 'calls-end-at-close',
  statement:
    'Calls that `close()` finds under way, and later ones, end before it does, as CLIENT_CLOSED or OUTCOME_UNKNOWN.',
  watch(_run, violated) {
    /** Calls that have not ended, and whether they were made behind the close. */
    const open = new Map<string, { readonly isLate: boolean }>()
    const closing = new Set<number>()
    const closedAt = new Map<number, number>()
    return {
      closing: ({ client }) => void closing.add(client),
      called({ client, call, what }) {
        if (what !== 'close') open.set(`${client} ${call}`, { isLate: closing.has(client) })
      },
      settled({ at, client, call, what, outcome }) {
        if (what === 'close') closedAt.set(client, at)
        const entry = open.get(`${client} ${call}`)
        open.delete(`${client} ${call}`)
        if (entry === undefined || !closing.has(client)) return
        const { isLate } = entry
        const name = `client ${client}: ${what} ${call}`
        if (!isLate && at > (closedAt.get(client) ?? at)) violated(`${name} ended behind the close`)
        if (outcome.ok ? isLate : !isOfClose(what, outcome.code, isLate))
          violated(`${name} ended as ${outcome.ok ? 'done' : outcome.code}`)
      },
    }
  },
}

/** What had left may have been done; what had not, and what comes later, has not. */
function isOfClose(what: Settled['what'], code: string, isLate: boolean): boolean {
  if (code === 'CLIENT_CLOSED') return true
  return !isLate && code === 'OUTCOME_UNKNOWN' && (what === 'command' || what === 'fetch')
}
