/** Differences of views, and the equality they rest on, for any JSON. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonEqual } from '../../src/core/json-equal'
import { StateView, differences } from '../../src/core/state-view'

const key: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', '')
/** Few atoms, so that equal values and near misses are common. */
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown[]>(null, true, false, 0, -0, 1, '', '1'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries) as object),
  ),
})).value

/** Equal to the given one, with its members in another order. */
function turned(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(turned)
  if (typeof given !== 'object' || given === null) return given
  return Object.fromEntries(
    Object.entries(given)
      .reverse()
      .map(([name, member]): [string, unknown] => [name, turned(member)]),
  )
}

const view = fc.array(fc.tuple(key, value), { maxLength: 6 }).map((entries) => new Map(entries))

describe('jsonEqual', () => {
  it('is an equivalence: of itself, from both sides, and across a third', () => {
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        expect(jsonEqual(a, turned(structuredClone(a)))).toBe(true)
        expect(jsonEqual(a, b)).toBe(jsonEqual(b, a))
        if (jsonEqual(a, b) && jsonEqual(b, c)) expect(jsonEqual(a, c)).toBe(true)
        // Whatever equals can be put in the other's place.
        expect(jsonEqual([a, { x: b }], [turned(a), { x: c }])).toBe(jsonEqual(b, c))
      }),
      { numRuns: 2000 },
    )
  })

  it('sees one change, wherever it is', () => {
    fc.assert(
      fc.property(value, fc.array(fc.constantFrom('array', 'object'), { maxLength: 5 }), (inner, wraps) => {
        const wrap = (leaf: unknown): unknown =>
          wraps.reduce<unknown>((whole, how) => (how === 'array' ? [0, whole] : { a: whole, b: 0 }), leaf)
        expect(jsonEqual(wrap(inner), wrap([inner]))).toBe(false)
        expect(jsonEqual(wrap(inner), wrap(turned(inner)))).toBe(true)
      }),
    )
  })
})

describe('differences', () => {
  it('applied to the one they give the other, and say only what differs', () => {
    fc.assert(
      fc.property(view, view, fc.boolean(), (from, other, isClose) => {
        // Often the same with little changed, as resyncs are.
        const next = isClose ? new Map([...from].map(([name, data]) => [name, turned(data)])) : other
        const { removed, written } = differences(from, next)
        const made = new Map(from)
        for (const name of removed) expect(made.delete(name)).toBe(true)
        for (const name of written) made.set(name, next.get(name))
        expect([...made.keys()].sort()).toEqual([...next.keys()].sort())
        for (const [name, data] of next) expect(jsonEqual(made.get(name), data)).toBe(true)
        for (const name of removed) expect(next.has(name)).toBe(false)
        for (const name of written) expect(from.has(name) && jsonEqual(from.get(name), next.get(name))).toBe(false)
        expect(new Set([...removed, ...written]).size).toBe(removed.length + written.length)
        if (isClose) expect([removed, written]).toEqual([[], []])
      }),
      { numRuns: 1000 },
    )
  })
})

interface Model {
  readonly values: Map<string, unknown>
}

class Write implements fc.Command<Model, StateView<unknown>> {
  constructor(
    readonly name: string,
    readonly data: unknown,
  ) {}
  check = (): boolean => true
  run({ values }: Model, real: StateView<unknown>): void {
    const [had, previous] = [values.has(this.name), values.get(this.name)]
    values.set(this.name, this.data)
    const { name, data } = this
    expect(real.set(name, data)).toEqual({ op: 'upsert', key: name, data, had, previous })
  }
  toString = (): string => `write ${this.name}`
}

class Remove implements fc.Command<Model, StateView<unknown>> {
  constructor(readonly name: string) {}
  check = (): boolean => true
  run({ values }: Model, real: StateView<unknown>): void {
    const previous = values.get(this.name)
    const expected = values.delete(this.name) ? { op: 'remove', key: this.name, previous } : undefined
    expect(real.remove(this.name)).toEqual(expected)
  }
  toString = (): string => `remove ${this.name}`
}

class Look implements fc.Command<Model, StateView<unknown>> {
  check = (): boolean => true
  run({ values }: Model, real: StateView<unknown>): void {
    const held = real.current
    expect(new Map(held)).toEqual(values)
    expect(real.current).toBe(held)
    // Whoever holds a view keeps it as it was.
    const before = new Map(held)
    const [first] = values.keys()
    real.set('a', Symbol('new'))
    expect(new Map(held)).toEqual(before)
    expect(real.current).not.toBe(held)
    if (values.has('a')) real.set('a', values.get('a'))
    else real.remove('a')
    expect(real.size).toBe(values.size)
    expect(first === undefined || real.has(first)).toBe(true)
  }
  toString = (): string => 'look'
}

describe('StateView', () => {
  it('is a map whose versions never change', () => {
    const commands = fc.commands(
      [
        fc.tuple(key, value).map(([name, data]) => new Write(name, data)),
        key.map((name) => new Remove(name)),
        fc.constant(new Look()),
      ],
      { maxCommands: 30 },
    )
    fc.assert(
      fc.property(commands, (run) => {
        fc.modelRun(() => ({ model: { values: new Map<string, unknown>() }, real: new StateView<unknown>() }), run)
      }),
      { numRuns: 300 },
    )
  })
})
