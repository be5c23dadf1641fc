import { describe, expect, it } from 'vitest'
import { LogMemory } from '../../src/core/log-continuity'
import { items } from './topic-harness'

function memory(limit: number, ...keys: string[]): LogMemory {
  const known = new LogMemory(limit)
  for (const key of keys) known.remember(key)
  return known
}

describe('LogMemory', () => {
  it('keeps the newest keys only', () => {
    const known = memory(3, 'a', 'b', 'c', 'd')
    expect(known.size).toBe(3)
    expect([known.has('a'), known.has('b'), known.has('d')]).toEqual([false, true, true])
  })

  it('keeps a key that is seen again longest', () => {
    const known = memory(3, 'a', 'b', 'c', 'a', 'd')
    expect([known.has('a'), known.has('b'), known.has('c')]).toEqual([true, false, true])
  })

  it('remembers nothing with a limit of 0', () => {
    expect(memory(0, 'a').has('a')).toBe(false)
  })

  it.each([
    { name: 'the newest is known', keys: ['a', 'b'], list: ['a', 'b', 'c'], continuous: true, unknown: ['c'] },
    { name: 'only an older one is known', keys: ['a', 'b'], list: ['a', 'x'], continuous: true, unknown: ['x'] },
    { name: 'none is known', keys: ['a', 'b'], list: ['x', 'y'], continuous: false, unknown: ['x', 'y'] },
    { name: 'unknown ones lie between', keys: ['a', 'b'], list: ['a', 'x', 'b'], continuous: true, unknown: ['x'] },
    { name: 'older ones come first', keys: ['b'], list: ['a', 'b'], continuous: true, unknown: [] },
    { name: 'there are no items', keys: ['a'], list: [], continuous: false, unknown: [] },
    { name: 'an item is there twice', keys: ['a'], list: ['a', 'x', 'x'], continuous: true, unknown: ['x'] },
    { name: 'items have no key', keys: ['a'], list: ['a', '', ''], continuous: true, unknown: ['', ''] },
  ])('judges: $name', ({ keys, list, continuous, unknown }) => {
    const verdict = memory(10, ...keys).judge(items(...list))
    expect(verdict.continuous).toBe(continuous)
    expect(verdict.unknown.map((item) => item.key)).toEqual(unknown)
  })
})
