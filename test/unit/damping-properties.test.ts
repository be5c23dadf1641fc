/** What keeps a fleet from swinging: the hold-down before a failback, and the second look at a designation. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { Designation } from '../../src/core/designation'
import { HoldDown } from '../../src/core/failback'
import type { FailbackSettings } from '../../src/core/settings'

const { failback } = DEFAULTS
const WINDOW_MS = failback.flapWindowMs

const settings: fc.Arbitrary<FailbackSettings> = fc.record({
  mode: fc.constant('automatic' as const),
  holdDownMs: fc.integer({ min: 0, max: 120_000 }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  factor: fc.double({ min: 1, max: 4, noNaN: true }),
  maxHoldDownMs: fc.integer({ min: 120_000, max: 900_000 }),
  flapWindowMs: fc.constant(WINDOW_MS),
})

type Step = { readonly do: 'failover' | 'planned' | 'wait'; readonly ms: number }
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('failover', 'planned', 'wait'),
  ms: fc.oneof(fc.nat({ max: 20_000 }), fc.constantFrom(WINDOW_MS - 1, WINDOW_MS, 3 * WINDOW_MS)),
})
const steps = fc.array(step, { maxLength: 40, size: 'max' })

/** Flapping by the words of the rule: a level a further failover within the window, one less a clean window. */
class Model {
  level = 0
  #failedAt = -Infinity
  #changedAt = 0

  failover(now: number): void {
    this.settle(now)
    if (now - this.#failedAt <= WINDOW_MS) this.level += 1
    this.#failedAt = now
    this.#changedAt = now
  }

  settle(now: number): void {
    while (now - this.#changedAt >= WINDOW_MS) {
      this.level = Math.max(0, this.level - 1)
      this.#changedAt += WINDOW_MS
    }
  }
}

describe('the hold-down', () => {
  it('doubles with each further failover in the window and shrinks with quiet, within its bounds', () => {
    fc.assert(
      fc.property(
        settings,
        steps,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (given, run, drawn) => {
          const holdDown = new HoldDown(given, () => drawn)
          const model = new Model()
          let now = 0
          for (const { do: what, ms } of run) {
            now += ms
            if (what === 'failover') {
              holdDown.failover(now)
              model.failover(now)
            } else if (what === 'planned') holdDown.planned(now)
            model.settle(now)
            const waitMs = holdDown.waitMs(now)
            const plain = Math.min(given.maxHoldDownMs, given.holdDownMs * given.factor ** model.level)
            expect(waitMs).toBeCloseTo(plain * (1 + given.jitter * drawn), 3)
            expect(waitMs).toBeGreaterThanOrEqual(given.holdDownMs)
            expect(waitMs).toBeLessThanOrEqual(given.maxHoldDownMs * (1 + given.jitter))
            if (what !== 'wait') expect(holdDown.recently(now)).toBe(true)
          }
          now += WINDOW_MS
          expect(holdDown.recently(now)).toBe(false)
          now += (model.level + 1) * WINDOW_MS
          expect(holdDown.waitMs(now)).toBeCloseTo(given.holdDownMs * (1 + given.jitter * drawn), 3)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('is looked at without being changed, however often', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat({ max: WINDOW_MS * 5 })), (run, looks) => {
        const [watched, alone] = [new HoldDown(failback, () => 0.5), new HoldDown(failback, () => 0.5)]
        let now = 0
        for (const { do: what, ms } of run) {
          now += ms
          if (what === 'failover') for (const one of [watched, alone]) one.failover(now)
        }
        for (const ms of looks) watched.waitMs((now += ms))
        expect(watched.waitMs(now)).toBe(alone.waitMs(now))
      }),
    )
  })
})

describe('the designation', () => {
  const answers = fc.array(
    fc.record({
      ms: fc.constantFrom(0, 500, 1999, 2000, 10_000, 60_000),
      says: fc.constantFrom(undefined, 'a', 'b', 'c'),
    }),
    { maxLength: 40, size: 'max' },
  )

  it('changes with the first word, then after two equal answers 2 s apart, the third in 5 min after a minute', () => {
    fc.assert(
      fc.property(answers, (run) => {
        const designation = new Designation()
        const heard: { readonly at: number; readonly says: string | undefined }[] = []
        let now = 0
        let believed: string | undefined
        const flips: number[] = []
        for (const { ms, says } of run) {
          now += ms
          heard.push({ at: now, says })
          const changedBefore = designation.changedAt
          designation.hear(now, says)
          const { current, changedAt } = designation
          expect(current === undefined || current === believed || current === says).toBe(true)
          if (changedAt !== changedBefore) {
            // The answers since this one was first given, without a break.
            const other = heard.findLastIndex((answer) => answer.says !== says)
            const since = heard[other + 1]?.at ?? now
            const isSwinging = since - (flips.at(-2) ?? -Infinity) < 300_000
            const neededMs = isSwinging ? 60_000 : 2000
            expect(now - since).toBeGreaterThanOrEqual(believed === undefined ? 0 : neededMs)
            if (believed !== undefined) flips.push(now)
            expect([current, changedAt]).toEqual([says, now])
            expect(current).not.toBe(believed)
          } else if (current !== undefined && believed !== undefined) expect(current).toBe(believed)
          believed = current ?? believed
        }
      }),
      { numRuns: 1000 },
    )
  })
})
