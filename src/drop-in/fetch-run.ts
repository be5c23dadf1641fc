/** Carries out what the Request machine decides, for one routed call of `fetch`. */
import { RequestMachine } from '../core/request'
import type { RequestEffect, RequestInput } from '../core/request-protocol'
import { NEVER } from '../core/time'
import type { Instant } from '../core/time'
import { discardResponse } from '../platform/fetch-exchange'
import type { Cancel } from '../platform/platform'
import { FetchAttempt } from './fetch-attempt'
import type { AttemptOutcome } from './fetch-attempt'
import type { FetchCall } from './fetch-call'
import { readRetryAfter, toFetchError } from './fetch-errors'
import type { AbortWatch } from './fetch-signal'
import type { Route, Routing } from './routing'

interface Flight {
  readonly controller: AbortController
  readonly attempt: FetchAttempt
  response?: Response
}

const noop: Cancel = () => undefined

/** Runs a call to its response. */
export function runCall(routing: Routing, call: FetchCall, aborts: AbortWatch): Promise<Response> {
  return new Promise((resolve, reject) => new FetchRun(routing, call, aborts, resolve, reject).start())
}

class FetchRun {
  readonly #machine: RequestMachine
  readonly #flights = new Map<number, Flight>()
  readonly #stops: Cancel[] = []
  #route: Route | undefined
  #cancelRoute: Cancel = noop
  #cancelTimer: Cancel = noop
  #timerAt: Instant = NEVER
  /** What an abort rejects with: the signal's reason, or the error of an attempt that ended the whole call. */
  #reason: unknown

  constructor(
    private readonly routing: Routing,
    private readonly call: FetchCall,
    private readonly aborts: AbortWatch,
    private readonly resolve: (response: Response) => void,
    private readonly reject: (reason: unknown) => void,
  ) {
    const { platform, requests, budget } = routing
    const { readyTimeoutMs, maxRetries, sharedKeys } = requests
    const config = {
      deadline: platform.now() + requests.timeoutMs,
      readyTimeoutMs,
      maxRetries,
      sharedKeys,
      safe: requests.safeMethods.has(call.method),
      keyed: call.headers.has('idempotency-key'),
      replayable: call.body.replayable,
      proveUnsent: platform.can.proveUnsent,
    }
    this.#machine = new RequestMachine(config, budget, () => platform.random())
  }

  start(): void {
    const { signal } = this.call
    if (signal !== undefined) {
      this.#stops.push(this.aborts.watch(signal, () => this.#abort(signal.reason)))
    }
    this.#stops.push(
      this.routing.onLeft((left) => {
        if (left.how !== 'lost') return
        // A late word about an older generation says nothing of the present one.
        if (this.#route?.endpointId === left.endpointId && this.#route.generation > left.generation) return
        this.#feed({ type: 'left', endpointId: left.endpointId })
      }),
      this.routing.onClose(() => this.#feed({ type: 'closed' })),
    )
    this.#feed({ type: 'start' })
  }

  #feed(input: RequestInput): void {
    for (const effect of this.#machine.handle(this.routing.platform.now(), input)) this.#perform(effect)
    this.#arm()
  }

  #perform(effect: RequestEffect): void {
    switch (effect.type) {
      case 'route':
        this.#cancelRoute = this.routing.route({ ...pick(effect), purpose: 'request' }, (route) => {
          this.#route = route
          this.#feed({ type: 'routed', route })
        })
        return
      case 'cancel-route':
        return this.#cancelRoute()
      case 'dispatch':
        return this.#dispatch(effect.attempt)
      case 'discard':
        return this.#discard(effect.attempt)
      case 'evidence':
        return this.routing.evidence(effect.route, effect.outcome)
      case 'respond':
        return this.#respond(effect.attempt)
      case 'reject':
        this.#end()
        if (effect.code === 'OUTCOME_UNKNOWN') this.#tellDoubt()
        return this.reject(effect.code === 'ABORTED' ? this.#reason : this.#errorOf(effect))
    }
  }

  #errorOf(effect: Extract<RequestEffect, { type: 'reject' }>): Error {
    return toFetchError(effect, this.call.url.pathname, this.#route, this.routing.lack())
  }

  #tellDoubt(): void {
    const { method, url, headers } = this.call
    const key = headers.get('idempotency-key')
    const server = this.#route?.server
    this.routing.inDoubt({
      subject: `${method} ${url.pathname}`,
      ...(key === null ? {} : { key }),
      ...(server === undefined ? {} : { server }),
    })
  }

  #dispatch(number: number): void {
    if (this.#route === undefined) return
    const controller = new AbortController()
    const attempt = new FetchAttempt(
      this.routing,
      this.call,
      this.#route,
      controller.signal,
      {
        sent: () => this.#feed({ type: 'sent', attempt: number }),
        waiting: () => this.#feed({ type: 'waiting', attempt: number }),
        redirected: (route) => {
          this.#route = route
          this.#feed({ type: 'redirected', attempt: number, route })
        },
      },
      (outcome) => this.#attemptEnded(number, outcome),
    )
    this.#flights.set(number, { controller, attempt })
    attempt.start()
  }

  #attemptEnded(number: number, outcome: AttemptOutcome): void {
    if (outcome.type === 'error') return this.#abort(outcome.error)
    if (outcome.type === 'failed') return this.#feed({ type: 'failed', attempt: number, failure: outcome.failure })
    const flight = this.#flights.get(number)
    if (flight === undefined) return discardResponse(outcome.response)
    flight.response = outcome.response
    const { status, headers } = outcome.response
    const retryAfterMs = readRetryAfter(headers.get('retry-after'), this.routing.platform.wallClock())
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
    this.#feed({ type: 'response', attempt: number, status, ...wait })
  }

  #discard(number: number): void {
    const flight = this.#flights.get(number)
    this.#flights.delete(number)
    if (flight === undefined) return
    flight.attempt.cancel()
    if (flight.response !== undefined) discardResponse(flight.response)
  }

  #respond(number: number): void {
    const flight = this.#flights.get(number)
    this.#end()
    if (flight?.response === undefined) return
    const { signal, request } = this.call
    const signals = signal === undefined ? [this.routing.closing] : [signal, this.routing.closing]
    this.aborts.watchBody(signals, request, flight.controller, flight.response)
    this.resolve(flight.response)
  }

  #abort(reason: unknown): void {
    this.#reason = reason
    this.#feed({ type: 'aborted' })
  }

  #arm(): void {
    const deadline = this.#machine.deadline()
    if (deadline === this.#timerAt) return
    this.#cancelTimer()
    this.#cancelTimer = noop
    this.#timerAt = deadline
    if (deadline === NEVER) return
    const { platform } = this.routing
    this.#cancelTimer = platform.setTimer(Math.max(0, deadline - platform.now()), () => {
      this.#timerAt = NEVER
      this.#feed({ type: 'tick' })
    })
  }

  #end(): void {
    for (const stop of this.#stops) stop()
    this.#stops.length = 0
  }
}

function pick({ avoid, freshProof }: Extract<RequestEffect, { type: 'route' }>): {
  readonly avoid: readonly string[]
  readonly freshProof: boolean
} {
  return { avoid, freshProof }
}
