// @ts-check
// Hostile inputs for everything that parses: the targets of test/fuzz, as many inputs as wanted.
//   npm run fuzz                                     a million inputs each, a new seed: about half an hour
//   npm run fuzz -- --runs 10000 --only frame        fewer, of one of them (a list: --only frame,topology)
//   npm run fuzz -- --seed 7                         the same inputs again
// Exit code: 0 all held, 1 one did not (its smallest input and the seed are printed), 2 wrong arguments.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'

/**
 * @typedef {import('../test/fuzz/worker').WorkerTask} WorkerTask
 * @typedef {import('../test/fuzz/worker').WorkerReport} WorkerReport
 * @typedef {{ runs: number, seed: number, only: readonly string[] }} Wanted
 */

const root = fileURLToPath(new URL('..', import.meta.url))
/** No input takes a hundredth of that. */
const STUCK_MS = 30_000
const LOOK_EVERY_MS = 500
/** Far more than any target needs: whoever gathers inputs meets it. */
const MAX_HEAP_MB = 512
const MAX_GROWTH = 16 * 1024 * 1024

process.exitCode = await main()

/** @returns {Promise<number>} exit code */
async function main() {
  const wanted = readArguments()
  if (wanted === undefined) return 2
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tmp', 'fuzz-'))
  try {
    return await runAll(await bundle(folder), wanted)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns {Wanted | undefined} */
function readArguments() {
  try {
    const { values } = parseArgs({
      options: { runs: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string', multiple: true } },
    })
    const runs = Number(values.runs ?? 1_000_000)
    const seed = Number(values.seed ?? Date.now() % 2 ** 31)
    if (!Number.isSafeInteger(runs) || runs < 1) throw new Error('--runs takes a number from 1')
    if (!Number.isSafeInteger(seed)) throw new Error('--seed takes an integer')
    return { runs, seed, only: (values.only ?? []).flatMap((names) => names.split(',')) }
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    return undefined
  }
}

/** @param {string} folder @returns {Promise<string>} the bundle */
async function bundle(folder) {
  const outfile = join(folder, 'worker.mjs')
  await build({
    entryPoints: [join(root, 'test', 'fuzz', 'worker.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  })
  return outfile
}

/** @param {string} file @param {Wanted} wanted @returns {Promise<number>} */
async function runAll(file, { runs, seed, only }) {
  /** @type {typeof import('../test/fuzz/worker')} */
  const { SUBJECTS } = await import(pathToFileURL(file).href)
  const unknown = only.filter((name) => !SUBJECTS.some((subject) => subject.name === name))
  if (unknown.length > 0) {
    console.error(`no such target: ${unknown.join(', ')}; there are ${SUBJECTS.map(({ name }) => name).join(', ')}`)
    return 2
  }
  const targets = SUBJECTS.filter(({ name }) => only.length === 0 || only.includes(name))
  console.log(`${runs} inputs each, seed ${seed}\n`)
  console.log('| target | inputs/s | worst input | heap growth |\n|---|---:|---:|---:|')
  let failures = 0
  for (const { name } of targets) failures += (await runOne(file, name, runs, seed)) ? 0 : 1
  console.log(`\n${targets.length - failures} held, ${failures} did not`)
  return failures === 0 ? 0 : 1
}

/** @param {string} file @param {string} target @param {number} runs @param {number} seed */
async function runOne(file, target, runs, seed) {
  const startedAt = performance.now()
  const report = await watch(file, { target, runs, seed, progress: new SharedArrayBuffer(4) })
  const perSecond = Math.round((runs / (performance.now() - startedAt)) * 1000)
  if (report.ok && report.heapGrowth <= MAX_GROWTH) {
    const growth = (report.heapGrowth / 1024 / 1024).toFixed(1)
    console.log(`| ${target} | ${perSecond} | ${report.worstMs.toFixed(1)} ms | ${growth} MiB |`)
    return true
  }
  console.log(`\nFAILED ${report.ok ? `${target}: the heap grew by ${report.heapGrowth} bytes` : report.story}`)
  console.log(`again: npm run fuzz -- --only ${target} --seed ${seed} --runs ${runs}\n`)
  return false
}

/**
 * Runs a task in its thread, and ends it when it goes on no more.
 * @param {string} file
 * @param {WorkerTask} task
 * @returns {Promise<WorkerReport>}
 */
async function watch(file, task) {
  const counter = new Int32Array(task.progress)
  const worker = new Worker(file, { workerData: task, resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } })
  /** @type {Promise<WorkerReport>} */
  const ended = new Promise((resolve) => {
    worker.once('message', resolve)
    worker.once('error', (error) => resolve({ ok: false, story: `${task.target}: ${error.message}` }))
    worker.once('exit', () => resolve({ ok: false, story: `${task.target}: the thread ended` }))
  })
  let last = { count: 0, at: performance.now() }
  /** @type {(report: WorkerReport) => void} */
  let giveUp = () => undefined
  const stuck = new Promise((/** @type {(report: WorkerReport) => void} */ resolve) => (giveUp = resolve))
  const timer = setInterval(() => {
    const count = Atomics.load(counter, 0)
    if (count !== last.count) last = { count, at: performance.now() }
    else if (performance.now() - last.at > STUCK_MS)
      giveUp({ ok: false, story: `${task.target}: input ${count + 1} hangs` })
    showProgress(task, count)
  }, LOOK_EVERY_MS)
  const report = await Promise.race([ended, stuck])
  clearInterval(timer)
  showProgress(task, undefined)
  await worker.terminate()
  if (report.ok || !report.story.endsWith('hangs') || task.show !== undefined) return report
  const input = await watch(file, { ...task, progress: new SharedArrayBuffer(4), show: last.count + 1 })
  return { ok: false, story: `${report.story}\n${input.ok ? '' : input.story}` }
}

/** On a terminal only. @param {WorkerTask} task @param {number | undefined} count */
function showProgress({ target, runs }, count) {
  if (!process.stderr.isTTY) return
  process.stderr.write(count === undefined ? '\r\u001b[K' : `\r\u001b[K${target} ${count} of ${runs}`)
}
