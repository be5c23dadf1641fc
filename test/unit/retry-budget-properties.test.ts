/** The retry budget against arithmetic: nobody retries more than was paid in. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RetryBudget, type RetryBudgetSettings } from '../../src/core/retry-budget'

type Step = { readonly do: 'take' | 'success' } | { readonly do: 'wait'; readonly ms: number }

const settings: fc.Arbitrary<RetryBudgetSettings> = fc
  .record({
    tokens: fc.integer({ min: 0, max: 20 }),
    more: fc.integer({ min: 0, max: 100 }),
    perSuccess: fc.constantFrom(0, 0.1, 0.25, 1, 3),
    perSecond: fc.constantFrom(0, 0.05, 0.5, 10),
  })
  .map(({ tokens, more, ...rates }) => ({ tokens, maxTokens: tokens + more, ...rates }))

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom<Step[]>({ do: 'take' }, { do: 'success' }) },
    { weight: 1, arbitrary: fc.nat({ max: 60_000 }).map((ms): Step => ({ do: 'wait', ms })) },
  ),
  { maxLength: 200, size: 'max' },
)

/** Sums of binary fractions. */
const TOLERANCE = 1e-6

describe('the retry budget', () => {
  it('is its arithmetic: start, plus what time and successes bring, minus what is taken, within its bounds', () => {
    fc.assert(
      fc.property(settings, steps, (given, run) => {
        const budget = new RetryBudget(given)
        let [now, tokens] = [5000, budget.available(5000)]
        expect(tokens).toBe(given.tokens)
        for (const step of run) {
          if (step.do === 'wait') {
            now += step.ms
            tokens = Math.min(given.maxTokens, tokens + (step.ms / 1000) * given.perSecond)
          } else if (step.do === 'success') {
            budget.success(now)
            tokens = Math.min(given.maxTokens, tokens + given.perSuccess)
          } else if (Math.abs(tokens - 1) > TOLERANCE) {
            expect(budget.take(now)).toBe(tokens >= 1)
            if (tokens >= 1) tokens -= 1
          }
          expect(Math.abs(budget.available(now) - tokens)).toBeLessThan(TOLERANCE)
          expect(budget.available(now)).toBeGreaterThanOrEqual(0)
          expect(budget.available(now)).toBeLessThanOrEqual(given.maxTokens)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('never allows more retries than were paid for, however the calls are spaced', () => {
    fc.assert(
      fc.property(settings, steps, (given, run) => {
        const budget = new RetryBudget(given)
        let [now, taken, successes] = [0, 0, 0]
        budget.available(0)
        for (const step of run) {
          if (step.do === 'wait') now += step.ms
          else if (step.do === 'take') taken += budget.take(now) ? 1 : 0
          else {
            budget.success(now)
            successes += 1
          }
          const paid = given.tokens + successes * given.perSuccess + (now / 1000) * given.perSecond
          expect(taken).toBeLessThanOrEqual(paid + TOLERANCE)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('fills alike, looked at once or often', () => {
    fc.assert(
      fc.property(settings, fc.array(fc.nat({ max: 5000 }), { maxLength: 50 }), (given, waits) => {
        const [often, once] = [new RetryBudget(given), new RetryBudget(given)]
        let now = 0
        for (const budget of [often, once]) budget.available(0)
        for (const ms of waits) often.available((now += ms))
        expect(Math.abs(often.available(now) - once.available(now))).toBeLessThan(TOLERANCE)
      }),
    )
  })
})
