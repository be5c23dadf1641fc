/** When a source of endpoints is asked. */
import { describe, expect, test } from 'vitest'
import { ResolverPoll, type Answered } from '../../src/client/resolver-poll'
import type { Platform } from '../../src/platform/platform'

class World {
  now = 0
  readonly asked: number[] = []
  cancelled = 0
  readonly poll: ResolverPoll
  #timers: { at: number; call: () => void }[] = []
  #done: (answered: Answered) => void = () => undefined

  constructor(pollMs = 10_000, random = 0.5) {
    const platform = {
      now: () => this.now,
      random: () => random,
      setTimer: (delayMs: number, call: () => void) => {
        const timer = { at: this.now + delayMs, call }
        this.#timers.push(timer)
        return () => (this.#timers = this.#timers.filter((one) => one !== timer))
      },
    } as unknown as Platform
    this.poll = new ResolverPoll(platform, pollMs, (done) => {
      this.asked.push(this.now)
      this.#done = done
      return () => (this.cancelled += 1)
    })
  }

  answer(answered: Answered = 'same'): void {
    this.#done(answered)
  }

  /** Plays on; each question is answered at once. */
  run(ms: number, answered: Answered = 'same'): void {
    const end = this.now + ms
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at)
      if (next === undefined || next.at > end) break
      this.now = next.at
      this.#timers = this.#timers.filter((one) => one !== next)
      next.call()
      this.answer(answered)
    }
    this.now = end
  }
}

describe('the rhythm', () => {
  test.each([
    [0, [0, 9000, 18_000]],
    [0.5, [0, 10_000, 20_000]],
    [0.999999, [0, 11_000, 22_000]],
  ])('is ±10 %% (drawn %f)', (random, times) => {
    const world = new World(10_000, random)
    world.answer()
    world.run(22_500)
    expect(world.asked.map((at) => Math.round(at))).toEqual(times)
  })

  test('a changed answer is asked for again after 2 s; one that changes each time no more often than that', () => {
    const world = new World()
    world.answer('changed')
    world.run(30_000, 'changed')
    expect(world.asked).toEqual([0, 2100, 12_100, 14_200, 24_200, 26_300])
  })
})

describe('a trip', () => {
  test('asks at once, and the rhythm goes on from there', () => {
    const world = new World()
    world.answer()
    world.run(4000)
    world.poll.refresh()
    world.run(12_000)
    expect(world.asked).toEqual([0, 4000, 14_000])
  })

  test('after a trip within a second asks when that second is over; many are one', () => {
    const world = new World()
    world.answer()
    world.run(300)
    for (let count = 0; count < 5; count += 1) world.poll.refresh()
    world.run(5000)
    expect(world.asked).toEqual([0, 1000])
  })

  test('between a changed answer and the question that confirms it replaces that one not', () => {
    const world = new World()
    world.answer('changed')
    world.run(500)
    world.poll.refresh()
    world.run(11_000)
    expect(world.asked).toEqual([0, 1000, 2100])
  })

  test('while a question is under way asks once more: its answer may be from before', () => {
    const world = new World()
    world.now = 3000
    world.poll.refresh()
    world.answer()
    world.run(0)
    expect(world.asked).toEqual([0, 3000])
  })
})

test('a close ends the question under way, and nothing follows', () => {
  const world = new World()
  expect(world.poll.hasEnded).toBe(false)
  world.poll.close()
  expect(world.cancelled).toBe(1)
  world.answer()
  world.poll.refresh()
  world.run(60_000)
  expect(world.asked).toEqual([0])
})
