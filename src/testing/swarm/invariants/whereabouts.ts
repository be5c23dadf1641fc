/** Where a client is, and for how long it may be nowhere or in the wrong place. */
import { DEFAULTS } from '../../../client/defaults'
import type { EndpointInfo } from '../../../client/reports'
import { longestDrawMs } from '../bounds'
import type { ClientView, Invariant, Reader, RunView } from '../invariant'

/** In-band proof outweighs probes that fail. */
const PROOF_MS = 3000
/** From the verdict to leaving, and from arriving to being seen there. */
const REACTION_MS = 3000

export const notOnKnownDownServer: Invariant = {
  name: 'not-on-known-down-server',
  statement: 'Nobody stays on a server known to be down while another one is known that could serve.',
  watch(run, violated) {
    const watched = run.clients.map(() => ({
      since: NaN,
      proofAt: new Map<string, number>(),
      welcomedBy: new Map<string, string>(),
    }))
    return {
      heard({ client, endpointId, frame }) {
        watched[client]?.proofAt.set(endpointId, run.clients[client]?.awakeMs() ?? 0)
        if (frame.type === 'welcome') watched[client]?.welcomedBy.set(endpointId, frame.server)
      },
      sampled({ client, active, endpoints }) {
        const view = run.clients[client]
        const state = watched[client]
        if (view === undefined || state === undefined) return
        const here = endpoints.find(({ id }) => id === active)
        const now = view.awakeMs()
        const proofAt = state.proofAt.get(here?.id ?? '') ?? -Infinity
        // Where an address has been re-pointed its readiness is another server's: the connection's own beats count.
        const isRepointed = here !== undefined && state.welcomedBy.get(here.id) !== here.server
        const proven = now - proofAt < PROOF_MS && (here?.readiness === 'running' || isRepointed)
        const isStuck = here !== undefined && isKnownDown(here) && !proven && hasCandidate(run, client, here, endpoints)
        if (!isStuck) state.since = NaN
        else if (Number.isNaN(state.since)) state.since = now
        else if (now - state.since > REACTION_MS)
          violated(`client ${client} on ${here.name} (${here.breaker}, ${here.readiness}) for ${now - state.since} ms`)
      },
    }
  },
}

/** Attempts of one client that came to nothing, by endpoint: what it waits for after them. */
class FailedAttempts {
  readonly #counts = new Map<string, number>()
  readonly #begun = new Map<number, { readonly endpointId: string; readonly at: number }>()

  dialled(link: number, endpointId: string, at: number): void {
    this.#begun.set(link, { endpointId, at })
  }

  /** One that lived for a while was none. */
  ended(link: number, at: number): void {
    const { endpointId, at: begunAt } = this.#begun.get(link) ?? {}
    this.#begun.delete(link)
    if (endpointId === undefined || begunAt === undefined) return
    const isStable = at - begunAt >= DEFAULTS.connect.stableAfterMs
    this.#counts.set(endpointId, isStable ? 0 : (this.#counts.get(endpointId) ?? 0) + 1)
  }

  /** The longest backoff that may be pending: the candidate may be any of them. */
  waitMs(): number {
    const { backoffMs, maxBackoffMs } = DEFAULTS.connect
    const most = Math.max(0, ...this.#counts.values())
    return most === 0 ? 0 : Math.min(maxBackoffMs, backoffMs * BACKOFF_GROWTH ** most)
  }
}

/** Twice as long each time, and up to as much again by chance. */
const BACKOFF_GROWTH = 3

export const notNowhereForLong: Invariant = {
  name: 'not-nowhere-for-long',
  statement: 'While a server that can serve is known, nobody is without one for longer than its draw and its attempts.',
  watch(run, violated) {
    const since = run.clients.map(() => NaN)
    const failed = run.clients.map(() => new FailedAttempts())
    return {
      dialled: ({ client, link, endpointId, at }) => failed[client]?.dialled(link, endpointId, at),
      ended: ({ client, link, at }) => failed[client]?.ended(link, at),
      sampled({ client, active, endpoints }) {
        const view = run.clients[client]
        if (view === undefined) return
        const isLost = active === undefined && hasCandidate(run, client, undefined, endpoints)
        const now = view.awakeMs()
        const from = since[client] ?? NaN
        const backoffMs = failed[client]?.waitMs() ?? 0
        if (!isLost) since[client] = NaN
        else if (Number.isNaN(from)) since[client] = now
        else if (now - from > longestDrawMs(run.plan, view.plan) + attemptMs(view) + backoffMs)
          violated(`client ${client} is nowhere for ${Math.round(now - from)} ms (backoff ${Math.round(backoffMs)} ms)`)
      },
    } satisfies Reader
  },
}

/** To ask, to dial in vain, to dial again, and to be seen there; with the application’s hook where there is one. */
function attemptMs({ plan }: ClientView): number {
  const { timeoutMs, restoreTimeoutMs } = DEFAULTS.connect
  return DEFAULTS.health.timeoutMs + 2 * (timeoutMs + (plan.restores ? restoreTimeoutMs : 0)) + REACTION_MS
}

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
