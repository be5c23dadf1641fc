// @ts-check
// Runs seeds, one after the other, and posts what became of each. See scripts/simulate.mjs.
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'

/** Every so many seeds are run twice: the same seed has to give the same trace. */
const TWICE_EVERY = 50

/** @type {typeof import('../../src/testing/swarm/index')} */
const { drawPlan, runPlan } = await import(pathToFileURL(workerData.file).href)
/** @type {string[]} */
let stray = []
process.on('unhandledRejection', (reason) => stray.push(`no-unhandled-rejection: ${textOf(reason)}`))
process.on('uncaughtException', (error) => stray.push(`no-uncaught-exception: ${textOf(error)}`))

parentPort?.on('message', async (/** @type {import('./pool.mjs').Task} */ task) => {
  parentPort?.postMessage(await outcomeOf(task))
})
parentPort?.postMessage({ is: 'idle' })

/** @param {import('./pool.mjs').Task} task @returns {Promise<import('./outcome.mjs').Outcome>} */
async function outcomeOf({ seed, plan: given }) {
  stray = []
  const begun = performance.now()
  try {
    const plan = given ?? drawPlan(seed)
    const run = await runPlan(plan)
    const violations = run.violations.map(
      ({ invariant, at, facts }) => `${invariant}: at ${Math.round(at)} ms: ${facts}`,
    )
    if (seed % TWICE_EVERY === 0) {
      const again = await runPlan(plan)
      if (again.hash !== run.hash) violations.push(`same-seed-same-trace: ${run.hash}, then ${again.hash}`)
    }
    // Rejections that nobody handles are told when the turn is over.
    await new Promise((resolve) => setImmediate(resolve))
    const { hash, lastedMs, convergedMs, moves } = run
    const tookMs = performance.now() - begun
    return { is: 'outcome', seed, violations: [...violations, ...stray], hash, lastedMs, convergedMs, moves, tookMs }
  } catch (error) {
    const tookMs = performance.now() - begun
    const violations = [`runs-to-the-end: ${textOf(error)}`, ...stray]
    return { is: 'outcome', seed, violations, hash: '', lastedMs: 0, convergedMs: 0, moves: {}, tookMs }
  }
}

/** @param {unknown} error */
function textOf(error) {
  return error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 6).join(' | ') : String(error)
}
