// @ts-check
// What is broken, and who notices: breaks by seeds of the swarm, those of the regressions by the plan that was kept.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BREAKS } from '../../test/simulation/breaks.mjs'
import { bundle } from '../simulation/bundle.mjs'
import { Tally } from '../simulation/outcome.mjs'
import { runSeeds, runTasks } from '../simulation/pool.mjs'

/**
 * @typedef {import('../mutants/tree.mjs').Edit} Edit
 * @typedef {import('../mutants/tree.mjs').Tree} Tree
 *
 * @typedef {object} Trial
 * @property {string} name
 * @property {'swarm' | 'regression'} by
 * @property {readonly Edit[]} edits one, or as many as it takes where guards stand behind one another
 * @property {readonly string[]} wanted the invariants that have to notice; of a regression any one will do
 * @property {(file: string) => Promise<Sighted>} run with the bundle of a tree in which it stands
 *
 * @typedef {object} Sighted
 * @property {ReadonlyMap<string, number>} noticed how many seeds violated an invariant
 * @property {number} ran how many seeds were run
 *
 * @typedef {Sighted & { trial: Trial, tookMs: number }} Fate what became of it
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const REGRESSIONS = join(ROOT, 'test', 'simulation', 'regressions')
const ENTRY = 'src/testing/swarm/index.ts'
/** Enough for most, and a few seconds. */
export const LOT = 50
/** A kept plan takes a fraction of a second, unless it never ends, as two of them do when they are broken. */
const STUCK_MS = 20_000

/** @type {readonly Trial[]} */
export const TRIALS = [
  ...BREAKS.map(({ name, noticedBy, seeds = LOT, ...edit }) => ({
    name,
    by: /** @type {const} */ ('swarm'),
    edits: [edit],
    wanted: noticedBy,
    run: (/** @type {string} */ file) => runLots(file, seeds, noticedBy),
  })),
  ...readdirSync(REGRESSIONS).flatMap(regressionTrial),
]

/** @param {string} fileName @returns {readonly Trial[]} */
function regressionTrial(fileName) {
  const { plan, brokenBy } = JSON.parse(readFileSync(join(REGRESSIONS, fileName), 'utf8'))
  if (brokenBy === undefined) return []
  const name = fileName.replace(/\.json$/, '')
  return [{ name, by: 'regression', edits: brokenBy, wanted: [], run: (file) => runKept(file, plan) }]
}

/** @param {Trial} trial @param {Tree} tree @returns {Promise<Fate>} */
export async function fateOf(trial, tree) {
  const begun = performance.now()
  const sighted = await withAll(tree, trial.edits, () => inBundle(tree, trial.run))
  return { ...sighted, trial, tookMs: performance.now() - begun }
}

/**
 * @template T
 * @param {Tree} tree
 * @param {readonly Edit[]} edits
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
function withAll(tree, [edit, ...others], work) {
  return edit === undefined ? work() : tree.with(edit, () => withAll(tree, others, work))
}

/** @param {Fate} fate */
export function isNoticed({ trial: { wanted }, noticed }) {
  return wanted.length === 0 ? noticed.size > 0 : wanted.every((name) => noticed.has(name))
}

/** What seeds notice where nothing is broken: nothing, or all the rest proves little. @param {Tree} tree */
export function soundness(tree) {
  const seeds = Math.max(...BREAKS.map(({ seeds = LOT }) => seeds))
  return inBundle(tree, (file) => runLots(file, seeds, ['']))
}

/** @param {Tree} tree @param {(file: string) => Promise<Sighted>} run */
async function inBundle(tree, run) {
  const { file, remove } = await bundle(ENTRY, tree.root)
  try {
    return await run(file)
  } finally {
    remove()
  }
}

/** @param {string} file @param {number} most @param {readonly string[]} wanted @returns {Promise<Sighted>} */
async function runLots(file, most, wanted) {
  const tally = new Tally()
  while (tally.seeds < most && !wanted.every((name) => tally.byInvariant().has(name))) {
    const seeds = Array.from({ length: LOT }, (_, index) => tally.seeds + index + 1)
    await runSeeds(seeds, { file, jobs: 1 }, (outcome) => tally.add(outcome))
  }
  return sightedIn(tally)
}

/** @param {string} file @param {import('../../src/testing/swarm/index').SwarmPlan} plan @returns {Promise<Sighted>} */
async function runKept(file, plan) {
  const tally = new Tally()
  await runTasks([{ seed: plan.seed, plan }], { file, jobs: 1, stuckMs: STUCK_MS }, (outcome) => tally.add(outcome))
  return sightedIn(tally)
}

/** @param {Tally} tally @returns {Sighted} */
function sightedIn(tally) {
  const noticed = new Map([...tally.byInvariant()].map(([name, seeds]) => [name, seeds.length]))
  return { noticed, ran: tally.seeds }
}
