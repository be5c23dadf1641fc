import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decidedAt } from '../../src/core/seat-search'

// Found by the swarm: a draw that was told as -3.6e-12 ms.

/** Microseconds, as clocks have them. */
const instant = fc.integer({ min: 0, max: 1e9 }).map((microseconds) => microseconds / 1000)

it('what is decided has been decided: between the detection and now, whatever is rounded on the way', () => {
  fc.assert(
    fc.property(instant, instant, (one, other) => {
      const [detected, now] = [Math.min(one, other), Math.max(one, other)]
      // The answer came in the instant of the decision, to a question that was put off for nobody.
      const decided = decidedAt(now, { since: now, detected, askedAt: detected })
      expect(decided).toBeGreaterThanOrEqual(detected)
      expect(now - decided).toBeGreaterThanOrEqual(0)
    }),
    // The sum alone would be later than now.
    { numRuns: 2000, examples: [[71.374, 476.162]] },
  )
})
