import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { choose, compareStandings, inOrder, preferred, type Standing } from '../../src/core/choose'

const BASE = { server: undefined, candidate: true, term: undefined, designated: false }

function standing(endpointId: string, more: Partial<Standing> = {}): Standing {
  const order = Number(endpointId.replace(/\D/g, '')) || 0
  return { ...BASE, endpointId, rank: order, order, ...more }
}

describe('the first difference decides', () => {
  const a = standing('e1')
  test.each([
    ['asked for, over everything', { term: 1, rank: 9 }, { term: 5, designated: true, rank: 0 }, 'e1', 'switchover'],
    [
      'the higher term, over designation and rank',
      { term: 2, rank: 9 },
      { term: 1, designated: true, rank: 0 },
      undefined,
      'term',
    ],
    ['the designated one, over rank', { designated: true, rank: 9 }, { rank: 0 }, undefined, 'designation'],
    ['no term is equal to all', { designated: true }, { term: 7, rank: 0 }, undefined, 'designation'],
    ['the lower rank number', { rank: 0 }, { rank: 1 }, undefined, 'rank'],
    ['the earlier registered, at the same rank', { rank: 3, order: 0 }, { rank: 3, order: 1 }, undefined, 'rank'],
  ] as const)('%s', (_what, first, second, asked, reason) => {
    const [winner, loser] = [standing('e1', first), standing('e2', second)]
    expect(compareStandings(winner, loser, asked)).toMatchObject({ reason })
    expect(compareStandings(winner, loser, asked).difference).toBeLessThan(0)
    expect(preferred([loser, winner], asked)).toBe(winner)
    expect(a.candidate).toBe(true)
  })
})

describe('what to do', () => {
  const here = standing('e1', { server: 'srv1', term: 3 })
  const there = standing('e2', { server: 'srv2', term: 3 })
  const at = (serves: boolean): { endpointId: string; serves: boolean } => ({ endpointId: 'e1', serves })

  test('a current one that serves is kept, whatever its own candidacy', () => {
    expect(choose([here, there], at(true))).toEqual({ do: 'stay' })
    expect(
      choose(
        [
          { ...here, candidate: false },
          { ...there, candidate: false },
        ],
        at(true),
      ),
    ).toEqual({ do: 'stay' })
  })

  test('one that does not serve is left now, for any candidate', () => {
    expect(choose([here, { ...there, term: 1, rank: 99 }], at(false))).toMatchObject({ do: 'wait' })
    const gone = { ...here, candidate: false }
    expect(choose([gone, { ...there, rank: 99 }], at(false))).toMatchObject({
      do: 'failover',
      to: { endpointId: 'e2' },
    })
    expect(choose([gone, { ...there, candidate: false }], at(false))).toEqual({ do: 'wait' })
  })

  test('a better one is a reason to move, with its name', () => {
    expect(choose([here, { ...there, term: 4 }], at(true))).toMatchObject({ do: 'move', reason: 'term' })
    expect(choose([here, { ...there, designated: true }], at(true))).toMatchObject({
      do: 'move',
      reason: 'designation',
    })
    expect(choose([{ ...here, rank: 5 }, there], at(true))).toMatchObject({ do: 'move', reason: 'rank' })
    expect(choose([here, there], at(true), 'e2')).toMatchObject({ do: 'move', reason: 'switchover' })
  })

  test('two running servers of equal or no terms: no reason by term', () => {
    expect(choose([here, { ...there, term: undefined }], at(true))).toEqual({ do: 'stay' })
    expect(
      choose(
        [
          { ...here, term: undefined },
          { ...there, term: 9 },
        ],
        at(true),
      ),
    ).toEqual({ do: 'stay' })
  })

  test('a failback never goes against a designation', () => {
    expect(choose([standing('e1', { designated: true, rank: 5 }), standing('e2', { rank: 0 })], at(true))).toEqual({
      do: 'stay',
    })
  })

  test('two roads to one server are one target, unless asked for', () => {
    const road = standing('e2', { server: 'srv1', term: 3, rank: 0 })
    const other = { ...here, rank: 5 }
    expect(choose([other, road], at(true))).toEqual({ do: 'stay' })
    expect(choose([other, road], at(true), 'e2')).toMatchObject({ do: 'move', reason: 'switchover' })
  })
})

test('the order is total and does not depend on the order of asking', () => {
  const one = fc.record({
    term: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    designated: fc.boolean(),
    rank: fc.integer({ min: 0, max: 2 }),
  })
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 5 }), fc.boolean(), (list, flip) => {
      const standings = list.map((more, index) => standing(`e${index}`, { ...more, order: index }))
      const shuffled = flip ? [...standings].reverse() : [...standings.slice(1), ...standings.slice(0, 1)]
      const ordered = inOrder(shuffled)
      expect(ordered).toHaveLength(standings.length)
      expect(ordered).toEqual(inOrder(standings))
      // Nobody with the highest term stands behind a lower one at the top.
      const [top] = ordered
      const best = Math.max(...standings.map(({ term }) => term ?? -1))
      if (top?.term !== undefined && standings.every(({ term }) => term !== undefined)) expect(top.term).toBe(best)
    }),
  )
})
