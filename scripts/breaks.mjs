// @ts-check
// `npm run breaks`: shows that each invariant of the swarm can fail, and each regression too. See CONTRIBUTING.md.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { counts, noticedBy, renderBreaks } from './breaks/results.mjs'
import { fateOf, isNoticed, soundness, TRIALS } from './breaks/trials.mjs'
import { readArguments, withTrees, workOff } from './mutants/campaign.mjs'
import { isStale } from './mutants/tree.mjs'

/**
 * @typedef {import('./breaks/trials.mjs').Fate} Fate
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

const { only, jobs, list, record, help, problems } = readArguments(
  'break',
  TRIALS.map(({ name }) => name),
)

if (help) console.log(HELP)
else if (list) for (const { name, by, wanted } of TRIALS) console.log(`${name}: ${wanted.join(', ') || by}`)
else if (problems.length > 0) {
  for (const problem of problems) console.error(problem)
  process.exitCode = 2
} else process.exitCode = await main()

async function main() {
  const wanted = TRIALS.filter(({ name }) => only.length === 0 || only.includes(name))
  const stale = wanted.flatMap(({ name, edits }) => edits.filter(isStale).map(({ file }) => ({ name, file })))
  for (const { name, file } of stale) console.error(`${name} is stale: its text is not found exactly once in ${file}`)
  if (stale.length > 0) return 2
  return withTrees(Math.min(jobs, wanted.length), async (trees) => {
    // Else what fails anyway would be taken for noticed. Whoever asks for one break knows how the tree is.
    if (only.length === 0 && !(await isSound(trees))) return 2
    console.log('| break | noticed by | failing seeds | took |\n| --- | --- | --- | ---: |')
    const fates = await workOff(wanted, trees, { fateOf, line: lineOf, isMissed: (fate) => !isNoticed(fate) })
    const missed = fates.filter((fate) => !isNoticed(fate)).length
    console.log(`\n${fates.length - missed} were noticed, ${missed} were not`)
    if (record) writeFileSync(RECORD, renderBreaks(fates))
    return missed === 0 ? 0 : 1
  })
}

/** @param {readonly Tree[]} trees */
async function isSound([tree]) {
  const { noticed } = tree === undefined ? { noticed: new Map() } : await soundness(tree)
  for (const [name, seeds] of noticed) console.error(`Seeds fail without any break: ${name}, ${seeds} of them`)
  return noticed.size === 0
}

/** @param {Fate} fate */
function lineOf(fate) {
  return `| ${[fate.trial.name, noticedBy(fate), counts(fate), `${(fate.tookMs / 1000).toFixed(1)} s`].join(' | ')} |`
}
