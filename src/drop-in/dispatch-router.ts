/** Routes single requests for a Dispatcher: the candidate of the moment and the token; no retries of its own. */
import { FailoverError } from '../errors'
import type { DispatchRoute, DispatchRouter } from '../platform/dispatch-router'
import type { Cancel } from '../platform/platform'
import { clientClosed, tokenFailed } from './fetch-errors'
import { placeOnRoad } from './fetch-url'
import type { Route, Routing } from './routing'

/** A router over the client's routing. */
export function createDispatchRouter(routing: Routing): DispatchRouter {
  return {
    knows: (url) => routing.knows(url),
    route: (url, wantsToken, done) => new DispatchAsk(routing, url, wantsToken, done).start(),
    closedError: () => clientClosed(),
    onClose: (listener) => routing.onClose(listener),
  }
}

/** One request on its way to a road: waits for a candidate (at most `requests.readyTimeoutMs`), then for the token. */
class DispatchAsk {
  readonly #stops = new Set<Cancel>()

  constructor(
    private readonly routing: Routing,
    private readonly url: URL,
    private readonly wantsToken: boolean,
    private readonly done: (route: DispatchRoute | { readonly error: Error }) => void,
  ) {}

  start(): Cancel {
    const { routing, url } = this
    const { readyTimeoutMs } = routing.requests
    this.#stops.add(
      routing.platform.setTimer(readyTimeoutMs, () => {
        const { code, why } = routing.lack()
        const message = `no endpoint could serve within ${readyTimeoutMs} ms: ${why}`
        this.#end({ error: new FailoverError(code, message, { subject: url.pathname }) })
      }),
    )
    const ask = { avoid: [], freshProof: !routing.platform.can.proveUnsent, purpose: 'request' } as const
    this.#stops.add(routing.route(ask, (route) => this.#routed(route)))
    return () => this.#stop()
  }

  #routed(route: Route): void {
    this.#stop()
    if (!this.wantsToken) return this.#end(this.#describe(route, undefined))
    const { endpointId, server } = route
    const cancel = this.routing.token({ reason: 'connect', endpointId, server }, (answer) => {
      this.#end('error' in answer ? { error: tokenFailed(answer.error) } : this.#describe(route, answer.token))
    })
    this.#stops.add(cancel)
  }

  #describe(route: Route, token: string | undefined): DispatchRoute {
    return {
      ...placeOnRoad(this.url, this.routing.homeOf(this.url), route.road),
      ...(token === undefined ? {} : { token }),
      answered: (status, retryAfter) => this.routing.evidence(route, { type: 'status', status, retryAfter }),
      failed: (failure) => this.routing.evidence(route, { type: 'failure', failure }),
    }
  }

  #end(outcome: DispatchRoute | { readonly error: Error }): void {
    this.#stop()
    this.done(outcome)
  }

  #stop(): void {
    for (const stop of this.#stops) stop()
    this.#stops.clear()
  }
}
