/** Waits: within bounds, longer on average with each failure, different from client to client. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { Backoff } from '../../src/core/backoff'
import { jittered, seededRandom } from '../../src/core/random'
import { SeatBackoffs } from '../../src/core/seat-backoffs'
import { NEVER } from '../../src/core/time'

const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const draws = fc.array(draw, { minLength: 1, maxLength: 40 })
const settings = fc
  .record({ baseMs: fc.integer({ min: 1, max: 5000 }), factor: fc.integer({ min: 1, max: 500 }) })
  .map(({ baseMs, factor }) => ({ baseMs, maxMs: baseMs * factor }))

/** Gives these, one after the other. */
function scripted(values: readonly number[]): () => number {
  let next = 0
  return () => values[next++ % values.length] ?? 0
}

describe('a backoff', () => {
  it('lies between its base and a ceiling that doubles up to the limit', () => {
    fc.assert(
      fc.property(settings, draws, (given, values) => {
        const backoff = new Backoff(given, scripted(values))
        for (const [attempt, drawn] of values.entries()) {
          const ceiling = Math.min(given.maxMs, given.baseMs * 2 ** (attempt + 1))
          expect(backoff.next()).toBeCloseTo(given.baseMs + drawn * (ceiling - given.baseMs), 3)
          expect(backoff.attempts).toBe(attempt + 1)
        }
      }),
    )
  })

  it('with the same luck no wait is shorter than the one before, until it is reset', () => {
    fc.assert(
      fc.property(settings, draw, fc.integer({ min: 1, max: 40 }), (given, drawn, count) => {
        const backoff = new Backoff(given, () => drawn)
        const waits = Array.from({ length: count }, () => backoff.next())
        expect(waits).toEqual([...waits].sort((a, b) => a - b))
        backoff.reset()
        expect([backoff.attempts, backoff.next()]).toEqual([0, waits[0]])
      }),
    )
  })

  it('brings a fleet back one by one, at the limit too', () => {
    fc.assert(
      fc.property(settings, fc.nat(), (given, seed) => {
        fc.pre(given.maxMs > 10 * given.baseMs)
        const random = seededRandom(seed)
        const fleet = Array.from({ length: 50 }, () => new Backoff(given, random))
        for (let attempt = 0; attempt < 12; attempt += 1) for (const one of fleet) one.next()
        expect(new Set(fleet.map((one) => one.next())).size).toBeGreaterThan(45)
      }),
      { numRuns: 50 },
    )
  })
})

describe('jitter', () => {
  it('stays within its fraction, both ways', () => {
    fc.assert(
      fc.property(fc.nat(), draw, draw, (value, fraction, drawn) => {
        const spread = jittered(value, fraction, () => drawn)
        expect(Math.abs(spread - value)).toBeLessThanOrEqual(value * fraction + 1e-6)
        expect(jittered(value, fraction, () => 0.5)).toBeCloseTo(value)
      }),
    )
  })
})

describe('the backoffs of a seat', () => {
  type Step = { readonly do: 'bar' | 'lost' | 'forget'; readonly id: string; readonly ms: number }
  const step: fc.Arbitrary<Step> = fc.record({
    do: fc.constantFrom('bar', 'lost', 'forget'),
    id: fc.constantFrom('a', 'b'),
    ms: fc.nat({ max: 60_000 }),
  })

  it('bar one endpoint only, as long as the server asked at least, and the first loss not at all', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), fc.nat(), (run, seed) => {
        const { connect } = DEFAULTS
        const backoffs = new SeatBackoffs(connect, seededRandom(seed))
        const known = new Set<string>()
        let now = 0
        for (const { do: what, id, ms } of run) {
          const other = id === 'a' ? 'b' : 'a'
          const elsewhere = backoffs.barredUntil(other)
          if (what === 'bar') {
            const waitMs = backoffs.bar(now, id, ms)
            expect(waitMs).toBeGreaterThanOrEqual(Math.max(ms, connect.backoffMs))
            expect(waitMs).toBeLessThanOrEqual(Math.max(ms, connect.maxBackoffMs))
            expect(backoffs.barredUntil(id)).toBe(now + waitMs)
          } else if (what === 'lost') {
            backoffs.lost(now, id)
            expect(backoffs.barredUntil(id) - now).toBeGreaterThanOrEqual(known.has(id) ? connect.backoffMs : 0)
            if (!known.has(id)) expect(backoffs.barredUntil(id)).toBe(now)
          } else backoffs.forget(id)
          if (what === 'forget') known.delete(id)
          else known.add(id)
          if (what === 'forget') expect(backoffs.barredUntil(id)).toBe(-NEVER)
          expect(backoffs.barredUntil(other)).toBe(elsewhere)
          const waiting = [backoffs.barredUntil('a'), backoffs.barredUntil('b')].filter((until) => until > now)
          expect(backoffs.next(now)).toBe(Math.min(NEVER, ...waiting))
          now += ms
        }
      }),
    )
  })
})
