import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RequestMachine } from '../../src/core/request'
import type { RequestConfig, RequestEffect, RequestInput, RouteTaken } from '../../src/core/request-protocol'
import { RetryBudget } from '../../src/core/retry-budget'
import type { NetworkFailure } from '../../src/core/road'
import { NEVER } from '../../src/core/time'

const BUDGET = { tokens: 5, maxTokens: 100, perSuccess: 0.1, perSecond: 0.05 }
const SAFE: RequestConfig = {
  deadline: 15_000,
  readyTimeoutMs: 5000,
  maxRetries: 2,
  safe: true,
  keyed: false,
  sharedKeys: false,
  replayable: true,
  proveUnsent: true,
}
const UNSAFE = { ...SAFE, safe: false }
const KEYED = { ...UNSAFE, keyed: true }
const SHARED = { ...KEYED, sharedKeys: true }
const ONCE = { ...SAFE, replayable: false }

const A: RouteTaken = { endpointId: 'a', generation: 1, server: 'srv1' }
const B: RouteTaken = { endpointId: 'b', generation: 1, server: 'srv2' }
const REFUSED: NetworkFailure = { kind: 'refused', sent: 'no', message: 'connect ECONNREFUSED' }
const RESET: NetworkFailure = { kind: 'reset', sent: 'maybe', message: 'socket hang up' }

