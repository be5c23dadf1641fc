// @ts-check
// `npm run breaks`: shows that each invariant of the swarm can fail, and each regression too. See CONTRIBUTING.md.
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { counts, noticedBy, renderBreaks } from './breaks/results.mjs'
import { fateOf, isNoticed, soundness, TRIALS } from './breaks/trials.mjs'
import { isStale, plantTrees } from './mutants/tree.mjs'
import { Progress } from './simulation/progress.mjs'

/**
 * @typedef {import('./breaks/trials.mjs').Fate} Fate
 * @typedef {import('./breaks/trials.mjs').Trial} Trial
 * @typedef {import('./mutants/tree.mjs').Tree} Tree
 */

const HELP = `npm run breaks -- [options]

  --only NAME  this break, or this regression, alone; several times, or a list with commas
  --jobs J     how many at a time (one a core)
  --list       their names, and who has to notice
  --record     write test/simulation/breaks.md; not together with --only

Exit code: 0 each was noticed, 1 one was not, 2 wrong arguments, a stale break, or seeds that fail without any.
`

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const RECORD = join(ROOT, 'test', 'simulation', 'breaks.md')

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
else if (values.list) for (const { name, by, wanted } of TRIALS) console.log(`${name}: ${wanted.join(', ') || by}`)
else process.exitCode = wrongArguments() ?? (await main())

function wrongArguments() {
  const unknown = only.filter((wanted) => !TRIALS.some(({ name }) => name === wanted))
  const problems = unknown.map((name) => `no break is called "${name}"; see --list`)
  if (!Number.isInteger(jobs) || jobs < 1) problems.push(`--jobs must be a whole number from 1, not "${values.jobs}"`)
  if (values.record && only.length > 0) problems.push('--record is for all breaks, not for --only')
  for (const problem of problems) console.error(problem)
  return problems.length === 0 ? undefined : 2
}

async function main() {
  const wanted = TRIALS.filter(({ name }) => only.length === 0 || only.includes(name))
  const stale = wanted.flatMap(({ name, edits }) => edits.filter(isStale).map(({ file }) => ({ name, file })))
  for (const { name, file } of stale) console.error(`${name} is stale: its text is not found exactly once in ${file}`)
  if (stale.length > 0) return 2
  const { trees, remove } = plantTrees(Math.min(jobs, wanted.length))
  // An interrupted run leaves no trees behind.
  process.once('SIGINT', () => {
    remove()
    process.exit(130)
  })
  try {
    // Else what fails anyway would be taken for noticed. Whoever asks for one break knows how the tree is.
    if (only.length === 0 && !(await isSound(trees))) return 2
    console.log('| break | noticed by | failing seeds | took |\n| --- | --- | --- | ---: |')
    const fates = await all(wanted, trees)
    const missed = fates.filter((fate) => !isNoticed(fate)).length
    console.log(`\n${fates.length - missed} were noticed, ${missed} were not`)
    if (values.record) writeFileSync(RECORD, renderBreaks(fates))
    return missed === 0 ? 0 : 1
  } finally {
    remove()
  }
}

/** @param {readonly Tree[]} trees */
async function isSound([tree]) {
  const { noticed } = tree === undefined ? { noticed: new Map() } : await soundness(tree)
  for (const [name, seeds] of noticed) console.error(`Seeds fail without any break: ${name}, ${seeds} of them`)
  return noticed.size === 0
}

/** @param {readonly Trial[]} trials @param {readonly Tree[]} trees @returns {Promise<readonly Fate[]>} in order */
async function all(trials, trees) {
  /** @type {Map<Trial, Fate>} */
  const fates = new Map()
  const queue = [...trials]
  const progress = new Progress(trials.length, 0)
  const work = async (/** @type {Tree} */ tree) => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const fate = await fateOf(next, tree)
      fates.set(next, fate)
      progress.end()
      const took = `${(fate.tookMs / 1000).toFixed(1)} s`
      console.log(`| ${[next.name, noticedBy(fate), counts(fate), took].join(' | ')} |`)
      progress.step([...fates.values()].filter((one) => !isNoticed(one)).length)
    }
  }
  try {
    await Promise.all(trees.map(work))
  } finally {
    progress.end()
  }
  return trials.flatMap((trial) => fates.get(trial) ?? [])
}
