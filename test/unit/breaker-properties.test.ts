/** The breaker against a list of what happened: it opens exactly by its two counts, and only the prober closes it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { EndpointBreaker } from '../../src/core/breaker'
import { seededRandom } from '../../src/core/random'
import type { BreakerSettings } from '../../src/core/settings'

type Step =
  | { readonly do: 'success' | 'failure' | 'probe-failed' | 'settle' }
  | { readonly do: 'probe-passed'; readonly rise: number }
  | { readonly do: 'trip'; readonly permanent: boolean }
  | { readonly do: 'shift' | 'wait'; readonly ms: number }

const counts = fc
  .record({ consecutive: fc.integer({ min: 1, max: 6 }), window: fc.integer({ min: 1, max: 12 }) })
  .chain(({ consecutive, window }) =>
    fc.record({
      consecutive: fc.constant(consecutive),
      window: fc.constant(window),
      failures: fc.integer({ min: 1, max: window }),
    }),
  )
const settings: fc.Arbitrary<BreakerSettings> = counts.map((given) => ({ ...DEFAULTS.breaker, ...given }))

const traffic: fc.Arbitrary<Step> = fc.constantFrom({ do: 'success' }, { do: 'failure' })
const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: traffic },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 3 }).map((rise): Step => ({ do: 'probe-passed', rise })) },
    { weight: 2, arbitrary: fc.constantFrom<Step[]>({ do: 'probe-failed' }, { do: 'settle' }) },
    { weight: 1, arbitrary: fc.boolean().map((permanent): Step => ({ do: 'trip', permanent })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('shift' as const, 'wait' as const), fc.nat({ max: 40_000 }))
        .map(([what, ms]): Step => ({ do: what, ms })),
    },
  ),
  { maxLength: 80, size: 'max' },
)

/** By the words of the rule: so many in a row, or so many of the last `window`, once there were that many. */
function shouldTrip(calls: readonly boolean[], { consecutive, failures, window }: BreakerSettings): boolean {
  const isFailure = (call: boolean | undefined): boolean => call === false
  if (calls.length >= consecutive && calls.slice(-consecutive).every(isFailure)) return true
  return calls.length >= window && calls.slice(-window).filter(isFailure).length >= failures
}

describe('what opens it', () => {
  it('is `consecutive` failures in a row, or `failures` of the last `window`, and nothing else', () => {
    fc.assert(
      fc.property(settings, fc.array(fc.boolean(), { maxLength: 60, size: 'max' }), fc.nat(), (given, calls, seed) => {
        const breaker = new EndpointBreaker(given, seededRandom(seed))
        for (const [index, call] of calls.entries()) {
          if (call) breaker.success()
          else if (breaker.failure(index)) {
            expect(shouldTrip(calls.slice(0, index + 1), given)).toBe(true)
            return
          } else expect(shouldTrip(calls.slice(0, index + 1), given)).toBe(false)
          expect(breaker.state).toEqual({ is: 'closed' })
        }
      }),
      { numRuns: 2000 },
    )
  })

  // Found by this property at a window of 1,000: the threshold came out as 0, and cockatiel threw.
  it('takes every window and count that the options allow, exactly', () => {
    const pair = fc
      .integer({ min: 1, max: 1000 })
      .chain((window) => fc.tuple(fc.constant(window), fc.integer({ min: 1, max: window })))
    fc.assert(
      fc.property(pair, ([window, failures]) => {
        const breaker = new EndpointBreaker({ ...DEFAULTS.breaker, consecutive: 5000, window, failures }, () => 0)
        // The failures come last, so that the last one of them completes the window too.
        for (let call = 0; call < window - failures; call += 1) breaker.success()
        for (let call = 1; call < failures; call += 1) expect(breaker.failure(0)).toBe(false)
        expect(breaker.failure(0)).toBe(true)
      }),
      { numRuns: 300, examples: [[[1000, 1]], [[1000, 9]], [[1, 1]], [[10, 5]], [[1000, 1000]]] },
    )
  })
})

/** Plays one step and checks what it answers. */
function play(breaker: EndpointBreaker, now: number, step: Step): void {
  const isNow = (): string => breaker.state.is
  const was = isNow()
  switch (step.do) {
    case 'success':
      return breaker.success()
    case 'failure': {
      const opened = breaker.failure(now)
      return expect(opened).toBe(was === 'closed' && isNow() === 'open')
    }
    case 'probe-failed':
      return breaker.probeFailed(now)
    case 'probe-passed': {
      const closed = breaker.probePassed(now, step.rise)
      expect(closed).toBe(was !== 'closed' && isNow() === 'closed')
      if (breaker.state.is === 'half-open') expect(breaker.state.passes).toBeLessThan(step.rise)
      return
    }
    case 'trip':
      return expect(breaker.trip(now, step.permanent)).toBe(was === 'closed')
    case 'settle':
      return breaker.settle()
    case 'shift':
      return breaker.shift(step.ms)
    case 'wait':
  }
}

describe('whatever happens', () => {
  it('it is open for its bounded time, and closes by `rise` passes of the prober only', () => {
    fc.assert(
      fc.property(settings, steps, fc.nat(), (given, run, seed) => {
        const breaker = new EndpointBreaker(given, seededRandom(seed))
        let now = 0
        for (const step of run) {
          const before = breaker.state
          if (step.do === 'wait') now += step.ms
          play(breaker, now, step)
          const after = breaker.state
          if (step.do !== 'probe-passed' && before.is !== 'closed') expect(after.is).not.toBe('closed')
          if (step.do === 'success' || step.do === 'settle') expect(after).toBe(before)
          if (after.is !== 'open' || after === before) continue
          if (step.do === 'shift') expect(before).toEqual({ ...after, until: after.until - step.ms })
          else {
            const openMs = after.until - now
            expect(openMs).toBeGreaterThanOrEqual(after.permanent ? given.permanentOpenMs : given.firstOpenMs)
            expect(openMs).toBeLessThanOrEqual(after.permanent ? given.permanentOpenMs : given.maxOpenMs)
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  it('a half-open one that fails waits again, and one that passes often enough is as new', () => {
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 5 }), fc.nat(), (given, rise, seed) => {
        const breaker = new EndpointBreaker(given, seededRandom(seed))
        while (!breaker.failure(0)) expect(breaker.state).toEqual({ is: 'closed' })
        const now = given.maxOpenMs
        for (let pass = 1; pass < rise; pass += 1) {
          breaker.probePassed(now, rise)
          expect(breaker.state).toEqual({ is: 'half-open', passes: pass })
          if (pass % 2 === 0) continue
          breaker.probeFailed(now)
          expect(breaker.state).toMatchObject({ is: 'open', permanent: false })
          for (let again = 1; again <= pass; again += 1) breaker.probePassed(now + given.maxOpenMs, rise)
        }
        breaker.probePassed(now + 2 * given.maxOpenMs, rise)
        expect(breaker.state).toEqual({ is: 'closed' })
        // Nothing of what was counted before it opened counts again.
        for (let call = 1; call < Math.min(given.consecutive, given.failures, given.window); call += 1) {
          expect(breaker.failure(now)).toBe(false)
        }
      }),
    )
  })
})
