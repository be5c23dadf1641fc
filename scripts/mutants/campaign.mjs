// @ts-check
// What `npm run mutants` and `npm run breaks` share: their arguments, and a queue of edits worked off in several trees.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Progress } from '../simulation/progress.mjs'
import { plantTrees } from './tree.mjs'

/**
 * @typedef {import('./tree.mjs').Tree} Tree
 *
 * @typedef {object} Arguments
 * @property {readonly string[]} only names; none: all
 * @property {number} jobs
 * @property {boolean} list
 * @property {boolean} record
 * @property {boolean} help
 * @property {readonly string[]} problems for people; none: they make sense
 */

/** @param {string} what one is called, as "fault" @param {readonly string[]} names there are @returns {Arguments} */
export function readArguments(what, names) {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      jobs: { type: 'string', default: String(availableParallelism()) },
      list: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { list, record, help } = values
  const only = values.only.flatMap((text) => text.split(','))
  const jobs = Number(values.jobs)
  const unknown = only.filter((wanted) => !names.includes(wanted))
  const problems = unknown.map((name) => `no ${what} is called "${name}"; see --list`)
  if (!Number.isInteger(jobs) || jobs < 1) problems.push(`--jobs must be a whole number from 1, not "${values.jobs}"`)
  if (record && only.length > 0) problems.push(`--record is for all ${what}s, not for --only`)
  return { only, jobs, list, record, help, problems }
}

/**
 * Runs with so many trees, which are gone afterwards: an interrupted run leaves none behind.
 * @param {number} count
 * @param {(trees: readonly Tree[]) => Promise<number>} run
 * @returns {Promise<number>} what it returns: an exit code
 */
export async function withTrees(count, run) {
  const { trees, remove } = plantTrees(count)
  process.once('SIGINT', () => {
    remove()
    process.exit(130)
  })
  try {
    return await run(trees)
  } finally {
    remove()
  }
}

/**
 * @template Item, Fate
 * @param {readonly Item[]} items
 * @param {readonly Tree[]} trees one item at a time in each
 * @param {{ fateOf: (item: Item, tree: Tree) => Promise<Fate>, line: (fate: Fate) => string,
 *   isMissed: (fate: Fate) => boolean }} how
 * @returns {Promise<readonly Fate[]>} in the order of the items
 */
export async function workOff(items, trees, { fateOf, line, isMissed }) {
  /** @type {Map<Item, Fate>} */
  const fates = new Map()
  const queue = [...items]
  const progress = new Progress(items.length, 0)
  const work = async (/** @type {Tree} */ tree) => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const fate = await fateOf(next, tree)
      fates.set(next, fate)
      progress.end()
      console.log(line(fate))
      progress.step([...fates.values()].filter(isMissed).length)
    }
  }
  try {
    await Promise.all(trees.map(work))
  } finally {
    progress.end()
  }
  return items.flatMap((item) => fates.get(item) ?? [])
}
