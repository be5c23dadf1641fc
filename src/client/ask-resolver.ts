/** Asks a resolver once. Whatever it does, there is one end: an answer, or why there is none. */
import type { Cancel, Platform, ResolveContext } from '../platform/platform'
import { causeOf } from './resolved-endpoint'
import type { ResolvedEndpoint, ResolverSpec } from './resolvers'

/** A resolver that never settles is given up after this, and asked again in its rhythm. */
const TIMEOUT_MS = 30_000

export interface ResolverEnd {
  answered(named: readonly ResolvedEndpoint[]): void
  failed(sentence: string, cause?: unknown): void
}

export function askResolver(
  platform: Platform,
  { name, resolver }: Extract<ResolverSpec, { kind: 'custom' }>,
  context: Omit<ResolveContext, 'signal'>,
  end: ResolverEnd,
): Cancel {
  const controller = new AbortController()
  const { signal } = controller
  let isOver = false
  const finish = (): void => {
    isOver = true
    stopTimer()
  }
  const fail = (sentence: string, cause?: unknown): void => {
    if (isOver) return
    finish()
    end.failed(sentence, cause)
  }
  const stopTimer = platform.setTimer(TIMEOUT_MS, () => {
    controller.abort()
    fail(`${name} did not answer in time`)
  })
  void Promise.resolve()
    .then(() => {
      // Closed in the same turn: nobody is asked any more.
      signal.throwIfAborted()
      return resolver.resolve({ ...context, signal })
    })
    .then((named) => {
      if (!Array.isArray(named) || named.length === 0) return fail(`${name} gave no endpoints`)
      if (isOver) return
      end.answered(named)
      finish()
    })
    // What it gave, too, may throw when it is read.
    .catch((error: unknown) => fail(`${name} failed${causeOf(error)}`, error))
  return () => {
    finish()
    controller.abort()
  }
}
