import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonEqual } from '../../src/core/json-equal'
import { StateView, differences } from '../../src/core/state-view'

function nested(depth: number, leaf: string): unknown {
  return JSON.parse(`${'{"a":['.repeat(depth)}${leaf}${']}'.repeat(depth)}`)
}

describe('jsonEqual', () => {
  it.each([
    [1, 1, true],
    [1, '1', false],
    [0, -0, true],
    [Number.NaN, Number.NaN, true],
    [null, undefined, false],
    [null, {}, false],
    [[], {}, false],
    [[1, 2], [1, 2], true],
    [[1, 2], [2, 1], false],
    [[1], [1, 2], false],
    [{ a: 1, b: [2] }, { b: [2], a: 1 }, true],
    [{ a: undefined }, { b: undefined }, false],
    [{ a: 1 }, { a: 1, b: 1 }, false],
  ])('%j, %j: %s', (left, right, expected) => {
    expect(jsonEqual(left, right)).toBe(expected)
    expect(jsonEqual(right, left)).toBe(expected)
  })

  it('takes own members only', () => {
    const poisoned: unknown = JSON.parse('{"__proto__":{"a":1}}')
    expect(jsonEqual(poisoned, JSON.parse('{"__proto__":{"a":1}}'))).toBe(true)
    expect(jsonEqual(poisoned, JSON.parse('{"__proto__":{"a":2}}'))).toBe(false)
    expect(jsonEqual(poisoned, { x: { a: 1 } })).toBe(false)
    expect(jsonEqual(JSON.parse('{"toString":1}'), {})).toBe(false)
    expect(jsonEqual(JSON.parse('{"hasOwnProperty":1}'), JSON.parse('{"hasOwnProperty":1}'))).toBe(true)
  })

  it('does not overflow on nesting that JSON.parse reads', () => {
    expect(jsonEqual(nested(50_000, '1'), nested(50_000, '1'))).toBe(true)
    expect(jsonEqual(nested(50_000, '1'), nested(50_000, '2'))).toBe(false)
  })

  it('says what JSON text with sorted members says', () => {
    const sorted = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(sorted)
        : typeof value === 'object' && value !== null
          ? Object.entries(value)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, item]) => [key, sorted(item)])
              .concat([['object']])
          : Object.is(value, -0)
            ? 0
            : value
    const json = fc.jsonValue({ maxDepth: 3 })
    fc.assert(
      fc.property(json, json, (left, right) => {
        expect(jsonEqual(left, structuredClone(left))).toBe(true)
        expect(jsonEqual(left, right)).toBe(JSON.stringify(sorted(left)) === JSON.stringify(sorted(right)))
      }),
      { numRuns: 300 },
    )
  })
})

describe('StateView', () => {
  it('hands out one object a version, and never changes it', () => {
    const view = new StateView<number>()
    const empty = view.current
    expect(view.current).toBe(empty)
    view.set('a', 1)
    const one = view.current
    view.set('a', 2)
    view.remove('a')
    expect([empty.size, one.get('a'), view.current.size]).toEqual([0, 1, 0])
  })

  it('tells what was there before', () => {
    const view = new StateView<number | undefined>()
    expect(view.set('a', 1)).toEqual({ op: 'upsert', key: 'a', data: 1, had: false, previous: undefined })
    expect(view.set('a', undefined)).toEqual({ op: 'upsert', key: 'a', data: undefined, had: true, previous: 1 })
    expect(view.remove('a')).toEqual({ op: 'remove', key: 'a', previous: undefined })
    expect(view.remove('a')).toBeUndefined()
  })

  it('takes any key', () => {
    const view = new StateView<number>()
    for (const key of ['__proto__', 'constructor', '', 'toString']) view.set(key, 1)
    expect(view.size).toBe(4)
    expect(view.has('valueOf')).toBe(false)
  })
})

describe('differences', () => {
  it('names what to remove and what to write, nothing else', () => {
    const known = new Map<string, unknown>([
      ['same', { a: [1] }],
      ['other', { a: [1] }],
      ['gone', 1],
    ])
    const next = new Map<string, unknown>([
      ['same', { a: [1] }],
      ['other', { a: [2] }],
      ['new', undefined],
    ])
    expect(differences(known, next)).toEqual({ removed: ['gone'], written: ['other', 'new'] })
  })
})
