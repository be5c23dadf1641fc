// @ts-check
// A few workers, each with one seed at a time.
import { Worker } from 'node:worker_threads'

/** A seed takes a fraction of a second: one that takes so long never ends. */
const STUCK_MS = 120_000

/**
 * Takes what became of a seed, and may say that no other one is wanted.
 * @typedef {(outcome: import('./outcome.mjs').Outcome) => 'enough' | void} Take
 */

/**
 * `plan`: run instead of the one that the seed draws.
 * @typedef {{ seed: number, plan?: import('../../src/testing/swarm/index').SwarmPlan }} Task
 *
 * @typedef {{ file: string, jobs: number, stuckMs?: number }} Options
 */

/** @param {readonly number[]} seeds @param {Options} options @param {Take} take */
export async function runSeeds(seeds, options, take) {
  await runTasks(
    seeds.map((seed) => ({ seed })),
    options,
    take,
  )
}

/** @param {readonly Task[]} tasks @param {Options} options @param {Take} take */
export async function runTasks(tasks, { file, jobs, stuckMs = STUCK_MS }, take) {
  const queue = [...tasks].reverse()
  const one = { file, queue, stuckMs, take }
  await Promise.all(Array.from({ length: Math.min(jobs, queue.length) }, () => runWorker(one)))
}

/**
 * @param {{ file: string, queue: Task[], stuckMs: number, take: Take }} one its queue: the next one last
 * @returns {Promise<void>}
 */
function runWorker(one) {
  const { file, queue, stuckMs } = one
  const take = (/** @type {import('./outcome.mjs').Outcome} */ outcome) => {
    if (one.take(outcome) === 'enough') queue.length = 0
  }
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { file } })
    /** @type {Task | undefined} */
    let task
    /** @type {NodeJS.Timeout | undefined} */
    let watchdog
    const next = () => {
      clearTimeout(watchdog)
      task = queue.pop()
      if (task === undefined) return void worker.terminate().then(() => resolve(), reject)
      watchdog = setTimeout(stuck, stuckMs)
      worker.postMessage(task)
    }
    const failed = (/** @type {string} */ violation) => {
      clearTimeout(watchdog)
      if (task !== undefined) take(emptyOutcome(task.seed, violation))
      worker.removeAllListeners()
      void worker.terminate().then(() => runWorker(one).then(resolve, reject))
    }
    const stuck = () => failed(`ends-in-time: not after ${stuckMs / 1000} s`)
    worker.on('message', (message) => {
      if (message.is === 'outcome') take(message)
      next()
    })
    worker.on('error', (error) => (task === undefined ? reject(error) : failed(`runs-to-the-end: ${error.stack}`)))
  })
}

/** @param {number} seed @param {string} violation @returns {import('./outcome.mjs').Outcome} */
function emptyOutcome(seed, violation) {
  return { is: 'outcome', seed, violations: [violation], hash: '', lastedMs: 0, convergedMs: 0, moves: {}, tookMs: 0 }
}
