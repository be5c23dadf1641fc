import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runPlan, type SwarmPlan } from '../../src/testing/swarm/index'

// Plans that once failed. The plan itself is kept, not its seed: seeds change their meaning when the drawing changes.
interface Regression {
  /** What went wrong, and why, in a line or two. */
  readonly story: string
  /** The line without which it fails again, where it is one: `npm run breaks` plants it. */
  readonly brokenBy?: readonly { readonly file: string; readonly find: string; readonly replace: string }[]
  readonly plan: SwarmPlan
}

const FOLDER = join(import.meta.dirname, 'regressions')
const regressions = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, ...(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Regression) }))

test('there are some, and each tells its story', () => {
  expect(regressions.length).toBeGreaterThan(0)
  for (const { story } of regressions) expect(story.length).toBeGreaterThan(20)
})

test.each(regressions)('$name: $story', async ({ plan }) => {
  const { violations } = await runPlan(plan)
  expect(violations).toEqual([])
})
