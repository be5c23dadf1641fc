/**
 * The retry decision of one routed HTTP request.
 *
 * Theory of operation. A request is `routing` (asking the pool for a candidate), `holding` (a candidate is known but
 * must not be asked yet: Retry-After, or the only candidate just failed), or `flying`. Three questions decide what
 * follows a failure:
 *
 * - *May it be repeated at all?* Provably unsent: always (free, but bounded). Else only when the method is safe or an
 *   Idempotency-Key makes it so; a body that cannot be replayed is sent once, whatever happened.
 * - *Where?* Anywhere, except that a key without shared key memory binds it to the server that may have seen it.
 * - *At what price?* A repetition of something that may have been sent costs one of `maxRetries` and a token of the
 *   client's budget, both taken when it leaves, so that waiting is free. Moving away from an endpoint that was left by
 *   a failover, or that never got the request, costs nothing.
 *
 * The last retryable response is kept until something better comes: when retries end, the caller gets it.
 */
import { Backoff } from './backoff'
import type { Random } from './random'
import type { RequestConfig, RequestEffect, RequestInput, RouteTaken } from './request-protocol'
import { RequestRoads } from './request-roads'
import {
  EARLY_END,
  IN_DOUBT,
  isRepeatable,
  MAX_FREE_MOVES,
  VERDICT_MS,
  mayLeave,
  NO_CONNECTION,
  RETRYABLE_STATUSES,
  SAME_ENDPOINT_BACKOFF,
  TOO_LATE,
} from './request-rules'
import { isFlight } from './request-state'
import type { FlightProgress, RequestState } from './request-state'
import { FLIGHT_TRANSITIONS, REQUEST_TRANSITIONS } from './request-transitions'
import type { RetryBudget } from './retry-budget'
import type { NetworkFailure } from './road'
import { NEVER } from './time'
import type { DurationMs, Instant } from './time'
import { transition } from './transitions'

type Reject = Extract<RequestEffect, { type: 'reject' }>

/** See the head of this file. One instance a request; every method is pure in `now`. */
export class RequestMachine {
  #state: RequestState = { is: 'idle' }
  #effects: RequestEffect[] = []
  #attempts = 0
  #retries = 0
  #freeMoves = 0
  #backoff: Backoff | undefined
  readonly #roads: RequestRoads
  /** An unsafe attempt ended without an answer, and nothing has answered since. */
  #inDoubt = false
  /** The retryable response that is returned when nothing better comes. */
  #kept: number | undefined
  #failure: NetworkFailure | undefined

  /** `random` spreads the waits before the same endpoint is asked again. */
  constructor(
    private readonly config: RequestConfig,
    private readonly budget: RetryBudget,
    private readonly random: Random = () => 0.5,
  ) {
    this.#roads = new RequestRoads(config)
  }

  /** Takes what happened, returns what to do about it, in order. */
  handle(now: Instant, input: RequestInput): readonly RequestEffect[] {
    this.#effects = []
    this.#step(now, input)
    return this.#effects
  }

  /** When to send `tick`. */
  deadline(): Instant {
    switch (this.#state.is) {
      case 'idle':
      case 'deciding':
      case 'done':
        return NEVER
      case 'flying':
        return this.config.deadline
      default:
        return Math.min(this.#state.until, this.config.deadline)
    }
  }

  #step(now: Instant, input: RequestInput): void {
    if (this.#state.is === 'done') {
      // A late response: nobody will read its body.
      if (input.type === 'response') this.#emit({ type: 'discard', attempt: input.attempt })
      return
    }
    switch (input.type) {
      case 'start':
        return this.#route(now, false)
      case 'routed':
        return this.#routed(now, input.route)
      case 'sent':
        return this.#progressed(input.attempt, 'send')
      case 'waiting':
        return this.#progressed(input.attempt, 'wait')
      case 'redirected':
        if (isFlight(this.#state, input.attempt)) this.#state = { ...this.#state, route: input.route }
        return
      case 'response':
        return this.#responded(now, input)
      case 'failed':
        return this.#failed(now, input.attempt, input.failure)
      case 'left':
        return this.#left(now, input.endpointId)
      case 'aborted':
        return this.#reject({ type: 'reject', code: 'ABORTED', message: 'the request was aborted' })
      case 'closed':
        return this.#closed()
      case 'tick':
        return this.#tick(now)
    }
  }

  #progressed(attempt: number, event: 'send' | 'wait'): void {
    const state = this.#state
    if (!isFlight(state, attempt)) return
    this.#state = { ...state, progress: transition(FLIGHT_TRANSITIONS, state.progress, event) }
  }

  #route(now: Instant, paid: boolean): void {
    const until = Math.min(now + this.config.readyTimeoutMs, this.config.deadline)
    this.#state = { is: transition(REQUEST_TRANSITIONS, this.#state.is, 'route'), until, paid }
    const freshProof = !this.config.safe && !this.config.proveUnsent
    this.#emit({ type: 'route', avoid: this.#roads.avoided, freshProof })
  }

