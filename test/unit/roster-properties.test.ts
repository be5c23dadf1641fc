/** The roster against a plain map of who names whom: whatever the sources say, in whatever order. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EndpointSeed, EndpointSource } from '../../src/core/pool-protocol'
import { seededRandom } from '../../src/core/random'
import { Roster } from '../../src/core/roster'
import { NEVER } from '../../src/core/time'
import { DEFAULTS } from '../../src/client/defaults'

const DRAIN_MS = 60_000
const KINDS: readonly EndpointSource[] = ['configured', 'topology', 'peers', 'hostname', 'dns', 'store']

/** One source saying all it knows: endpoint and rank. */
interface Word {
  readonly kind: EndpointSource
  readonly name: string
  readonly says: readonly { readonly id: string; readonly rank: number }[]
}

type Step = { readonly do: 'say'; readonly word: Word } | { readonly do: 'wait'; readonly ms: number }

const word: fc.Arbitrary<Word> = fc.record({
  kind: fc.constantFrom(...KINDS),
  name: fc.constantFrom('', 'x', 'y'),
  says: fc.uniqueArray(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd'), rank: fc.nat({ max: 5 }) }), {
    selector: ({ id }) => id,
  }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: word.map((said) => ({ do: 'say' as const, word: said })) },
  { weight: 1, arbitrary: fc.constantFrom(1, 30_000, 59_999, 60_000).map((ms) => ({ do: 'wait' as const, ms })) },
)
const steps = fc.array(step, { maxLength: 30, size: 'max' })

function seed(id: string, rank: number): EndpointSeed {
  return { id, url: `https://${id}.contoso.com`, name: id, rank }
}

function newRoster(): Roster {
  return new Roster(DEFAULTS.breaker, seededRandom(1))
}

function say(roster: Roster, now: number, { kind, name, says }: Word): ReturnType<Roster['merge']> {
  return roster.merge(
    now,
    kind,
    says.map(({ id, rank }) => seed(id, rank)),
    name,
  )
}

const keyOf = ({ kind, name }: Word): string => `${kind} ${name}`
const ids = (endpoints: readonly { readonly id: string }[]): string[] => endpoints.map(({ id }) => id).sort()

/** Sources by key with their last word, and since when an endpoint is named by nobody. */
class Model {
  readonly words = new Map<string, Word>()
  readonly removedAt = new Map<string, number>()

  say(now: number, said: Word): { added: string[]; removed: string[] } {
    const before = this.named()
    const known = new Set([...before, ...this.removedAt.keys()])
    this.words.set(keyOf(said), said)
    const after = this.named()
    const removed = before.filter((id) => !after.includes(id))
    for (const id of removed) this.removedAt.set(id, now)
    for (const id of after) this.removedAt.delete(id)
    return { added: after.filter((id) => !known.has(id)), removed }
  }

  named(): string[] {
    return [...new Set([...this.words.values()].flatMap(({ says }) => says.map(({ id }) => id)))].sort()
  }

  naming(id: string): Word[] {
    return [...this.words.values()].filter(({ says }) => says.some((one) => one.id === id))
  }

  purge(now: number): string[] {
    const gone = [...this.removedAt].filter(([, at]) => now >= at + DRAIN_MS).map(([id]) => id)
    for (const id of gone) this.removedAt.delete(id)
    return gone.sort()
  }
}

describe('the roster', () => {
  it('holds whom somebody names, and for a minute whom nobody names any more', () => {
    fc.assert(
      fc.property(steps, (run) => {
        const [roster, model] = [newRoster(), new Model()]
        let now = 0
        for (const one of run) {
          if (one.do === 'wait') now += one.ms
          else {
            const { added, removed } = say(roster, now, one.word)
            expect({ added: added.sort(), removed: removed.sort() }).toEqual(model.say(now, one.word))
          }
          const lapses = Math.min(NEVER, ...[...model.removedAt.values()].map((at) => at + DRAIN_MS))
          expect(roster.deadline(() => false)).toBe(lapses)
          expect(roster.purge(now, () => false).sort()).toEqual(model.purge(now))
          expect(ids(roster.present())).toEqual(model.named())
          expect(ids(roster.all())).toEqual([...model.named(), ...model.removedAt.keys()].sort())
        }
      }),
      { numRuns: 500 },
    )
  })

  it('believes the source that knows best, and among equals the first', () => {
    fc.assert(
      fc.property(steps, (run) => {
        const [roster, model] = [newRoster(), new Model()]
        for (const one of run) {
          if (one.do === 'wait') continue
          say(roster, 0, one.word)
          model.say(0, one.word)
        }
        // Said once more, so that everybody has been heard by whoever names them now.
        for (const said of model.words.values()) say(roster, 0, said)
        for (const { id, seed: believed, seedFrom } of roster.present()) {
          const naming = model.naming(id)
          const best = Math.min(...naming.map(({ kind }) => KINDS.indexOf(kind)))
          const trusted = naming.filter(({ kind }) => KINDS.indexOf(kind) === best)
          const source = trusted.find((one) => keyOf(one) === seedFrom)
          expect(source?.says.find((one) => one.id === id)?.rank).toBe(believed.rank)
          if (trusted[0]?.kind === 'configured') expect(seedFrom).toMatch(/^configured /)
        }
        // From now on nothing changes by repetition, in whatever order: nobody moves to and fro.
        const settled = roster.all().map(({ seed: believed }) => believed.rank)
        for (const said of [...model.words.values()].reverse()) {
          expect(say(roster, 0, said)).toEqual({ added: [], removed: [] })
          expect(roster.all().map(({ seed: believed }) => believed.rank)).toEqual(settled)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('is the union of its sources, whoever spoke first', () => {
    const words = fc.uniqueArray(word, { selector: keyOf, maxLength: 8 })
    const shuffled = words.chain((said) =>
      fc.tuple(fc.constant(said), fc.shuffledSubarray(said, { minLength: said.length })),
    )
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        const [left, right] = [newRoster(), newRoster()]
        for (const said of one) say(left, 0, said)
        for (const said of other) say(right, 0, said)
        expect(ids(left.present())).toEqual(ids(right.present()))
      }),
    )
  })

  it('never forgets whom somebody uses, and never takes more than 64', () => {
    const many = fc.array(fc.nat({ max: 200 }), { minLength: 60, maxLength: 200, size: 'max' })
    fc.assert(
      fc.property(many, fc.nat({ max: 200 }), (numbers, used) => {
        const roster = newRoster()
        roster.merge(
          0,
          'peers',
          numbers.map((number) => seed(`e${number}`, number)),
        )
        expect(roster.all().length).toBe(Math.min(64, new Set(numbers).size))
        const orders = roster.all().map(({ order }) => order)
        expect(orders).toEqual([...new Set(orders)].sort((a, b) => a - b))
        roster.merge(0, 'peers', [])
        const isUsed = (id: string): boolean => id === `e${used}`
        const before = ids(roster.all()).filter(isUsed)
        roster.purge(DRAIN_MS, isUsed)
        expect(ids(roster.all())).toEqual(before)
      }),
      { numRuns: 100 },
    )
  })
})
