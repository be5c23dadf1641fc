/** Publishing at an even pace. */
import type { Published, PublishInput } from '../server/fault-options'
import { invalid } from '../server/pool-options'

/** Options of `cluster.generate`. */
export interface GenerateOptions {
  /** Where to publish. */
  readonly topic: string
  /** Events per second, 0.1 to 20000. Paced by the clock: lateness is caught up, nothing drifts. */
  readonly perSecond: number
  /** Stop by itself after this many. @default never */
  readonly count?: number
  /** Change number `n`, from 0. @default `m0`, `m1`, … on logs, 50 keys in turn on state, with `{ n }` as data */
  readonly change?: (n: number) => PublishInput
}

/** A running publication. */
export interface Generation {
  /** Everything published so far, in order. */
  readonly published: readonly Published[]
  /** Resolves with all of it when it has stopped. */
  readonly finished: Promise<readonly Published[]>
  /** Stops it and returns all that was published. */
  stop(): readonly Published[]
}

const MAX_TICK_MS = 10

export function startGeneration(
  options: GenerateOptions,
  isLog: boolean,
  publish: (change: PublishInput) => Published,
): Generation {
  const { perSecond, count = Infinity } = options
  if (!Number.isFinite(perSecond) || perSecond < 0.1 || perSecond > 20_000) {
    throw invalid('perSecond', 'must be a number from 0.1 to 20000')
  }
  const change = options.change ?? ((n: number) => ({ key: isLog ? `m${n}` : `k${n % 50}`, data: { n } }))
  const published: Published[] = []
  const startedAt = performance.now()
  let finish: (all: readonly Published[]) => void = () => undefined
  const finished = new Promise<readonly Published[]>((resolve) => (finish = resolve))
  const stop = (): readonly Published[] => {
    clearInterval(timer)
    finish(published)
    return published
  }
  const tick = (): void => {
    const due = Math.min(count, Math.floor(((performance.now() - startedAt) * perSecond) / 1000) + 1)
    while (published.length < due) published.push(publish(change(published.length)))
    if (published.length >= count) stop()
  }
  const timer = setInterval(tick, Math.min(MAX_TICK_MS, 1000 / perSecond))
  return { published, finished, stop }
}
