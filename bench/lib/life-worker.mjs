// @ts-check
// Carries out tasks of bench/months.mjs, one at a time.
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'

/** @type {typeof import('./client-life')} */
const { liveFor, loseServer } = await import(pathToFileURL(workerData.file).href)

parentPort?.on('message', async (/** @type {import('../months.mjs').Task} */ task) => {
  const result =
    task.is === 'life'
      ? await liveFor({ seed: task.seed, line: task.line, loss: task.loss, days: task.days })
      : await loseServer({ how: task.how, seed: task.seed, line: task.line, loss: task.loss })
  // Not noticed at all: a result, too.
  parentPort?.postMessage({ key: task.key, result: result ?? null })
})
parentPort?.postMessage(undefined)