  #routed(now: Instant, route: RouteTaken): void {
    if (this.#state.is !== 'routing') return
    const { paid } = this.#state
    this.#state = { is: transition(REQUEST_TRANSITIONS, this.#state.is, 'decide') }
    if (!this.#roads.allows(route)) return this.#giveUp()
    const notBefore = this.#roads.notBefore(route.endpointId) ?? now
    // The pool names an avoided endpoint only when it has no other candidate.
    if (notBefore > now) return this.#hold(route.endpointId, notBefore, paid)
    if (paid && !this.budget.take(now)) return this.#awaitVerdict(now, this.#roads.seenBy ?? route)
    if (paid) this.#retries += 1
    this.#attempts += 1
    const attempt = this.#attempts
    this.#state = { is: transition(REQUEST_TRANSITIONS, this.#state.is, 'fly'), attempt, route, progress: 'held' }
    this.#emit({ type: 'dispatch', attempt, route })
  }

  #hold(endpointId: string, until: Instant, paid: boolean): void {
    if (until >= this.config.deadline) return this.#giveUp()
    this.#state = { is: transition(REQUEST_TRANSITIONS, this.#state.is, 'hold'), until, paid, endpointId }
  }

  #responded(now: Instant, input: Extract<RequestInput, { type: 'response' }>): void {
    const { attempt, status, retryAfterMs } = input
    const state = this.#state
    if (!isFlight(state, attempt)) return this.#emit({ type: 'discard', attempt })
    const outcome = { type: 'status', status, retryAfter: retryAfterMs !== undefined } as const
    this.#emit({ type: 'evidence', route: state.route, outcome })
    this.#state = { is: transition(REQUEST_TRANSITIONS, state.is, 'decide') }
    this.#inDoubt = false
    this.#roads.seen(state.route)
    if (this.#kept !== undefined) this.#emit({ type: 'discard', attempt: this.#kept })
    this.#kept = attempt
    if (!RETRYABLE_STATUSES.has(status)) {
      if (status < 500) this.budget.success(now)
      return this.#respond(attempt)
    }
    // Without Retry-After a 429 says nothing of when: the caller, not this library, asks too much.
    if (!this.#mayRetry(now) || (status === 429 && retryAfterMs === undefined)) return this.#respond(attempt)
    this.#tryAgain(now, state.route, retryAfterMs ?? this.#waitMs(), status !== 429)
  }

  #failed(now: Instant, attempt: number, failure: NetworkFailure): void {
    const state = this.#state
    if (!isFlight(state, attempt)) return
    if (failure.kind !== 'aborted') {
      this.#emit({ type: 'evidence', route: state.route, outcome: { type: 'failure', failure } })
    }
    this.#state = { is: transition(REQUEST_TRANSITIONS, state.is, 'decide') }
    this.#failure = failure
    if (failure.sent === 'no') {
      // A stream may have been read already although nothing of it left: it is never given to the network twice.
      const isSpent = !this.config.replayable && state.progress !== 'held'
      if (isSpent || this.#freeMoves >= MAX_FREE_MOVES) return this.#giveUp()
      this.#freeMoves += 1
      this.#roads.tried(state.route.endpointId, now + this.#waitMs(), true)
      return this.#route(now, false)
    }
    this.#mayHaveArrived(state.route)
    if (!this.#mayRetry(now)) return this.#awaitVerdict(now, state.route)
    this.#tryAgain(now, state.route, this.#waitMs(), true)
  }

  /**
   * No repeat is left to pay, but the connection broke: if the endpoint is being condemned for it, the request moves
   * with everybody else, free of charge, as those still in flight do. Nothing is sent while it waits.
   */
  #awaitVerdict(now: Instant, { endpointId }: RouteTaken): void {
    const canMove = this.config.safe && this.config.replayable && this.#kept === undefined
    if (!canMove || this.#failure?.kind !== 'reset') return this.#giveUp()
    this.#state = { is: transition(REQUEST_TRANSITIONS, this.#state.is, 'doubt'), until: now + VERDICT_MS, endpointId }
  }

  /** A paid repetition: at once on another candidate, later where it failed. */
  #tryAgain(now: Instant, { endpointId }: RouteTaken, waitMs: DurationMs, elsewhere: boolean): void {
    this.#roads.tried(endpointId, now + waitMs, elsewhere)
    if (elsewhere && !this.#roads.isBound) return this.#route(now, true)
    this.#hold(endpointId, now + waitMs, true)
  }

  #left(now: Instant, endpointId: string): void {
    const state = this.#state
    if (state.is === 'holding' && state.endpointId === endpointId && !this.#roads.isBound) {
      return this.#route(now, state.paid)
    }
    if (state.is === 'doubting' && state.endpointId === endpointId && this.#freeMoves < MAX_FREE_MOVES) {
      this.#freeMoves += 1
      this.#roads.tried(endpointId, now, true)
      return this.#route(now, false)
    }
    if (state.is !== 'flying' || state.route.endpointId !== endpointId) return
    if (!mayLeave(this.config, state.progress) || this.#freeMoves >= MAX_FREE_MOVES) return
    this.#freeMoves += 1
    if (state.progress === 'sent') this.#mayHaveArrived(state.route)
    this.#emit({ type: 'discard', attempt: state.attempt })
    this.#roads.tried(endpointId, now, true)
    this.#route(now, false)
  }

  #closed(): void {
    const isSent = this.#state.is === 'flying' && this.#state.progress === 'sent'
    const mayHaveLeft = this.#inDoubt || (isSent && !this.config.safe)
    const code = mayHaveLeft ? 'OUTCOME_UNKNOWN' : 'CLIENT_CLOSED'
    this.#reject({ type: 'reject', code, message: mayHaveLeft ? `${EARLY_END}: ${IN_DOUBT}` : EARLY_END })
  }

  #tick(now: Instant): void {
    const state = this.#state
    if (now < this.deadline()) return
    if (state.is === 'flying') return this.#timedOut(state.route, state.progress)
    if (state.is === 'routing') return this.#giveUp('NO_ENDPOINT_AVAILABLE')
    if (state.is === 'holding') return this.#route(now, state.paid)
    if (state.is === 'doubting') return this.#giveUp()
  }

