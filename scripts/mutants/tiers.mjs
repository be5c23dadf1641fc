// @ts-check
// The tiers that a fault has to get past, the ones that say most of a user's life first.
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { bundle } from '../simulation/bundle.mjs'
import { runSeeds } from '../simulation/pool.mjs'

/**
 * @typedef {import('./tree.mjs').Tree} Tree
 *
 * @typedef {object} Tier
 * @property {'conformance' | 'simulation' | 'unit'} name
 * @property {(root: string, file: string | undefined) => Promise<string | undefined>} kill
 *   who notices that something is wrong in this tree, whose one fault is in `file` (nothing: it has none)
 */

/** The first ones of `npm test`. */
export const SEEDS = 200
const CASE_STUCK_MS = 30_000
const SEED_STUCK_MS = 60_000

/** @type {readonly Tier[]} */
export const TIERS = [
  { name: 'conformance', kill: killByCases },
  { name: 'simulation', kill: killBySeeds },
  { name: 'unit', kill: killByUnitTests },
]

/** @param {string} root */
async function killByCases(root) {
  const { file, remove } = await bundle('test/mutants/conformance.ts', root)
  try {
    const failed = await failedCases(file, join(root, 'test', 'conformance'))
    const names = failed.map((name) => name.replace(/\.json$/, ''))
    return names.length > 1 ? `${names[0]}, and ${names.length - 1} more` : names[0]
  } finally {
    remove()
  }
}

/** @param {string} file @param {string} folder @returns {Promise<readonly string[]>} */
function failedCases(file, folder) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./conformance-worker.mjs', import.meta.url), { workerData: { file, folder } })
    /** @type {NodeJS.Timeout | undefined} */
    let watchdog
    const end = (/** @type {readonly string[]} */ failed) => {
      clearTimeout(watchdog)
      void worker.terminate().then(() => resolve(failed), reject)
    }
    worker.on('message', (/** @type {import('./conformance-worker.mjs').CaseNews} */ news) => {
      if (news.is === 'over') return end(news.failed)
      clearTimeout(watchdog)
      watchdog = setTimeout(() => end([news.file]), CASE_STUCK_MS)
    })
    // The cases catch what they throw: this is a tree that cannot even be loaded.
    worker.on('error', reject)
  })
}

/** @param {string} root @returns {Promise<string | undefined>} */
async function killBySeeds(root) {
  const { file, remove } = await bundle('src/testing/swarm/index.ts', root)
  /** @type {string | undefined} */
  let killer
  try {
    const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1)
    await runSeeds(seeds, { file, jobs: 1, stuckMs: SEED_STUCK_MS }, ({ seed, violations: [first] }) => {
      if (first === undefined) return
      killer = `${first.slice(0, first.indexOf(':'))} (seed ${seed})`
      return 'enough'
    })
  } finally {
    remove()
  }
  return killer
}

/** @param {string} root @param {string | undefined} file */
async function killByUnitTests(root, file) {
  const report = join(root, 'unit.json')
  const which = file === undefined ? ['run'] : ['related', file, '--run']
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const flags = ['--project', 'unit', '--bail', '1', '--maxWorkers', '1', '--reporter', 'json', '--outputFile', report]
  await new Promise((resolve, reject) => {
    /** @type {import('node:child_process').StdioOptions} */
    const stdio = ['ignore', 'ignore', 'inherit']
    const child = spawn(process.execPath, [vitest, ...which, ...flags], { cwd: root, stdio })
    child.on('error', reject).on('exit', resolve)
  })
  /** @type {{ testResults: { name: string, assertionResults: { status: string, fullName: string }[] }[] }} */
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  rmSync(report)
  const failed = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName }) => `${name.slice(name.lastIndexOf('/') + 1)}: ${fullName}`),
  )
  return failed[0]
}
