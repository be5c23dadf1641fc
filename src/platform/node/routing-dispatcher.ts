/**
 * An undici Dispatcher that routes: for programs that already use `fetch(url, { dispatcher })` or `undici.request`. A
 * request to the dedicated hostname or an endpoint waits for the client's candidate and goes there over that road's own
 * Agent; any other goes through a plain Agent. It retries nothing: what failed is the caller's, as with any Dispatcher.
 */
import { Agent, Dispatcher } from 'undici'
import type { Road } from '../../core/road'
import type { DispatchRoute, DispatchRouter } from '../dispatch-router'
import type { Cancel } from '../platform'
import { classifyFailure } from './classify-failure'
import { dialUrl } from './connector'
import { meterDispatcher, type ProgressMeter } from './dispatcher'

type AnyHandler = Record<string, ((this: unknown, ...parameters: unknown[]) => unknown) | undefined>
type Headers = Dispatcher.DispatchOptions['headers']

/** Ends a request that never got to a connection. */
function refuse(handler: Dispatcher.DispatchHandler, error: Error): void {
  // The older interface first: undici's own handlers that have both mean the same by both.
  if (typeof handler.onError === 'function') handler.onError(error)
  else handler.onResponseError?.(null as never, error)
}

/** The URL a request means. Put together as text: a path that begins with `//` is no other host. */
function urlOf({ origin, path }: Dispatcher.DispatchOptions): URL | undefined {
  try {
    return origin === undefined ? undefined : new URL(new URL(origin).origin + path)
  } catch {
    return undefined
  }
}

/** As `name, value, name, value`: the one shape that keeps repeated headers. */
function flatten(headers: Headers): unknown[] {
  if (headers === null || headers === undefined) return []
  if (Array.isArray(headers)) return [...headers]
  const entries: Iterable<readonly [string, unknown]> =
    Symbol.iterator in headers ? (headers as Iterable<readonly [string, unknown]>) : Object.entries(headers)
  return [...entries].flatMap(([name, value]) => [name, value])
}

function hasAuthorization(flat: readonly unknown[]): boolean {
  return flat.some((name, index) => index % 2 === 0 && String(name).toLowerCase() === 'authorization')
}

/**
 * Tells the judge what traffic showed: the first answer, or the failure before it; never an abort. Wraps in place, as
 * fetch and undici read their own members through `this`.
 */
function watchOutcome(handler: AnyHandler, route: DispatchRoute, meter: ProgressMeter): void {
  let over = false
  let aborted = false
  const answered = (status: unknown, headers: unknown): void => {
    // 1xx come before the answer.
    if (over || typeof status !== 'number' || status < 200) return
    over = true
    route.answered(status, hasRetryAfter(headers))
  }
  const failed = (error: unknown, isAborted: boolean): void => {
    if (over) return
    over = true
    if (!aborted && !isAborted) route.failed(classifyFailure(error, meter.progress))
  }
  const before = (name: string, look: (parameters: unknown[]) => void): void => {
    const original = handler[name]
    if (typeof original !== 'function') return
    handler[name] = function (this: unknown, ...parameters: unknown[]): unknown {
      look(parameters)
      return original.apply(this, parameters)
    }
  }
  before('onConnect', (parameters) => {
    const abort = parameters[0] as (reason?: unknown) => void
    parameters[0] = (reason?: unknown): void => {
      aborted = true
      abort(reason)
    }
  })
  before('onHeaders', ([status, headers]) => answered(status, headers))
  before('onUpgrade', () => answered(200, []))
  before('onError', ([error]) => failed(error, false))
  before('onResponseStart', ([, status, headers]) => answered(status, headers))
  before('onRequestUpgrade', () => answered(200, []))
  before('onResponseError', ([controller, error]) => {
    failed(error, (controller as { readonly aborted?: boolean } | null)?.aborted === true)
  })
}

/** Raw names and values (the older interface), or an object of lower-case names. */
function hasRetryAfter(headers: unknown): boolean {
  if (!Array.isArray(headers)) return typeof headers === 'object' && headers !== null && 'retry-after' in headers
  return headers.some((name, index) => index % 2 === 0 && String(name).toLowerCase() === 'retry-after')
}

/** See the head of this file. */
export class RoutingDispatcher extends Dispatcher {
  readonly #plain = new Agent()
  readonly #waiting = new Map<Dispatcher.DispatchHandler, Cancel>()
  readonly #stopWatching: Cancel
  #over = false

  constructor(
    private readonly router: DispatchRouter,
    /** The Agent of a road, which the client owns. */
    private readonly agentOf: (road: Road) => Dispatcher,
  ) {
    super()
    this.#stopWatching = router.onClose(() => void this.close())
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (this.#over) {
      refuse(handler, this.router.closedError())
      return true
    }
    const url = urlOf(options)
    if (url === undefined || !this.router.knows(url)) return this.#plain.dispatch(options, handler)
    const flat = flatten(options.headers)
    let isSettled = false
    const cancel = this.router.route(url, !hasAuthorization(flat), (route) => {
      isSettled = true
      this.#waiting.delete(handler)
      if ('error' in route) refuse(handler, route.error)
      else this.#go(options, handler, flat, route)
    })
    if (!isSettled) this.#waiting.set(handler, cancel)
    return true
  }

  /** What waits for a candidate is refused; what runs may end. The client's own Agents stay with the client. */
  override close(callback?: () => void): Promise<void> & void {
    return whenDone(
      this.#end(() => this.#plain.close()),
      callback,
    )
  }

  override destroy(...parameters: [(Error | null | (() => void))?, (() => void)?]): Promise<void> & void {
    const [first, second] = parameters
    const error = first instanceof Error ? first : null
    return whenDone(
      this.#end(() => this.#plain.destroy(error)),
      typeof first === 'function' ? first : second,
    )
  }

  #go(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    flat: unknown[],
    route: DispatchRoute,
  ): void {
    const { road, token } = route
    const url = new URL(dialUrl(road, road.url + route.path))
    const meter: ProgressMeter = { progress: 'untouched' }
    const headers = (token === undefined ? flat : [...flat, 'authorization', `Bearer ${token}`]) as string[]
    const routed = { ...options, origin: url.origin, path: url.pathname + url.search, headers }
    watchOutcome(handler as AnyHandler, route, meter)
    try {
      meterDispatcher(this.agentOf(road), meter).dispatch(routed, handler)
    } catch (error) {
      refuse(handler, error as Error)
    }
  }

  async #end(endPlain: () => Promise<void>): Promise<void> {
    this.#over = true
    this.#stopWatching()
    for (const [handler, cancel] of this.#waiting) {
      cancel()
      refuse(handler, this.router.closedError())
    }
    this.#waiting.clear()
    // Closed already: there is nothing left to end.
    if (!this.#plain.destroyed) await endPlain().catch(() => undefined)
  }
}

/** Both of undici's styles. */
function whenDone(done: Promise<void>, callback: (() => void) | undefined): Promise<void> & void {
  if (callback === undefined) return done as Promise<void> & void
  void done.then(callback)
  return undefined as unknown as Promise<void> & void
}
