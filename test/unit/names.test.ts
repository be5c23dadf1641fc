/** The memory of names: what was found last is used when nothing is found, and when finding takes too long. */
import type { LookupAddress } from 'node:dns'
import { describe, expect, test } from 'vitest'
import { createNames, type Names } from '../../src/platform/node/names'

type Done = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void

const HOUR = 3_600_000
const NAME = 'srv2.contoso.test'
const V4 = { address: '10.0.0.2', family: 4 }
const V6 = { address: 'fd00::2', family: 6 }

class World {
  now = 0
  readonly names: Names
  readonly questions: { readonly name: string; readonly done: Done }[] = []
  #timers: { at: number; call: () => void }[] = []

  constructor() {
    this.names = createNames({
      now: () => this.now,
      setTimer: (delayMs, call) => {
        const timer = { at: this.now + delayMs, call }
        this.#timers.push(timer)
        return () => (this.#timers = this.#timers.filter((one) => one !== timer))
      },
      lookup: (name, done) => void this.questions.push({ name, done }),
    })
  }

  pass(ms: number): void {
    this.now += ms
    for (const { at, call } of [...this.#timers]) if (at <= this.now) call()
  }

  /** What a dial gets, once it gets it. */
  dial(options: { all?: boolean; family?: number } = {}): unknown[] {
    const got: unknown[] = []
    this.names.lookup(NAME, options as never, (error, address, family) =>
      got.push(error === null ? (family === undefined ? address : [address, family]) : error.code),
    )
    return got
  }

  answer(...addresses: LookupAddress[]): void {
    this.questions.shift()?.done(null, addresses)
  }

  fail(code: string): void {
    this.questions.shift()?.done(Object.assign(new Error(code), { code }), [])
  }
}

describe('a look-up', () => {
  test('answers as the system does: the first, all, or those of a family', () => {
    const world = new World()
    const dials = [{}, { all: true }, { family: 6 }, { all: true, family: 4 }].map((options) => world.dial(options))
    expect(world.questions).toHaveLength(1)
    world.answer(V4, V6)
    expect(dials).toEqual([[['10.0.0.2', 4]], [[V4, V6]], [['fd00::2', 6]], [[V4]]])
    const none = world.dial({ family: 6 })
    world.answer(V4)
    expect(none).toEqual(['ENOTFOUND'])
  })

  test.each(['EAI_AGAIN', 'ENOTFOUND', 'ESERVFAIL'])('that fails (%s) is answered from memory, for a day', (code) => {
    const world = new World()
    world.dial()
    world.answer(V4)
    world.pass(23 * HOUR)
    const later = world.dial()
    world.fail(code)
    expect(later).toEqual([['10.0.0.2', 4]])
    world.pass(2 * HOUR)
    const tooLate = world.dial()
    world.fail(code)
    expect(tooLate).toEqual([code])
  })

  test('that does not come is answered from memory after half a second, once', () => {
    const world = new World()
    world.dial()
    world.answer(V4)
    const got = world.dial()
    world.pass(499)
    expect(got).toEqual([])
    world.pass(1)
    expect(got).toEqual([['10.0.0.2', 4]])
    world.answer({ address: '10.0.0.3', family: 4 })
    expect(got).toHaveLength(1)
    expect(world.names.known(NAME)).toBe('10.0.0.3')
  })

  test('that joins a question which is open for long does not wait that long again', () => {
    const world = new World()
    world.dial()
    world.answer(V4)
    world.dial()
    world.pass(600)
    const got = world.dial()
    world.pass(0)
    expect(got).toEqual([['10.0.0.2', 4]])
    expect(world.questions).toHaveLength(1)
  })

  test('that nobody ever answered waits for the system', () => {
    const world = new World()
    const got = world.dial()
    world.pass(10_000)
    expect(got).toEqual([])
    world.fail('EAI_AGAIN')
    expect(got).toEqual(['EAI_AGAIN'])
  })
})

describe('a hint of an earlier run', () => {
  test('is used when nothing else is known, as old as it is', () => {
    const world = new World()
    world.names.hint(NAME, '10.0.0.2', 20 * HOUR)
    const got = world.dial()
    world.fail('EAI_AGAIN')
    expect(got).toEqual([['10.0.0.2', 4]])
    world.pass(5 * HOUR)
    expect(world.names.known(NAME)).toBeUndefined()
  })

  test('never replaces what was found', () => {
    const world = new World()
    world.dial()
    world.answer(V4)
    world.names.hint(NAME, '10.9.9.9', 0)
    expect(world.names.known(NAME)).toBe('10.0.0.2')
  })

  test('however many there are, the memory has its bound', () => {
    const world = new World()
    for (let count = 0; count < 1000; count += 1) world.names.hint(`srv${count}.contoso.test`, '10.0.0.1', 0)
    const known = Array.from({ length: 1000 }, (_, count) => world.names.known(`srv${count}.contoso.test`))
    expect(known.filter((address) => address !== undefined)).toHaveLength(256)
    expect(known.at(-1)).toBe('10.0.0.1')
  })
})
