/** Continuity of a log: the memory against a plain list, and two servers whose logs went apart and were resent. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LogMemory } from '../../src/core/log-continuity'
import { items } from './topic-harness'

const key = fc.constantFrom('', 'a', 'b', 'c', 'd', 'e', 'f')
const keys = fc.array(key, { maxLength: 12 })

/** The newest distinct keys, oldest first. */
function newest(limit: number, seen: readonly string[]): string[] {
  const distinct = [...new Set(seen.filter((one) => one !== '').reverse())].reverse()
  return limit === 0 ? [] : distinct.slice(-limit)
}

function memoryOf(limit: number, seen: readonly string[]): LogMemory {
  const memory = new LogMemory(limit)
  for (const one of seen) memory.remember(one)
  return memory
}

describe('the memory', () => {
  it('is the newest distinct keys, and never more', () => {
    fc.assert(
      fc.property(fc.nat({ max: 5 }), keys, (limit, seen) => {
        const memory = memoryOf(limit, seen)
        const expected = newest(limit, seen)
        expect(memory.size).toBe(expected.length)
        expect(['', 'a', 'b', 'c', 'd', 'e', 'f'].filter((one) => memory.has(one))).toEqual([...expected].sort())
      }),
      { numRuns: 500 },
    )
  })

  it('takes from a snapshot what it does not know behind what it knows, once and in order', () => {
    fc.assert(
      fc.property(fc.nat({ max: 8 }), keys, keys, (limit, seen, list) => {
        const memory = memoryOf(limit, seen)
        const known = newest(limit, seen)
        const { continuous, unknown } = memory.judge(items(...list))
        const first = list.findIndex((one) => known.includes(one))
        expect(continuous).toBe(first >= 0)
        const behind = list.slice(Math.max(0, first))
        const fresh = behind.filter((one, at) => one === '' || (!known.includes(one) && behind.indexOf(one) === at))
        expect(unknown.map((item) => item.key)).toEqual(fresh)
      }),
      { numRuns: 1000 },
    )
  })
})

/**
 * What happens to a reader: its server publishes (heard live, or missed), sends again what was read, or another server
 * with a space of its own shows the tail of the same log.
 */
type Step =
  | { readonly do: 'publish'; readonly count: number; readonly heard: boolean }
  | { readonly do: 'resend'; readonly count: number }
  | { readonly do: 'switch'; readonly tail: number }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 4 }), heard: fc.boolean() }),
    fc.record({ do: fc.constant('resend' as const), count: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ do: fc.constant('switch' as const), tail: fc.nat({ max: 12 }) }),
  ),
  { maxLength: 40, size: 'max' },
)

class Reader {
  readonly log: string[] = []
  readonly read: string[] = []
  hadGap = false
  readonly #memory: LogMemory

  constructor(limit: number) {
    this.#memory = new LogMemory(limit)
  }

  step(step: Step): void {
    if (step.do === 'publish') this.#publish(step.count, step.heard)
    else if (step.do === 'switch') this.#switch(step.tail)
    // Live, a key still remembered is a duplicate.
    else for (const one of this.read.slice(-step.count)) this.#take(one)
  }

  #publish(count: number, heard: boolean): void {
    // Live events follow what was read; a reader with a hole asks for a snapshot instead.
    const isCurrent = this.read.at(-1) === this.log.at(-1)
    for (let done = 0; done < count; done += 1) {
      this.log.push(`m${this.log.length}`)
      if (heard && isCurrent) this.#take(`m${this.log.length - 1}`)
    }
  }

  #switch(length: number): void {
    const tail = length === 0 ? [] : this.log.slice(-length)
    const last = this.read.at(-1)
    const { continuous, unknown } = this.#memory.judge(items(...tail))
    expect(continuous).toBe(tail.some((one) => this.read.includes(one)))
    if (!this.hadGap) expect(continuous).toBe(last !== undefined && tail.includes(last))
    for (const { key: fresh } of unknown) this.#take(fresh)
    if (!continuous && last !== undefined && last !== this.log.at(-1)) this.hadGap = true
    const since = this.log.slice(this.log.indexOf(last ?? ''))
    if (continuous) expect(since.filter((one) => !this.read.includes(one))).toEqual([])
  }

  #take(one: string): void {
    if (!this.#memory.has(one)) this.read.push(one)
    this.#memory.remember(one)
  }
}

describe('one log, read from servers with spaces of their own', () => {
  it('is whole and in order while every snapshot reaches back to what was read, even with a short memory', () => {
    // Resends reach back six at most, so a memory of six knows them all.
    fc.assert(
      fc.property(steps, fc.integer({ min: 6, max: 50 }), (run, limit) => {
        const reader = new Reader(limit)
        for (const step of run) {
          reader.step(step)
          if (reader.hadGap) return
          const from = reader.log.indexOf(reader.read[0] ?? '')
          expect(reader.read).toEqual(from < 0 ? [] : reader.log.slice(from, from + reader.read.length))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('is never repeated, gaps or not', () => {
    fc.assert(
      fc.property(steps, (run) => {
        const reader = new Reader(1000)
        for (const step of run) reader.step(step)
        expect(new Set(reader.read).size).toBe(reader.read.length)
      }),
      { numRuns: 500 },
    )
  })
})
