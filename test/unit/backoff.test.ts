import { ExponentialBackoff } from 'cockatiel'
import { describe, expect, it } from 'vitest'
import { Backoff, decorrelatedJitter } from '../../src/core/backoff'
import { seededRandom } from '../../src/core/random'

const SETTINGS = { baseMs: 250, maxMs: 30_000 }

describe('Backoff', () => {
  it.each([
    ['lowest draw', () => 0, [250, 250, 250, 250, 250, 250, 250, 250, 250]],
    ['highest draw', () => 1, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]],
    ['middle draw', () => 0.5, [375, 625, 1125, 2125, 4125, 8125, 15_125, 15_125, 15_125]],
  ])('doubles its ceiling up to the limit: %s', (_name, random, expected) => {
    const backoff = new Backoff(SETTINGS, random)
    expect(expected.map(() => backoff.next())).toEqual(expected)
  })

  it('is still random at the limit, over the whole range', () => {
    const backoff = new Backoff(SETTINGS, seededRandom(7))
    for (let warmUp = 0; warmUp < 10; warmUp += 1) backoff.next()
    const waits = Array.from({ length: 1000 }, () => backoff.next())
    expect(new Set(waits).size).toBeGreaterThan(990)
    expect(Math.min(...waits)).toBeLessThan(1000)
    expect(Math.max(...waits)).toBeGreaterThan(29_000)
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000)
    const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length
    expect(Math.abs(mean - 15_125)).toBeLessThan(1000)
  })

  it('starts again after a reset, and counts', () => {
    const backoff = new Backoff(SETTINGS, () => 1)
    expect(backoff.attempts).toBe(0)
    backoff.next()
    backoff.next()
    expect(backoff.attempts).toBe(2)
    backoff.reset()
    expect(backoff.attempts).toBe(0)
    expect(backoff.next()).toBe(500)
  })

  it('gives two clients different waits and one seed the same', () => {
    const series = (seed: number): number[] => {
      const backoff = new Backoff(SETTINGS, seededRandom(seed))
      return Array.from({ length: 5 }, () => backoff.next())
    }
    expect(series(1)).toEqual(series(1))
    expect(series(1)).not.toEqual(series(2))
  })

  it('never waits longer than the limit, even when the base is above it', () => {
    const backoff = new Backoff({ baseMs: 1000, maxMs: 400 }, () => 1)
    expect([backoff.next(), backoff.next()]).toEqual([400, 400])
  })

  it('is a generator of cockatiel', () => {
    const options = { generator: decorrelatedJitter(() => 0.5), initialDelay: 100, maxDelay: 1000, exponent: 2 }
    const first = new ExponentialBackoff(options).next()
    expect([first.duration, first.next(undefined).duration]).toEqual([150, 250])
  })
})
