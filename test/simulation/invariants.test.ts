import { describe, expect, test } from 'vitest'
import { drawPlan, INVARIANTS } from '../../src/testing/swarm/index'
import type { RunView } from '../../src/testing/swarm/invariant'
import type { Sighting, SightingKind } from '../../src/testing/swarm/sighting'

// That an invariant can fail is shown by breaking the code (breaks.md). Here are the stories that hardly ever happen.

const RUN = { plan: drawPlan(1), clients: [{}], truth: {} } as unknown as RunView

function violationsOf(name: string, story: readonly Partial<Sighting>[]): readonly string[] {
  const violations: string[] = []
  const reader = INVARIANTS.find((invariant) => invariant.name === name)?.watch(RUN, (facts) => violations.push(facts))
  for (const [order, sighting] of story.entries()) {
    const read = reader?.[sighting.is as SightingKind] as ((sighting: unknown) => void) | undefined
    read?.({ at: order * 60_000, client: 0, ...sighting })
  }
  return violations
}

describe('no-failback-against-designation', () => {
  const failback = (reason: string): Partial<Sighting> =>
    ({ is: 'event', name: 'failback', context: { reason, from: { id: 'b' }, to: { id: 'a' } } }) as Partial<Sighting>

  test.each([
    ['away from the designated one, by rank', 'b', 'rank', 1],
    ['away from the designated one, by term', 'b', 'term', 0],
    ['towards the designated one', 'a', 'rank', 0],
  ])('%s', (_what, designated, reason, expected) => {
    const story = [{ is: 'resolved', designated } as Partial<Sighting>, failback(reason)]
    expect(violationsOf('no-failback-against-designation', story)).toHaveLength(expected)
  })
})
