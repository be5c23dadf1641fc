// @ts-check
// A few workers, each with one seed at a time.
import { Worker } from 'node:worker_threads'

/** A seed takes a fraction of a second: one that takes so long never ends. */
const STUCK_MS = 120_000

/**
 * @param {readonly number[]} seeds
 * @param {{ file: string, jobs: number }} options
 * @param {(outcome: import('./outcome.mjs').Outcome) => void} take
 */
export async function runSeeds(seeds, { file, jobs }, take) {
  const queue = [...seeds].reverse()
  await Promise.all(Array.from({ length: Math.min(jobs, queue.length) }, () => runWorker(file, queue, take)))
}

/**
 * @param {string} file
 * @param {number[]} queue the next seed last
 * @param {(outcome: import('./outcome.mjs').Outcome) => void} take
 * @returns {Promise<void>}
 */
function runWorker(file, queue, take) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { file } })
    /** @type {number | undefined} */
    let seed
    /** @type {NodeJS.Timeout | undefined} */
    let watchdog
    const next = () => {
      clearTimeout(watchdog)
      seed = queue.pop()
      if (seed === undefined) return void worker.terminate().then(() => resolve(), reject)
      watchdog = setTimeout(stuck, STUCK_MS)
      worker.postMessage({ seed })
    }
    const failed = (/** @type {string} */ violation) => {
      clearTimeout(watchdog)
      if (seed !== undefined) take(emptyOutcome(seed, violation))
      worker.removeAllListeners()
      void worker.terminate().then(() => runWorker(file, queue, take).then(resolve, reject))
    }
    const stuck = () => failed(`ends-in-time: not after ${STUCK_MS / 1000} s`)
    worker.on('message', (message) => {
      if (message.is === 'outcome') take(message)
      next()
    })
    worker.on('error', (error) => (seed === undefined ? reject(error) : failed(`runs-to-the-end: ${error.stack}`)))
  })
}

/** @param {number} seed @param {string} violation @returns {import('./outcome.mjs').Outcome} */
function emptyOutcome(seed, violation) {
  return { is: 'outcome', seed, violations: [violation], hash: '', lastedMs: 0, convergedMs: 0, moves: {}, tookMs: 0 }
}
