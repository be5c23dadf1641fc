/** Choose, whatever the standings: an order that everybody agrees on, and moves that end. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { choose, compareStandings, inOrder, preferred, type Standing } from '../../src/core/choose'

type Facts = Omit<Standing, 'endpointId' | 'order'>

function facts(term: fc.Arbitrary<number | undefined>): fc.Arbitrary<Facts> {
  return fc.record({
    server: fc.option(fc.constantFrom('s1', 's2', 's3'), { nil: undefined }),
    candidate: fc.boolean(),
    term,
    designated: fc.boolean(),
    rank: fc.nat({ max: 2 }),
  })
}

const stated = fc.integer({ min: 1, max: 3 })
const anyTerm = fc.option(stated, { nil: undefined })

/** Some standings, and the same in another order. */
function standings(term: fc.Arbitrary<number | undefined>): fc.Arbitrary<{ all: Standing[]; shuffled: Standing[] }> {
  return fc
    .array(facts(term), { minLength: 1, maxLength: 6 })
    .map((list) => list.map((one, order): Standing => ({ ...one, endpointId: `e${order}`, order })))
    .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }).map((shuffled) => ({ all, shuffled })))
}

const asked = fc.option(fc.constantFrom('e0', 'e1', 'e2', 'e9'), { nil: undefined })
const place = fc.record({ index: fc.nat({ max: 5 }), serves: fc.boolean() })

/** The rule in one line, for standings that all state a term: asked for, term, designation, rank, order. */
function byRule(wish: string | undefined): (a: Standing, b: Standing) => number {
  const keys = (one: Standing): number[] => [
    one.endpointId === wish ? 0 : 1,
    -(one.term ?? 0),
    one.designated ? 0 : 1,
    one.rank,
    one.order,
  ]
  return (a, b) => {
    const [left, right] = [keys(a), keys(b)]
    return left.map((key, index) => key - (right[index] ?? 0)).find((difference) => difference !== 0) ?? 0
  }
}

describe('the order', () => {
  it('holds everybody once, and is the same whoever is named first', () => {
    fc.assert(
      fc.property(standings(anyTerm), asked, ({ all, shuffled }, wish) => {
        const ordered = inOrder(shuffled, wish)
        expect(ordered).toEqual(inOrder(all, wish))
        expect([...ordered].sort((a, b) => a.order - b.order)).toEqual(all)
        expect(preferred(shuffled, wish)).toEqual(ordered.find(({ candidate }) => candidate) && preferred(all, wish))
      }),
    )
  })

  it('two are compared alike from both sides, and never as equals', () => {
    fc.assert(
      fc.property(standings(anyTerm), asked, ({ all }, wish) => {
        for (const a of all) {
          for (const b of all) {
            const [there, back] = [compareStandings(a, b, wish), compareStandings(b, a, wish)]
            expect(Math.sign(there.difference) + Math.sign(back.difference)).toBe(0)
            expect(there.difference === 0).toBe(a === b)
            expect(there.reason).toBe(back.reason)
          }
        }
      }),
    )
  })

  it.each([
    ['all state a term', stated],
    ['nobody states a term', fc.constant(undefined)],
  ] as const)('is asked for, term, designation, rank, registration, where %s', (_what, term) => {
    fc.assert(
      fc.property(standings(term), asked, ({ all, shuffled }, wish) => {
        expect(inOrder(shuffled, wish)).toEqual([...all].sort(byRule(wish)))
      }),
    )
  })

  it('nobody at the top is beaten, unless everybody is', () => {
    fc.assert(
      fc.property(standings(anyTerm), asked, ({ all }, wish) => {
        const beaten = (one: Standing): boolean =>
          all.some((other) => compareStandings(other, one, wish).difference < 0)
        const [top] = inOrder(all, wish)
        if (!all.every(beaten)) expect(top !== undefined && beaten(top)).toBe(false)
      }),
    )
  })
})

describe('a choice', () => {
  const scene = fc.tuple(standings(anyTerm), place, asked).map(([{ all }, { index, serves }, wish]) => {
    return { all, here: all[index % all.length]?.endpointId ?? 'none', serves, wish }
  })

  it('leads to candidates only, and away only for a reason', () => {
    fc.assert(
      fc.property(scene, ({ all, here, serves, wish }) => {
        const choice = choose(all, { endpointId: here, serves }, wish)
        const others = all.filter(({ endpointId, candidate }) => candidate && endpointId !== here)
        if ('to' in choice) expect(others).toContain(choice.to)
        if (serves) expect(['stay', 'move']).toContain(choice.do)
        else expect(['failover', 'wait']).toContain(choice.do)
        if (choice.do === 'failover') expect(choice.to).toEqual(preferred(all, wish))
        if (choice.do === 'wait') expect(preferred(all, wish)?.endpointId ?? here).toBe(here)
        if (choice.do !== 'move') return
        const from = all.find(({ endpointId }) => endpointId === here)
        if (from === undefined) throw new Error('moved from nowhere')
        expect(compareStandings(choice.to, from, wish)).toMatchObject({ reason: choice.reason })
        expect(compareStandings(choice.to, from, wish).difference).toBeLessThan(0)
        // A failback never goes against a designation, and no term gives way to a lower one.
        if (choice.reason === 'rank') expect(from.designated && !choice.to.designated).toBe(false)
        if (choice.reason !== 'switchover') expect(choice.to.term ?? 9).toBeGreaterThanOrEqual(from.term ?? 0)
        if (choice.reason !== 'switchover' && from.server !== undefined) expect(choice.to.server).not.toBe(from.server)
      }),
      { numRuns: 2000 },
    )
  })

  it('is made once: whoever has moved stays', () => {
    fc.assert(
      fc.property(scene, ({ all, here, serves, wish }) => {
        const choice = choose(all, { endpointId: here, serves }, wish)
        if (!('to' in choice)) return
        const there = { endpointId: choice.to.endpointId, serves: true }
        expect(choose(all, there, wish)).toEqual({ do: 'stay' })
      }),
      { numRuns: 2000 },
    )
  })
})
