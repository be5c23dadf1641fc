/** Where a client is, and what it may be connected to. */
import type { FailoverEventName } from '../../../client/events'
import type { EndpointInfo } from '../../../client/reports'
import { DEFAULTS } from '../../../client/defaults'
import type { Invariant, Reader, RunView } from '../invariant'
import { longestDrawMs } from '../bounds'

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
        if (frame.type === 'welcome' || (welcomed.has(id) && frame.term !== undefined))
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
        if ((frame.type !== 'subscribe' && frame.type !== 'command') || there === undefined) return
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

/** In-band proof outweighs probes that fail. */
const PROOF_MS = 3000
/** From the verdict to leaving, and from arriving to being seen there. */
const REACTION_MS = 3000

export const notOnKnownDownServer: Invariant = {
  name: 'not-on-known-down-server',
  statement: 'Nobody stays on a server known to be down while another one is known that could serve.',
  watch(run, violated) {
    const watched = run.clients.map(() => ({ since: NaN, proofAt: -Infinity }))
    return {
      heard({ client }) {
        const state = watched[client]
        if (state !== undefined) state.proofAt = run.clients[client]?.awakeMs() ?? 0
      },
      sampled({ client, active, endpoints }) {
        const view = run.clients[client]
        const state = watched[client]
        if (view === undefined || state === undefined) return
        const here = endpoints.find(({ id }) => id === active)
        const now = view.awakeMs()
        const proven = now - state.proofAt < PROOF_MS && here?.readiness === 'running'
        const isStuck = here !== undefined && isKnownDown(here) && !proven && hasCandidate(run, client, here, endpoints)
        if (!isStuck) state.since = NaN
        else if (Number.isNaN(state.since)) state.since = now
        else if (now - state.since > REACTION_MS)
          violated(`client ${client} on ${here.name} (${here.breaker}, ${here.readiness}) for ${now - state.since} ms`)
      },
    }
  },
}

export const notNowhereForLong: Invariant = {
  name: 'not-nowhere-for-long',
  statement: 'While a server that can serve is known, nobody is without one for longer than its draw and its attempts.',
  watch(run, violated) {
    const since = run.clients.map(() => NaN)
    return {
      sampled({ client, active, endpoints }) {
        const view = run.clients[client]
        if (view === undefined) return
        const isLost = active === undefined && hasCandidate(run, client, undefined, endpoints)
        const now = view.awakeMs()
        const from = since[client] ?? NaN
        if (!isLost) since[client] = NaN
        else if (Number.isNaN(from)) since[client] = now
        else if (now - from > longestDrawMs(run.plan, view.plan) + ATTEMPTS_MS)
          violated(`client ${client} is nowhere for ${now - from} ms`)
      },
    } satisfies Reader
  },
}

/** One attempt, the longest wait between two, and another attempt. */
const ATTEMPTS_MS =
  2 * (DEFAULTS.connect.timeoutMs + DEFAULTS.connect.restoreTimeoutMs) + DEFAULTS.connect.maxBackoffMs + REACTION_MS

function isKnownDown({ breaker, readiness }: EndpointInfo): boolean {
  return breaker === 'open' || readiness === 'stopped' || readiness === 'starting'
}

/** Is another endpoint known, by the client, that really could take it now? */
function hasCandidate(
  run: RunView,
  client: number,
  here: EndpointInfo | undefined,
  endpoints: readonly EndpointInfo[],
): boolean {
  const ucc = run.clients[client]?.plan.ucc ?? ''
  const highest = Math.max(...endpoints.map(({ term }) => term ?? -Infinity))
  return endpoints.some(
    ({ id, server, breaker, readiness, draining, term }) =>
      id !== here?.id &&
      server !== undefined &&
      server !== here?.server &&
      breaker === 'closed' &&
      readiness === 'running' &&
      !draining &&
      (term ?? Infinity) >= highest &&
      run.truth.serves(server, ucc) &&
      run.truth.reaches(client, server),
  )
}
