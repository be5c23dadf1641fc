// @ts-check
// `npm run mutants`: breaks the source on purpose, one line at a time, and shows who notices. See CONTRIBUTING.md.
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MUTANTS } from '../test/mutants/index.mjs'
import { renderResults, summary } from './mutants/results.mjs'
import { TIERS } from './mutants/tiers.mjs'
import { readArguments, withTrees, workOff } from './mutants/campaign.mjs'
import { isStale } from './mutants/tree.mjs'

/**
 * @typedef {import('../test/mutants/index.mjs').Mutant} Mutant
 * @typedef {import('./mutants/results.mjs').Fate} Fate
 * @typedef {import('./mutants/tree.mjs').Tree} Tree
 */

const HELP = `npm run mutants -- [options]

  --only NAME  this fault alone; several times, or a list with commas
  --jobs J     how many at a time (one a core)
  --list       their names and stories
  --record     write test/mutants/RESULTS.md; not together with --only

Exit code: 0 each fault was noticed, 1 one was not, 2 wrong arguments, a stale fault, or a tree that fails without any.
`

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const RESULTS = join(ROOT, 'test', 'mutants', 'RESULTS.md')

const { only, jobs, list, record, help, problems } = readArguments(
  'fault',
  MUTANTS.map(({ name }) => name),
)

if (help) console.log(HELP)
else if (list) for (const { name, story, file } of MUTANTS) console.log(`${name}  (${file})\n    ${story}`)
else if (problems.length > 0) {
  for (const problem of problems) console.error(problem)
  process.exitCode = 2
} else process.exitCode = await main()

async function main() {
  const wanted = MUTANTS.filter(({ name }) => only.length === 0 || only.includes(name))
  const stale = wanted.filter(isStale)
  for (const { name, file } of stale) console.error(`${name} is stale: its text is not found exactly once in ${file}`)
  if (stale.length > 0) return 2
  return withTrees(Math.min(jobs, wanted.length), async (trees) => {
    const begun = performance.now()
    // Else the tree's own faults would be taken for kills. Whoever asks for one fault knows how the tree is.
    if (only.length === 0 && !(await isSound(trees))) return 2
    const fates = await workOff(wanted, trees, { fateOf, line: lineOf, isMissed: ({ tier }) => tier === undefined })
    const minutes = ((performance.now() - begun) / 60_000).toFixed(1)
    const setting = `${minutes} minutes on ${jobs} of ${availableParallelism()} cores (${cpus()[0]?.model.trim()}).`
    console.log(`${summary(fates)}; ${setting}`)
    if (record) writeFileSync(RESULTS, renderResults(fates, setting))
    return fates.every(({ tier }) => tier !== undefined) ? 0 : 1
  })
}

/** Every tier holds on a tree without a fault. @param {readonly Tree[]} trees */
async function isSound([tree]) {
  for (const { name, kill } of TIERS) {
    const killer = tree === undefined ? undefined : await kill(tree.root, undefined)
    if (killer === undefined) continue
    console.error(`The tree fails without any fault, in ${name}: ${killer}`)
    return false
  }
  return true
}

/** @param {Mutant} mutant @param {Tree} tree @returns {Promise<Fate>} */
async function fateOf(mutant, tree) {
  const begun = performance.now()
  return tree.with(mutant, async () => {
    for (const { name, kill } of TIERS) {
      const killer = await kill(tree.root, mutant.file)
      if (killer !== undefined) return { mutant, tier: name, killer, tookMs: performance.now() - begun }
    }
    return { mutant, tookMs: performance.now() - begun }
  })
}

/** @param {Fate} fate */
function lineOf({ mutant, tier = 'SURVIVED', killer = mutant.story, tookMs }) {
  return `${tier.padEnd(11)} ${mutant.name}: ${killer} (${(tookMs / 1000).toFixed(1)} s)`
}
