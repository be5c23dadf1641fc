/** One target in a thread of its own: its heap can be measured and limited, and a hang can be ended from outside. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { fuzz, inputAt } from './fuzz'
import { HeapWatch } from './heap'
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

function run({ target: name, runs, seed, progress, show }: WorkerTask): WorkerReport {
  const target = TARGETS.find((one) => one.name === name)
  if (target === undefined) return { ok: false, story: `there is no target ${name}` }
  if (show !== undefined) return { ok: false, story: inputAt(target, seed, show) }
  const counter = new Int32Array(progress)
  const heap = new HeapWatch(runs)
  const onRun = (): void => {
    Atomics.add(counter, 0, 1)
    heap.step()
  }
  try {
    const { worstMs } = fuzz(target, { runs, seed, onRun })
    return { ok: true, worstMs, heapGrowth: heap.growthBytes() }
  } catch (error) {
    return { ok: false, story: error instanceof Error ? error.message : String(error) }
  }
}

if (!isMainThread) parentPort?.postMessage(run(workerData as WorkerTask))
