import { availableParallelism } from 'node:os'
import { expect, test } from 'vitest'
import { bundle } from '../../scripts/simulation/bundle.mjs'
import { Tally } from '../../scripts/simulation/outcome.mjs'
import { runSeeds } from '../../scripts/simulation/pool.mjs'
import { tellFailures } from './tell-failures'

// The same seeds each time: a change that breaks one of them is seen at once. More of them: npm run simulate.
const SEEDS = 1000

test(`${SEEDS} seeds of the swarm keep every invariant`, async () => {
  const { file, remove } = await bundle('src/testing/swarm/index.ts')
  const tally = new Tally()
  try {
    const seeds = Array.from({ length: SEEDS }, (_unused, index) => index + 1)
    await runSeeds(seeds, { file, jobs: availableParallelism() }, (outcome) => tally.add(outcome))
  } finally {
    remove()
  }
  expect(tally.failures.length, await tellFailures(tally.failures)).toBe(0)
  expect(tally.seeds).toBe(SEEDS)
  // A swarm in which nothing happens proves nothing.
  expect(tally.moves['failover']).toBeGreaterThan(SEEDS / 10)
  expect(tally.moves['switchover']).toBeGreaterThan(0)
  expect(tally.moves['failback']).toBeGreaterThan(0)
})
