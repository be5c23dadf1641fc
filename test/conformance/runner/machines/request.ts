/**
 * One HTTP request after the other, against the servers that are candidates at that moment. As the pool does, this
 * adapter names the first candidate that the request does not avoid, an avoided one when there is no other, and
 * nobody until there is one.
 */
import { DEFAULTS } from '../../../../src/client/defaults'
import { RequestMachine } from '../../../../src/core/request'
import type { RequestConfig, RequestEffect, RequestInput, RouteTaken } from '../../../../src/core/request-protocol'
import type { RetryBudget } from '../../../../src/core/retry-budget'
import type { FailureKind, NetworkFailure } from '../../../../src/core/road'
import type { Instant } from '../../../../src/core/time'
import { NEVER } from '../../../../src/core/time'
import type { Fields } from '../fields'
import { CaseError } from '../fields'
import type { MachineKind, Subject } from '../machine'
import { readBudget, tokensLeft } from './budget'
import { Clock } from './clock'

const FAILURES = [
  ...(['refused', 'reset', 'unreachable', 'connect-timeout', 'timeout', 'certificate'] as const),
  ...(['dns', 'blocked', 'opaque', 'aborted'] as const),
] as const satisfies readonly FailureKind[]

/**
 * | input | what happens |
 * |---|---|
 * | `call: { method, timeoutMs, body, idempotencyKey, sharedKeys, inPage, … }` | the application makes a request |
 * | `candidates: ["srv1"]` | who is a candidate from now on, the best first |
 * | `connecting`, `written`: `true` | how far the attempt got, where the case says `"writtenAtOnce": false` |
 * | `answer: 503`, or `{ status, retryAfterMs, attempt }`; `fail: "reset"` | what became of it |
 * | `redirect: "srv2"`; `failover: "srv1"` | it is there now; everybody leaves that endpoint |
 * | `spend: 1` | other requests of the client take tokens |
 * | `abort`, `close`: `true` | what the application does |
 */
export const request: MachineKind = {
  inputs: [
    ...['call', 'candidates', 'written', 'connecting', 'answer', 'fail', 'redirect'],
    ...['failover', 'spend', 'abort', 'close'],
  ],
  expects: { sends: [], ends: [], asks: undefined, drops: undefined, evidence: undefined, tokens: undefined },
  create: (config) => new RequestSubject(config),
}

class RequestSubject implements Subject {
  readonly #budget: RetryBudget
  readonly #draw: number
  #machine: RequestMachine
  #candidates: readonly RouteTaken[]
  /** Endpoints that the request avoids, while it waits for a candidate. */
  #asked: readonly string[] | undefined
  #isWrittenAtOnce: boolean
  readonly #clock = new Clock(
    () => this.#machine.deadline(),
    () => this.#feed({ type: 'tick' }),
  )
  #attempt = 0
  readonly #routes = new Map<number, RouteTaken>()
  readonly #statuses = new Map<number, number>()
  #seen = nothingSeen()

  constructor(config: Fields) {
    this.#budget = readBudget(config.object('budget'))
    this.#draw = config.number('draw', 0)
    this.#candidates = readRoutes(config, 'candidates')
    this.#isWrittenAtOnce = config.boolean('writtenAtOnce', true)
    this.#machine = new RequestMachine(IDLE, this.#budget)
  }

  advance(to: Instant): void {
    this.#clock.advance(to)
  }

  take(word: string, row: Fields): void {
    const attempt = this.#attempt
    switch (word) {
      case 'call':
        return this.#call(row.object(word))
      case 'candidates':
        this.#candidates = readRoutes(row, word)
        return this.#route()
      case 'written':
        return this.#feed({ type: 'sent', attempt })
      case 'connecting':
        return this.#feed({ type: 'waiting', attempt })
      case 'answer':
        return this.#answer(row)
      case 'fail':
        return this.#feed({ type: 'failed', attempt, failure: readFailure(row) })
      case 'redirect':
        return this.#redirect(row)
      case 'failover':
        return this.#feed({ type: 'left', endpointId: row.string(word) })
      case 'spend':
        for (let taken = 0; taken < row.number(word); taken += 1) this.#budget.take(this.#clock.now)
        return
      case 'abort':
        return this.#feed({ type: 'aborted' })
      default:
        return this.#feed({ type: 'closed' })
    }
  }

  observe(): Readonly<Record<string, unknown>> {
    const seen = this.#seen
    this.#seen = nothingSeen()
    const { now } = this.#clock
    const budget = this.#budget
    return {
      ...seen,
      // Asked for only where a case compares it: to look starts the refill.
      get tokens() {
        return tokensLeft(budget, now)
      },
    }
  }

  #call(given: Fields): void {
    if (this.#machine.deadline() !== NEVER) throw new CaseError(given.path, 'the call before has not ended')
    this.#machine = new RequestMachine(readCall(given, this.#clock.now), this.#budget, () => this.#draw)
    this.#attempt = 0
    this.#feed({ type: 'start' })
  }

  #answer(row: Fields): void {
    const isStatus = typeof row.raw('answer') === 'number'
    const given = isStatus ? undefined : row.object('answer')
    const status = given === undefined ? row.number('answer') : given.number('status')
    const retryAfter = given?.has('retryAfterMs') === true ? { retryAfterMs: given.number('retryAfterMs') } : {}
    const attempt = given?.number('attempt', this.#attempt) ?? this.#attempt
    given?.done()
    this.#statuses.set(attempt, status)
    this.#feed({ type: 'response', attempt, status, ...retryAfter })
  }

  #redirect(row: Fields): void {
    const route = named(row.string('redirect'))
    this.#routes.set(this.#attempt, route)
    this.#feed({ type: 'redirected', attempt: this.#attempt, route })
    this.#feed({ type: 'sent', attempt: this.#attempt })
  }

  #feed(input: RequestInput): void {
    for (const effect of this.#machine.handle(this.#clock.now, input)) this.#note(effect)
    this.#route()
  }

  /** Answers the question for a candidate as soon as there is one. */
  #route(): void {
    const avoid = this.#asked
    if (avoid === undefined) return
    const route = this.#candidates.find(({ endpointId }) => !avoid.includes(endpointId)) ?? this.#candidates[0]
    if (route === undefined) return
    this.#asked = undefined
    this.#feed({ type: 'routed', route })
  }

  #note(effect: RequestEffect): void {
    switch (effect.type) {
      case 'route':
        this.#asked = effect.avoid
        this.#seen.asks.push({ avoid: effect.avoid, freshProof: effect.freshProof })
        return
      case 'cancel-route':
        this.#asked = undefined
        return
      case 'dispatch':
        this.#attempt = effect.attempt
        this.#routes.set(effect.attempt, effect.route)
        this.#seen.sends.push(effect.route.endpointId)
        if (this.#isWrittenAtOnce) this.#machine.handle(this.#clock.now, { type: 'sent', attempt: effect.attempt })
        return
      case 'discard':
        this.#seen.drops.push(this.#routes.get(effect.attempt)?.endpointId ?? 'nobody')
        return
      case 'evidence': {
        const { type: _type, ...outcome } = effect.outcome
        const what = effect.outcome.type === 'failure' ? { failure: effect.outcome.failure.kind } : outcome
        const timeout = effect.outcome.type === 'timeout' ? { timeout: true } : {}
        this.#seen.evidence.push({ of: effect.route.endpointId, ...what, ...timeout })
        return
      }
      case 'respond': {
        const from = this.#routes.get(effect.attempt)?.endpointId
        this.#seen.ends.push({ status: this.#statuses.get(effect.attempt), from })
        return
      }
      case 'reject':
        this.#seen.ends.push({ code: effect.code, failure: effect.failure?.kind })
    }
  }
}

