/** Whether a target gathers what it reads: how much the heap has grown, after garbage collection, since it was warm. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Caches, compiled code and the like are there after this part of the runs; what grows from then on is a leak. */
const WARM_UP = 0.1

export class HeapWatch {
  readonly #warmAt: number
  #count = 0
  #warmBytes = 0

  constructor(runs: number) {
    this.#warmAt = Math.ceil(runs * WARM_UP)
  }

  /** After each input. */
  step(): void {
    this.#count += 1
    if (this.#count === this.#warmAt) this.#warmBytes = heapBytes()
  }

  growthBytes(): number {
    return heapBytes() - this.#warmBytes
  }
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