  #timedOut(route: RouteTaken, progress: FlightProgress): void {
    // Waiting for a token says nothing of the endpoint.
    if (progress !== 'held') this.#emit({ type: 'evidence', route, outcome: { type: 'timeout' } })
    if (this.#inDoubt || (progress === 'sent' && !this.config.safe)) {
      return this.#reject({ type: 'reject', code: 'OUTCOME_UNKNOWN', message: `${TOO_LATE}: ${IN_DOUBT}` })
    }
    const unsent = { failure: { kind: 'connect-timeout', sent: 'no', message: NO_CONNECTION } } as const
    const failure = progress === 'waiting' && this.#roads.seenBy === undefined ? unsent : {}
    this.#reject({ type: 'reject', code: 'REQUEST_TIMEOUT', message: TOO_LATE, ...failure })
  }

  /** Retries have ended: the last response if there is one, else the last failure. Doubt outweighs both. */
  #giveUp(code: 'NETWORK' | 'NO_ENDPOINT_AVAILABLE' = 'NETWORK'): void {
    const failure = this.#failure === undefined ? {} : { failure: this.#failure }
    if (this.#inDoubt) {
      return this.#reject({ type: 'reject', code: 'OUTCOME_UNKNOWN', message: IN_DOUBT, ...failure })
    }
    if (this.#kept !== undefined) return this.#respond(this.#kept)
    const message =
      code === 'NETWORK' ? (this.#failure?.message ?? 'the network failed') : 'no endpoint could serve in time'
    this.#reject({ type: 'reject', code, message, ...failure })
  }

  #respond(attempt: number): void {
    this.#kept = undefined
    this.#leaveState()
    this.#emit({ type: 'respond', attempt })
  }

  #reject(reject: Reject): void {
    this.#leaveState()
    this.#emit(reject)
  }

  /** Ends whatever is under way. */
  #leaveState(): void {
    if (this.#state.is === 'routing') this.#emit({ type: 'cancel-route' })
    if (this.#state.is === 'flying') this.#emit({ type: 'discard', attempt: this.#state.attempt })
    if (this.#kept !== undefined) this.#emit({ type: 'discard', attempt: this.#kept })
    this.#kept = undefined
    this.#state = { is: transition(REQUEST_TRANSITIONS, this.#state.is, 'end') }
  }

  #waitMs(): DurationMs {
    this.#backoff ??= new Backoff(SAME_ENDPOINT_BACKOFF, this.random)
    return this.#backoff.next()
  }

  /** Sent, and no answer: from now on only an answer takes the doubt away. */
  #mayHaveArrived(route: RouteTaken): void {
    this.#roads.seen(route)
    if (!this.config.safe) this.#inDoubt = true
  }

  #mayRetry(now: Instant): boolean {
    return isRepeatable(this.config) && this.#retries < this.config.maxRetries && this.budget.available(now) >= 1
  }

  #emit(effect: RequestEffect): void {
    this.#effects.push(effect)
  }
}