function nothingSeen() {
  return {
    sends: [] as string[],
    ends: [] as object[],
    asks: [] as object[],
    drops: [] as string[],
    evidence: [] as object[],
  }
}

const IDLE: RequestConfig = {
  deadline: NEVER,
  readyTimeoutMs: 0,
  maxRetries: 0,
  safe: true,
  keyed: false,
  sharedKeys: false,
  replayable: true,
  proveUnsent: true,
}

/** `body: "stream"` can be sent once; in a page nobody can prove that nothing was sent. */
function readCall(given: Fields, now: Instant): RequestConfig {
  const { timeoutMs, readyTimeoutMs, maxRetries } = DEFAULTS.requests
  const methods = given.strings('retryMethods', DEFAULTS.retry.methods)
  const config = {
    deadline: now + given.number('timeoutMs', timeoutMs),
    readyTimeoutMs: given.number('readyTimeoutMs', readyTimeoutMs),
    maxRetries: given.number('maxRetries', maxRetries),
    safe: methods.includes(given.string('method')),
    keyed: given.boolean('idempotencyKey', false),
    sharedKeys: given.boolean('sharedKeys', DEFAULTS.retry.sharedKeys),
    replayable: given.oneOf('body', ['none', 'text', 'stream'], 'none') !== 'stream',
    proveUnsent: !given.boolean('inPage', false),
  }
  given.done()
  return config
}

/** Names of endpoints, each with a server of its own, or `{"endpoint", "server", "generation"}`. */
function readRoutes(row: Fields, name: string): readonly RouteTaken[] {
  const raw = row.raw(name)
  if (Array.isArray(raw) && raw.every((one) => typeof one === 'string')) return row.strings(name).map(named)
  return row.objects(name).map((given) => {
    const route = {
      endpointId: given.string('endpoint'),
      generation: given.number('generation', 1),
      ...(given.has('server') ? { server: given.string('server') } : {}),
    }
    given.done()
    return route
  })
}

function named(endpoint: string): RouteTaken {
  return { endpointId: endpoint, generation: 1, server: endpoint }
}

/** A kind of failure; `reset`, `timeout` and `opaque` may have arrived, the others certainly did not. */
function readFailure(row: Fields): NetworkFailure {
  const kind = row.oneOf('fail', FAILURES)
  const sent = kind === 'reset' || kind === 'timeout' || kind === 'opaque' || kind === 'aborted' ? 'maybe' : 'no'
  return { kind, sent, message: kind }
}
