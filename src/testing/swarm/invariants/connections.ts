/** What a client may be connected to. */
import type { FailoverEventName } from '../../../client/events'
import { DEFAULTS } from '../../../client/defaults'
import type { Invariant } from '../invariant'

/** Timers of the client may be late by a turn of the loop. */
const SLACK_MS = 50

/** A connection that carries topics, by the ids of their subscribes. */
interface Carrier {
  readonly link: number
  readonly ids: Set<number>
}

export const oneCommittedConnection: Invariant = {
  name: 'one-committed-connection-outside-overlap',
  statement:
    'Two connections of one client carry topics only during an overlap, and never for longer than it may last.',
  watch(run, violated) {
    const carriers = run.clients.map(() => new Map<string, Carrier>())
    const overlapSince = run.clients.map(() => NaN)
    const ofClient = (client: number): Map<string, Carrier> => carriers[client] ?? new Map<string, Carrier>()
    const check = (client: number): void => {
      const awake = run.clients[client]?.awakeMs() ?? 0
      const { size } = ofClient(client)
      if (size > 2) violated(`client ${client} subscribes on ${size} connections at once`)
      const since = overlapSince[client] ?? NaN
      if (size < 2) overlapSince[client] = NaN
      else if (Number.isNaN(since)) overlapSince[client] = awake
      else if (awake - since > DEFAULTS.connect.overlapMs + SLACK_MS)
        violated(`client ${client} is subscribed on two connections for ${awake - since} ms`)
    }
    /** An event stream is reopened for each new topic: all of one endpoint are one connection. */
    const viaEvents = new Map<string, string>()
    const nameOf = (client: number, link: number): string => viaEvents.get(`${client} ${link}`) ?? `link ${link}`
    return {
      dialled({ client, link, endpointId, via }) {
        if (via === 'events') viaEvents.set(`${client} ${link}`, `events ${endpointId}`)
      },
      sent({ client, link, frame }) {
        const name = nameOf(client, link)
        const { ids } = ofClient(client).get(name) ?? { ids: new Set<number>() }
        if (frame.type === 'subscribe') ofClient(client).set(name, { link, ids: ids.add(frame.id) })
        else if (frame.type === 'unsubscribe') ids.delete(frame.id)
        if (frame.type === 'leave' || ids.size === 0) ofClient(client).delete(name)
        check(client)
      },
      heard: ({ client }) => check(client),
      ended({ client, link }) {
        const name = nameOf(client, link)
        if (ofClient(client).get(name)?.link === link) ofClient(client).delete(name)
        check(client)
      },
    }
  },
}

/** Of one client: the terms it was told, as it could know them. */
class Terms {
  readonly #lastSaid = new Map<number, number>()

  hear(term: number | undefined, at: number): void {
    if (term !== undefined) this.#lastSaid.set(term, at)
  }

  /** The highest term said within the window. */
  highest(now: number, windowMs: number): number {
    let highest = -Infinity
    for (const [term, at] of this.#lastSaid) if (now - at < windowMs) highest = Math.max(highest, term)
    return highest
  }
}

/** A link that nothing was asked on yet. */
interface Welcomed {
  readonly endpointId: string
  readonly term: number | undefined
  /** When it was welcomed. */
  readonly fence: number
}

/** Told when a client has arrived somewhere. */
const ARRIVALS: ReadonlySet<FailoverEventName> = new Set<FailoverEventName>([
  'failover',
  'switchover',
  'failback',
  'stateChange',
])

export const neverBelowTheFence: Invariant = {
  name: 'never-below-the-fence',
  statement: 'Nobody attaches to a server whose term is below the highest one heard in the last 60 s.',
  watch(run, violated) {
    const terms = run.clients.map(() => new Terms())
    const welcomed = new Map<string, Welcomed>()
    const left = new Set<string>()
    const opened = new Set<string>()
    const awake = (client: number): number => run.clients[client]?.awakeMs() ?? 0
    const fenceOf = (client: number): number =>
      terms[client]?.highest(awake(client), DEFAULTS.failover.fenceMs) ?? -Infinity
    const attached = (client: number, id: string, fence: number): void => {
      const { term } = welcomed.get(id) ?? {}
      welcomed.delete(id)
      if (term !== undefined && term < fence) violated(`client ${client} attaches to term ${term}, heard ${fence}`)
    }
    const isWarm = (client: number): boolean => run.clients[client]?.plan.standby === 'warm'
    const over = (id: string): void => {
      left.add(id)
      welcomed.delete(id)
    }
    return {
      heard({ client, link, endpointId, frame }) {
        const id = `${client} ${link}`
        if (left.has(id)) return
        if (frame.type !== 'welcome' && frame.type !== 'heartbeat' && frame.type !== 'status') return
        const fence = welcomed.get(id)?.fence ?? fenceOf(client)
        // A warm standby may have been welcomed long ago: its last word counts, and the fence when it is used.
        const isNew = frame.type === 'welcome' && !opened.has(id)
        if (isNew || (welcomed.has(id) && frame.term !== undefined))
          welcomed.set(id, { endpointId, term: frame.term, fence })
        terms[client]?.hear(frame.term, awake(client))
      },
      answered({ client, body }) {
        const isOurs = body?.ucc === undefined || body.ucc === run.clients[client]?.plan.ucc
        if (isOurs) terms[client]?.hear(body?.term, awake(client))
      },
      sent({ client, link, frame }) {
        const id = `${client} ${link}`
        if (frame.type === 'leave') over(id)
        const there = welcomed.get(id)
        if (frame.type !== 'subscribe' && frame.type !== 'command') return
        // An event stream is opened with its subscribes, where a connection to that server had been welcomed before.
        if (there === undefined) return void opened.add(id)
        attached(client, id, isWarm(client) && frame.type === 'subscribe' ? fenceOf(client) : there.fence)
      },
      event({ client, name }) {
        const face = run.clients[client]?.client
        if (!isWarm(client) || !ARRIVALS.has(name) || face?.state !== 'connected') return
        // A standby that is taken while nobody subscribes: nothing is sent, and it is attached to all the same.
        for (const [id, { endpointId }] of welcomed)
          if (id.startsWith(`${client} `) && endpointId === face.active?.id) attached(client, id, fenceOf(client))
      },
      ended: ({ client, link }) => over(`${client} ${link}`),
    }
  },
}
