// @ts-check
// `npm run mutants`: breaks the source on purpose, one line at a time, and shows who notices. See CONTRIBUTING.md.
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { MUTANTS } from '../test/mutants/index.mjs'
import { renderResults, summary } from './mutants/results.mjs'
import { TIERS } from './mutants/tiers.mjs'
import { isStale, plantTrees } from './mutants/tree.mjs'
import { Progress } from './simulation/progress.mjs'

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

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    jobs: { type: 'string', default: String(availableParallelism()) },
    list: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const only = values.only.flatMap((names) => names.split(','))
const jobs = Number(values.jobs)

if (values.help) console.log(HELP)
else if (values.list) for (const { name, story, file } of MUTANTS) console.log(`${name}  (${file})\n    ${story}`)
else process.exitCode = wrongArguments() ?? (await main())

function wrongArguments() {
  const unknown = only.filter((wanted) => !MUTANTS.some(({ name }) => name === wanted))
  const problems = unknown.map((name) => `no fault is called "${name}"; see --list`)
  if (!Number.isInteger(jobs) || jobs < 1) problems.push(`--jobs must be a whole number from 1, not "${values.jobs}"`)
  if (values.record && only.length > 0) problems.push('--record is for all faults, not for --only')
  for (const problem of problems) console.error(problem)
  return problems.length === 0 ? undefined : 2
}

async function main() {
  const wanted = MUTANTS.filter(({ name }) => only.length === 0 || only.includes(name))
  const stale = wanted.filter(isStale)
  for (const { name, file } of stale) console.error(`${name} is stale: its text is not found exactly once in ${file}`)
  if (stale.length > 0) return 2
  const { trees, remove } = plantTrees(Math.min(jobs, wanted.length))
  // An interrupted run leaves no trees behind.
  process.once('SIGINT', () => {
    remove()
    process.exit(130)
  })
  try {
    const begun = performance.now()
    // Else the tree's own faults would be taken for kills. Whoever asks for one fault knows how the tree is.
    if (only.length === 0 && !(await isSound(trees))) return 2
    const fates = await all(wanted, trees)
    const minutes = ((performance.now() - begun) / 60_000).toFixed(1)
    const setting = `${minutes} minutes on ${jobs} of ${availableParallelism()} cores (${cpus()[0]?.model.trim()}).`
    console.log(`${summary(fates)}; ${setting}`)
    if (values.record) writeFileSync(RESULTS, renderResults(fates, setting))
    return fates.every(({ tier }) => tier !== undefined) ? 0 : 1
  } finally {
    remove()
  }
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

/** @param {readonly Mutant[]} mutants @param {readonly Tree[]} trees @returns {Promise<readonly Fate[]>} in order */
async function all(mutants, trees) {
  /** @type {Map<Mutant, Fate>} */
  const fates = new Map()
  const queue = [...mutants]
  const progress = new Progress(mutants.length, 0)
  const work = async (/** @type {Tree} */ tree) => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const fate = await fateOf(next, tree)
      fates.set(next, fate)
      progress.end()
      console.log(lineOf(fate))
      progress.step([...fates.values()].filter(({ tier }) => tier === undefined).length)
    }
  }
  try {
    await Promise.all(trees.map(work))
  } finally {
    progress.end()
  }
  return mutants.flatMap((mutant) => fates.get(mutant) ?? [])
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