/** A machine and what it said, without the evidence, which has its own tests. */
function world(config: RequestConfig, tokens = BUDGET.tokens) {
  const budget = new RetryBudget({ ...BUDGET, tokens })
  const machine = new RequestMachine(config, budget, () => 0)
  const evidence: RequestEffect[] = []
  const feed = (now: number, input: RequestInput): readonly RequestEffect[] => {
    const effects = machine.handle(now, input)
    evidence.push(...effects.filter((effect) => effect.type === 'evidence'))
    return effects.filter((effect) => effect.type !== 'evidence')
  }
  const start = (now = 0): readonly RequestEffect[] => feed(now, { type: 'start' })
  const routed = (now: number, route: RouteTaken): readonly RequestEffect[] => feed(now, { type: 'routed', route })
  /** Dispatches attempt `attempt` and says that it was sent. */
  const fly = (now: number, route: RouteTaken, attempt: number): void => {
    expect(routed(now, route)).toEqual([{ type: 'dispatch', attempt, route }])
    expect(feed(now, { type: 'sent', attempt })).toEqual([])
  }
  const status = (now: number, attempt: number, code: number, retryAfterMs?: number): readonly RequestEffect[] =>
    feed(now, { type: 'response', attempt, status: code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
  const fail = (now: number, attempt: number, failure: NetworkFailure): readonly RequestEffect[] =>
    feed(now, { type: 'failed', attempt, failure })
  const tick = (now: number): readonly RequestEffect[] => feed(now, { type: 'tick' })
  return { budget, machine, evidence, feed, start, routed, fly, status, fail, tick }
}

const ask = (avoid: readonly string[] = [], freshProof = false): RequestEffect => ({ type: 'route', avoid, freshProof })
const respond = (attempt: number): RequestEffect => ({ type: 'respond', attempt })
const discard = (attempt: number): RequestEffect => ({ type: 'discard', attempt })
const rejection = (code: string): unknown => expect.objectContaining({ type: 'reject', code })

describe('a request that succeeds', () => {
  it('asks for a candidate, goes there, responds, credits the budget', () => {
    const { start, fly, status, budget, evidence, machine } = world(SAFE)
    expect(machine.deadline()).toBe(NEVER)
    expect(start()).toEqual([ask()])
    expect(machine.deadline()).toBe(5000)
    fly(10, A, 1)
    expect(machine.deadline()).toBe(15_000)
    expect(status(20, 1, 200)).toEqual([respond(1)])
    expect(machine.deadline()).toBe(NEVER)
    expect(evidence).toEqual([
      { type: 'evidence', route: A, outcome: { type: 'status', status: 200, retryAfter: false } },
    ])
    expect(budget.available(20)).toBeCloseTo(5.1 + 0.05 * 0.02, 2)
  })

  it.each([200, 204, 302, 304, 400, 401, 403, 404, 409, 500, 501])('returns a %i as it is', (code) => {
    const { start, fly, status, budget } = world(SAFE)
    start()
    fly(0, A, 1)
    expect(status(0, 1, code)).toEqual([respond(1)])
    expect(budget.available(0)).toBeCloseTo(code < 500 ? 5.1 : 5)
  })
})

describe('a retryable status', () => {
  it.each([502, 503, 504, 408])('%i of a safe request: at once on another candidate, for a token', (code) => {
    const { start, fly, status, budget } = world(SAFE)
    start()
    fly(0, A, 1)
    expect(status(10, 1, code)).toEqual([ask(['a'])])
    expect(budget.available(10)).toBeCloseTo(5, 2)
    fly(10, B, 2)
    expect(budget.available(10)).toBeCloseTo(4, 2)
    expect(status(20, 2, 200)).toEqual([discard(1), respond(2)])
  })

  it.each([
    ['unsafe', UNSAFE],
    ['not replayable', ONCE],
  ])('is returned when the request is %s', (_name, config) => {
    for (const code of [502, 503, 504, 408, 429]) {
      const { start, fly, status } = world(config)
      start()
      fly(0, A, 1)
      expect(status(0, 1, code, code === 429 ? 100 : undefined)).toEqual([respond(1)])
    }
  })

  it('is asked again where it came from only after a pause', () => {
    const { start, fly, status, routed, machine, tick } = world(SAFE)
    start()
    fly(0, A, 1)
    expect(status(100, 1, 503)).toEqual([ask(['a'])])
    expect(routed(100, A)).toEqual([])
    expect(machine.deadline()).toBe(350)
    expect(tick(349)).toEqual([])
    expect(tick(350)).toEqual([ask(['a'])])
    fly(350, A, 2)
  })

  it('ends after two retries with the last response', () => {
    const { start, fly, status } = world(SAFE)
    start()
    fly(0, A, 1)
    status(0, 1, 503)
    fly(0, B, 2)
    expect(status(1000, 2, 502)).toEqual([discard(1), ask(['a', 'b'])])
    fly(1000, A, 3)
    expect(status(2000, 3, 504)).toEqual([discard(2), respond(3)])
  })

  it('returns the last response when the budget is empty', () => {
    const { start, fly, status } = world(SAFE, 0.5)
    start()
    fly(0, A, 1)
    expect(status(0, 1, 503)).toEqual([respond(1)])
  })

  it('returns the last response when another request took the last token meanwhile', () => {
    const { start, fly, status, routed, budget } = world(SAFE, 1)
    start()
    fly(0, A, 1)
    expect(status(0, 1, 503)).toEqual([ask(['a'])])
    expect(budget.take(0)).toBe(true)
    expect(routed(0, B)).toEqual([respond(1)])
  })

  it('returns the last response when no candidate comes', () => {
    const { start, fly, status, tick } = world(SAFE)
    start()
    fly(0, A, 1)
    status(0, 1, 503)
    expect(tick(4999)).toEqual([])
    expect(tick(5000)).toEqual([{ type: 'cancel-route' }, respond(1)])
  })
})

describe('Retry-After', () => {
  it('binds its endpoint: another candidate is tried at once', () => {
    const { start, fly, status } = world(SAFE)
    start()
    fly(0, A, 1)
    expect(status(0, 1, 503, 60_000)).toEqual([ask(['a'])])
    fly(0, B, 2)
  })

  it('is waited for where there is no other candidate', () => {
    const { start, fly, status, routed, machine, tick } = world(SAFE)
    start()
    fly(0, A, 1)
    status(0, 1, 503, 2000)
    expect(routed(0, A)).toEqual([])
    expect(machine.deadline()).toBe(2000)
    expect(tick(2000)).toEqual([ask(['a'])])
    fly(2000, A, 2)
  })

  it('longer than the deadline, and no other candidate: the response is returned at once', () => {
    const { start, fly, status, routed } = world(SAFE)
    start()
    fly(0, A, 1)
    status(0, 1, 503, 15_000)
    expect(routed(0, A)).toEqual([respond(1)])
  })

  it('of a 429 is waited for at the same endpoint', () => {
    const { start, fly, status, machine, tick } = world(SAFE)
    start()
    fly(0, A, 1)
    expect(status(0, 1, 429, 1000)).toEqual([])
    expect(machine.deadline()).toBe(1000)
    expect(tick(1000)).toEqual([ask()])
    fly(1000, A, 2)
  })

  it.each([
    ['missing', undefined],
    ['longer than the deadline', 15_000],
  ])('of a 429, %s: the response is returned', (_name, retryAfterMs) => {
    const { start, fly, status } = world(SAFE)
    start()
    fly(0, A, 1)
    expect(status(0, 1, 429, retryAfterMs)).toEqual([respond(1)])
  })

  it('is told as evidence', () => {
    const { start, fly, status, evidence } = world(SAFE)
    start()
    fly(0, A, 1)
    status(0, 1, 503, 1000)
    expect(evidence).toEqual([
      { type: 'evidence', route: A, outcome: { type: 'status', status: 503, retryAfter: true } },
    ])
  })
})

describe('a request that was provably not sent', () => {
  it.each([
    ['safe', SAFE],
    ['unsafe', UNSAFE],
    ['keyed', KEYED],
  ])('is re-routed without a token: %s', (_name, config) => {
    const { start, fly, fail, budget, evidence } = world(config)
    start()
    fly(0, A, 1)
    expect(fail(10, 1, REFUSED)).toEqual([ask(['a'])])
    fly(10, B, 2)
    expect(budget.available(10)).toBeCloseTo(5, 2)
    expect(evidence).toEqual([{ type: 'evidence', route: A, outcome: { type: 'failure', failure: REFUSED } }])
  })

  it('does not count as a retry, but ends', () => {
    const { start, fly, fail } = world({ ...UNSAFE, deadline: NEVER }, 0)
    start()
    let now = 0
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      fly(now, attempt % 2 === 1 ? A : B, attempt)
      expect(fail(now, attempt, REFUSED)).toEqual([expect.objectContaining({ type: 'route' })])
      now += 60_000
    }
    fly(now, A, 9)
    expect(fail(now, 9, REFUSED)).toEqual([
      { type: 'reject', code: 'NETWORK', message: REFUSED.message, failure: REFUSED },
    ])
  })

  it('is not hammered at the only endpoint', () => {
    const { start, fly, fail, routed, machine } = world(UNSAFE)
    start()
    fly(0, A, 1)
    fail(0, 1, REFUSED)
    expect(routed(0, A)).toEqual([])
    expect(machine.deadline()).toBe(250)
  })

  it('is not re-routed with a stream as its body', () => {
    const { start, fly, fail } = world(ONCE)
    start()
    fly(0, A, 1)
    expect(fail(0, 1, REFUSED)).toEqual([rejection('NETWORK')])
  })
})

describe('a network failure of a request that may have been sent', () => {
  it('safe: at once on another candidate, for a token', () => {
    const { start, fly, fail, budget } = world(SAFE)
    start()
    fly(0, A, 1)
    expect(fail(0, 1, RESET)).toEqual([ask(['a'])])
    fly(0, B, 2)
    expect(budget.available(0)).toBeCloseTo(4)
  })

  it('safe, budget empty: the failure is returned when the endpoint was not condemned for it', () => {
    const { start, fly, fail, machine } = world(SAFE, 0)
    start()
    fly(0, A, 1)
    expect(fail(0, 1, RESET)).toEqual([])
    expect(machine.deadline()).toBe(2000)
    expect(machine.handle(2000, { type: 'tick' })).toEqual([
      { type: 'reject', code: 'NETWORK', message: RESET.message, failure: RESET },
    ])
  })

  it('safe, budget empty: moves free of charge when the endpoint is left for it', () => {
    const { start, fly, fail, machine } = world(SAFE, 0)
    start()
    fly(0, A, 1)
    expect(fail(0, 1, RESET)).toEqual([])
    const effects = machine.handle(50, { type: 'left', endpointId: A.endpointId })
    expect(effects).toMatchObject([{ type: 'route', avoid: [A.endpointId] }])
    expect(machine.handle(50, { type: 'routed', route: B })).toMatchObject([{ type: 'dispatch', attempt: 2 }])
  })

  it('safe, after a response: that response is returned', () => {
    const { start, fly, fail, status } = world(SAFE, 1)
    start()
    fly(0, A, 1)
    status(0, 1, 502)
    fly(0, B, 2)
    expect(fail(0, 2, RESET)).toEqual([respond(1)])
  })

  it('unsafe: the outcome is unknown', () => {
    const { start, fly, fail } = world(UNSAFE)
    start()
    fly(0, A, 1)
    expect(fail(0, 1, RESET)).toEqual([expect.objectContaining({ code: 'OUTCOME_UNKNOWN', failure: RESET })])
  })

  it('is no evidence when it was our own abort', () => {
    const { start, fly, fail, evidence } = world(UNSAFE)
    start()
    fly(0, A, 1)
    fail(0, 1, { ...RESET, kind: 'aborted' })
    expect(evidence).toEqual([])
  })
})

describe('an Idempotency-Key', () => {
  it('is repeated on the same server, after a pause', () => {
    const { start, fly, fail, tick, machine, status } = world(KEYED)
    start()
    fly(0, A, 1)
    expect(fail(0, 1, RESET)).toEqual([])
    expect(machine.deadline()).toBe(250)
    expect(tick(250)).toEqual([ask()])
    fly(250, A, 2)
    expect(status(260, 2, 201)).toEqual([respond(2)])
  })

  it('is repeated on the same server behind another endpoint', () => {
    const { start, fly, fail, tick } = world(KEYED)
    start()
    fly(0, A, 1)
    fail(0, 1, RESET)
    tick(250)
    fly(250, { endpointId: 'vip', generation: 4, server: 'srv1' }, 2)
  })

  it.each([
    ['named', A, B],
    ['unnamed', { endpointId: 'a', generation: 1 }, { endpointId: 'b', generation: 1 }],
    ['unnamed, re-pointed', { endpointId: 'a', generation: 1 }, { endpointId: 'a', generation: 2 }],
  ])('is not repeated on another server: %s', (_name, one, other) => {
    const { start, fly, fail, tick, routed } = world(KEYED)
    start()
    fly(0, one, 1)
    fail(0, 1, RESET)
    tick(250)
    expect(routed(250, other)).toEqual([rejection('OUTCOME_UNKNOWN')])
  })

  it('bound to a server that answered 503, with only another one left: the response is returned', () => {
    const { start, fly, status, tick, routed } = world(KEYED)
    start()
    fly(0, A, 1)
    expect(status(0, 1, 503)).toEqual([])
    tick(250)
    expect(routed(250, B)).toEqual([respond(1)])
  })

  it('with shared keys is repeated at once on another server', () => {
    const { start, fly, fail } = world(SHARED)
    start()
    fly(0, A, 1)
    expect(fail(0, 1, RESET)).toEqual([ask(['a'])])
    fly(0, B, 2)
  })

  it('stays in doubt until something answers', () => {
    const { start, fly, fail, tick } = world(SHARED)
    start()
    fly(0, A, 1)
    fail(0, 1, RESET)
    expect(tick(5000)).toEqual([{ type: 'cancel-route' }, rejection('OUTCOME_UNKNOWN')])
  })

  it('answered after the doubt, then no candidate: the answer is returned', () => {
    const { start, fly, fail, status, tick } = world(SHARED)
    start()
    fly(0, A, 1)
    fail(0, 1, RESET)
    fly(0, B, 2)
    expect(status(0, 2, 503)).toEqual([ask(['a', 'b'])])
    expect(tick(5000)).toEqual([{ type: 'cancel-route' }, respond(2)])
  })

  it('answered after the doubt: no doubt is left', () => {
    const { start, fly, fail, status } = world(SHARED, 1)
    start()
    fly(0, A, 1)
    fail(0, 1, RESET)
    fly(0, B, 2)
    expect(status(0, 2, 503)).toEqual([respond(2)])
  })
})

describe('no candidate', () => {
  it('is waited for, then told, at no cost', () => {
    const { start, tick, machine, budget } = world(SAFE)
    start()
    expect(machine.deadline()).toBe(5000)
    expect(tick(5000)).toEqual([{ type: 'cancel-route' }, rejection('NO_ENDPOINT_AVAILABLE')])
    expect(budget.available(5000)).toBeGreaterThanOrEqual(5)
  })

  it('is not waited for beyond the deadline', () => {
    const { start, tick, machine } = world({ ...UNSAFE, deadline: 1000 })
    start()
    expect(machine.deadline()).toBe(1000)
    expect(tick(1000)).toEqual([{ type: 'cancel-route' }, rejection('NO_ENDPOINT_AVAILABLE')])
  })

  it('in a page an unsafe request asks for a fresh proof', () => {
    const page = { proveUnsent: false }
    expect(world({ ...UNSAFE, ...page }).start()).toEqual([ask([], true)])
    expect(world({ ...KEYED, ...page }).start()).toEqual([ask([], true)])
    expect(world({ ...SAFE, ...page }).start()).toEqual([ask()])
    expect(world(UNSAFE).start()).toEqual([ask()])
  })
})

describe('the endpoint is left by a failover', () => {
  it('safe: aborted there and repeated on the new one, free of charge', () => {
    const { start, fly, feed, status, budget } = world(SAFE, 0)
    start()
    fly(0, A, 1)
    expect(feed(100, { type: 'left', endpointId: 'a' })).toEqual([discard(1), ask(['a'])])
    fly(100, B, 2)
    expect(budget.available(100)).toBeLessThan(0.01)
    expect(status(150, 1, 200)).toEqual([discard(1)])
    expect(status(200, 2, 200)).toEqual([respond(2)])
  })

  it.each([
    ['unsafe', UNSAFE],
    ['keyed', KEYED],
    ['with a stream', ONCE],
  ])('%s: keeps its deadline', (_name, config) => {
    const { start, fly, feed, status } = world(config)
    start()
    fly(0, A, 1)
    expect(feed(100, { type: 'left', endpointId: 'a' })).toEqual([])
    expect(status(200, 1, 200)).toEqual([respond(1)])
  })

  it('unsafe, still waiting for its token: moves, nothing has left', () => {
    const { start, routed, feed } = world(UNSAFE)
    start()
    routed(0, A)
    expect(feed(100, { type: 'left', endpointId: 'a' })).toEqual([discard(1), ask(['a'])])
  })

  it.each([
    ['safe', SAFE],
    ['unsafe', UNSAFE],
    ['keyed', KEYED],
  ])('%s, still waiting for its connection: moves, nothing has left', (_name, config) => {
    const { start, fly, feed, status, budget } = world(config, 0)
    start()
    fly(0, A, 1)
    expect(feed(50, { type: 'waiting', attempt: 1 })).toEqual([])
    expect(feed(100, { type: 'left', endpointId: 'a' })).toEqual([discard(1), ask(['a'])])
    fly(100, B, 2)
    expect(budget.available(100)).toBeLessThan(0.01)
    expect(status(200, 2, 200)).toEqual([respond(2)])
  })

  it('unsafe, its connection came and it was written: keeps its deadline', () => {
    const { start, fly, feed } = world(UNSAFE)
    start()
    fly(0, A, 1)
    feed(50, { type: 'waiting', attempt: 1 })
    feed(60, { type: 'sent', attempt: 1 })
    expect(feed(100, { type: 'left', endpointId: 'a' })).toEqual([])
  })

  it('with a stream, waiting for its connection: keeps its deadline, the stream may have been read', () => {
    const { start, fly, feed } = world(ONCE)
    start()
    fly(0, A, 1)
    feed(50, { type: 'waiting', attempt: 1 })
    expect(feed(100, { type: 'left', endpointId: 'a' })).toEqual([])
  })

  it('redirected to another endpoint: is there, and no longer where it came from', () => {
    const { start, fly, feed, status, evidence } = world(SAFE)
    start()
    fly(0, A, 1)
    expect(feed(50, { type: 'redirected', attempt: 1, route: B })).toEqual([])
    expect(feed(60, { type: 'left', endpointId: 'a' })).toEqual([])
    expect(feed(70, { type: 'left', endpointId: 'b' })).toEqual([discard(1), ask(['b'])])
    fly(70, A, 2)
    feed(75, { type: 'redirected', attempt: 2, route: B })
    expect(status(80, 2, 200)).toEqual([respond(2)])
    expect(evidence).toMatchObject([{ route: B, outcome: { status: 200 } }])
  })

  it('keyed with shared keys: repeated', () => {
    const { start, fly, feed } = world(SHARED)
    start()
    fly(0, A, 1)
    expect(feed(100, { type: 'left', endpointId: 'a' })).toEqual([discard(1), ask(['a'])])
  })

  it('ends a wait for that endpoint', () => {
    const { start, fly, status, routed, feed } = world(SAFE)
    start()
    fly(0, A, 1)
    status(0, 1, 503, 5000)
    routed(0, A)
    expect(feed(100, { type: 'left', endpointId: 'a' })).toEqual([ask(['a'])])
    fly(100, B, 2)
  })

  it('another endpoint: nothing', () => {
    const { start, fly, feed } = world(SAFE)
    start()
    fly(0, A, 1)
    expect(feed(100, { type: 'left', endpointId: 'b' })).toEqual([])
  })
})

describe('the deadline', () => {
  it.each([
    ['safe', SAFE, 'REQUEST_TIMEOUT'],
    ['unsafe', UNSAFE, 'OUTCOME_UNKNOWN'],
    ['keyed', KEYED, 'OUTCOME_UNKNOWN'],
  ])('%s, in flight: %s', (_name, config, code) => {
    const { start, fly, tick, evidence } = world(config)
    start()
    fly(0, A, 1)
    expect(tick(14_999)).toEqual([])
    expect(tick(15_000)).toEqual([discard(1), rejection(code)])
    expect(evidence).toEqual([{ type: 'evidence', route: A, outcome: { type: 'timeout' } }])
  })

  it('while the token is awaited: never sent, and no evidence', () => {
    const { start, routed, tick, evidence } = world(UNSAFE)
    start()
    routed(0, A)
    expect(tick(15_000)).toEqual([discard(1), rejection('REQUEST_TIMEOUT')])
    expect(evidence).toEqual([])
  })

  it('while the connection is awaited: never sent, and said so', () => {
    const { start, fly, feed, tick, evidence } = world(UNSAFE)
    start()
    fly(0, A, 1)
    feed(50, { type: 'waiting', attempt: 1 })
    const failure = expect.objectContaining({ kind: 'connect-timeout', sent: 'no' }) as unknown
    expect(tick(15_000)).toEqual([discard(1), expect.objectContaining({ code: 'REQUEST_TIMEOUT', failure })])
    expect(evidence).toEqual([{ type: 'evidence', route: A, outcome: { type: 'timeout' } }])
  })

  it('while the connection of a repetition is awaited: the first one stays in doubt', () => {
    const { start, fly, feed, fail, tick } = world(SHARED)
    start()
    fly(0, A, 1)
    fail(0, 1, RESET)
    fly(0, B, 2)
    feed(50, { type: 'waiting', attempt: 2 })
    expect(tick(15_000)).toEqual([discard(2), rejection('OUTCOME_UNKNOWN')])
  })

  it('of a retry: the response that was kept is let go', () => {
    const { start, fly, status, tick } = world(SAFE)
    start()
    fly(0, A, 1)
    status(0, 1, 503)
    fly(0, B, 2)
    expect(tick(15_000)).toEqual([discard(2), discard(1), rejection('REQUEST_TIMEOUT')])
  })
})

describe('the end', () => {
  it('abort in each state ends what is under way', () => {
    const waiting = world(SAFE)
    waiting.start()
    expect(waiting.feed(1, { type: 'aborted' })).toEqual([{ type: 'cancel-route' }, rejection('ABORTED')])
    const flying = world(UNSAFE)
    flying.start()
    flying.fly(0, A, 1)
    expect(flying.feed(1, { type: 'aborted' })).toEqual([discard(1), rejection('ABORTED')])
    const holding = world(SAFE)
    holding.start()
    holding.fly(0, A, 1)
    holding.status(0, 1, 429, 1000)
    expect(holding.feed(1, { type: 'aborted' })).toEqual([discard(1), rejection('ABORTED')])
  })

  it('close: CLIENT_CLOSED, or OUTCOME_UNKNOWN for what may have left', () => {
    const code = (config: RequestConfig, isSent: boolean): unknown => {
      const { start, routed, feed } = world(config)
      start()
      routed(0, A)
      if (isSent) feed(0, { type: 'sent', attempt: 1 })
      return feed(1, { type: 'closed' })
    }
    expect(code(SAFE, true)).toEqual([discard(1), rejection('CLIENT_CLOSED')])
    expect(code(UNSAFE, true)).toEqual([discard(1), rejection('OUTCOME_UNKNOWN')])
    expect(code(UNSAFE, false)).toEqual([discard(1), rejection('CLIENT_CLOSED')])
    const waiting = world(UNSAFE)
    waiting.start()
    waiting.fly(0, A, 1)
    waiting.feed(1, { type: 'waiting', attempt: 1 })
    expect(waiting.feed(2, { type: 'closed' })).toEqual([discard(1), rejection('CLIENT_CLOSED')])
  })

  it('nothing happens afterwards, but a late response is let go', () => {
    const { start, fly, feed, status, fail, tick, routed } = world(SAFE)
    start()
    fly(0, A, 1)
    feed(1, { type: 'aborted' })
    expect(status(2, 1, 200)).toEqual([discard(1)])
    expect(fail(2, 1, RESET)).toEqual([])
    expect(routed(2, B)).toEqual([])
    expect(tick(20_000)).toEqual([])
    expect(feed(3, { type: 'closed' })).toEqual([])
  })
})

describe('the budget in a total outage', () => {
  /** Every attempt fails softly at once, both endpoints are candidates all the time. */
  function attemptsPerRequest(ratePerSecond: number, requests: number, answer: 'status' | 'failure'): number {
    const budget = new RetryBudget(BUDGET)
    let attempts = 0
    for (let index = 0; index < requests; index += 1) {
      let now = (index * 1000) / ratePerSecond
      const machine = new RequestMachine({ ...SAFE, deadline: now + 15_000 }, budget, () => 0.5)
      let effects = machine.handle(now, { type: 'start' })
      for (let step = 0; step < 100 && effects.length > 0; step += 1) {
        const last: RequestEffect | undefined = effects.findLast((effect) => effect.type !== 'evidence')
        if (last?.type === 'route') {
          const route = last.avoid.includes('a') && !last.avoid.includes('b') ? B : A
          effects = machine.handle(now, { type: 'routed', route })
          if (effects.length > 0) continue
          now = machine.deadline()
          effects = machine.handle(now, { type: 'tick' })
        } else if (last?.type === 'dispatch') {
          attempts += 1
          const { attempt } = last
          machine.handle(now, { type: 'sent', attempt })
          effects =
            answer === 'status'
              ? machine.handle(now, { type: 'response', attempt, status: 502 })
              : machine.handle(now, { type: 'failed', attempt, failure: RESET })
        } else break
      }
      // What waits for a verdict gives up when none comes.
      machine.handle(machine.deadline(), { type: 'tick' })
      expect(machine.deadline()).toBe(NEVER)
    }
    return attempts / requests
  }

  it.each(['status', 'failure'] as const)('adds at most 40 %% at 0.2 requests a second: %s', (answer) => {
    expect(attemptsPerRequest(0.2, 100, answer)).toBeLessThanOrEqual(1.4)
    expect(attemptsPerRequest(0.2, 100, answer)).toBeGreaterThan(1.1)
  })

  it('adds next to nothing at 100 requests a second', () => {
    expect(attemptsPerRequest(100, 2000, 'failure')).toBeLessThanOrEqual(1.01)
  })
})

describe('whatever happens', () => {
  const failure = fc.constantFrom(REFUSED, RESET)
  const input = fc.oneof(
    fc.record({ type: fc.constant('routed' as const), route: fc.constantFrom(A, B) }),
    fc.record({
      type: fc.constant('response' as const),
      attempt: fc.integer({ min: 1, max: 4 }),
      status: fc.constantFrom(200, 404, 408, 429, 500, 502, 503),
      retryAfterMs: fc.constantFrom(0, 1000, 60_000),
    }),
    fc.record({ type: fc.constant('failed' as const), attempt: fc.integer({ min: 1, max: 4 }), failure }),
    fc.record({ type: fc.constant('left' as const), endpointId: fc.constantFrom('a', 'b') }),
    fc.record({ type: fc.constant('sent' as const), attempt: fc.integer({ min: 1, max: 4 }) }),
    fc.constantFrom({ type: 'tick' as const }),
  )
  const configs = fc.record({
    deadline: fc.constant(15_000),
    readyTimeoutMs: fc.constant(5000),
    maxRetries: fc.constant(2),
    safe: fc.boolean(),
    keyed: fc.boolean(),
    sharedKeys: fc.boolean(),
    replayable: fc.boolean(),
    proveUnsent: fc.boolean(),
  })

  it('ends once by its deadline and repeats nothing that must not be', () => {
    fc.assert(
      fc.property(
        configs,
        fc.array(fc.tuple(input, fc.integer({ min: 0, max: 2000 })), { maxLength: 40 }),
        (config, steps) => {
          const machine = new RequestMachine(config, new RetryBudget(BUDGET), () => 0.5)
          const effects: RequestEffect[] = [...machine.handle(0, { type: 'start' })]
          let now = 0
          /** Servers that may have seen it: sent there and not proved unsent. `open` ones never answered either. */
          const seen = new Set<string | undefined>()
          let open = 0
          let live: { readonly attempt: number; readonly server: string | undefined; sent: boolean } | undefined
          for (const [step, afterMs] of steps) {
            now = Math.min(now + afterMs, machine.deadline())
            if ('attempt' in step && step.attempt !== live?.attempt) continue
            if (step.type === 'sent' && live !== undefined) live.sent = true
            const inputs = now >= machine.deadline() ? [{ type: 'tick' as const }, step] : [step]
            const fresh = inputs.flatMap((one) => [...machine.handle(now, one)])
            effects.push(...fresh)
            const isLeft = fresh.some((effect) => effect.type === 'discard' && effect.attempt === live?.attempt)
            const isLost = isLeft || (step.type === 'failed' && step.failure.sent === 'maybe')
            if (live?.sent === true && (isLost || step.type === 'response')) seen.add(live.server)
            if (live?.sent === true && isLost) open += 1
            if (isLeft || step.type === 'response' || step.type === 'failed') live = undefined
            const dispatch = fresh.find((effect) => effect.type === 'dispatch')
            if (dispatch === undefined) continue
            const { server } = dispatch.route
            live = { attempt: dispatch.attempt, server, sent: false }
            if (open > 0 && !config.safe) expect(config.keyed).toBe(true)
            if (seen.size > 0) expect(config.replayable).toBe(true)
            if (seen.size > 0 && !config.safe && !config.sharedKeys) expect(seen).toContain(server)
          }
          effects.push(...machine.handle(15_000, { type: 'tick' }), ...machine.handle(15_000, { type: 'tick' }))
          const ends = effects.filter((effect) => effect.type === 'respond' || effect.type === 'reject')
          expect(ends).toHaveLength(1)
          expect(machine.deadline()).toBe(NEVER)
          const attempts = effects.filter((effect) => effect.type === 'dispatch').map(({ attempt }) => attempt)
          expect(attempts.length).toBeLessThanOrEqual(1 + 2 + 8)
        },
      ),
      { numRuns: 1000 },
    )
  })
})
