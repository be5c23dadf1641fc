/** One target in a thread of its own: its heap can be measured and limited, and a hang can be ended from outside. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { fuzz, inputAt } from './fuzz'
import { TARGETS } from './targets'

export interface WorkerTask {
  readonly target: string
  readonly runs: number
  readonly seed: number
  /** Counts the inputs, for whoever watches. */
  readonly progress: SharedArrayBuffer
  /** Only tell what this input is: it hung. */
  readonly show?: number
}

export type WorkerReport =
  | { readonly ok: true; readonly worstMs: number; readonly heapGrowth: number }
  | { readonly ok: false; readonly story: string }

/** Names and subjects, for the table. */
export const SUBJECTS = TARGETS.map(({ name, reads }) => ({ name, reads }))

/** Caches, compiled code and the like are there after this part of the runs; what grows from then on is a leak. */
const WARM_UP = 0.1

function run({ target: name, runs, seed, progress, show }: WorkerTask): WorkerReport {
  const target = TARGETS.find((one) => one.name === name)
  if (target === undefined) return { ok: false, story: `there is no target ${name}` }
  if (show !== undefined) return { ok: false, story: inputAt(target, seed, show) }
  const counter = new Int32Array(progress)
  const warmAt = Math.ceil(runs * WARM_UP)
  let warmHeap = 0
  const onRun = (): void => {
    if (Atomics.add(counter, 0, 1) + 1 === warmAt) warmHeap = heapUsed()
  }
  try {
    const { worstMs } = fuzz(target, { runs, seed, onRun })
    return { ok: true, worstMs, heapGrowth: heapUsed() - warmHeap }
  } catch (error) {
    return { ok: false, story: error instanceof Error ? error.message : String(error) }
  }
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}

if (!isMainThread) parentPort?.postMessage(run(workerData as WorkerTask))
