/** Does something at an even pace until stopped. */

const TICK_MS = 20

/** Calls `each` `perSecond` times a second; a late tick catches up, nothing drifts. Returns what stops it. */
export function pace(perSecond: number, each: () => void): () => void {
  const startedAt = performance.now()
  let done = 0
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1000)
    // A machine that slept does not publish the night's events in one go.
    if (due - done > perSecond) done = due - 1
    for (; done < due; done += 1) each()
  }, TICK_MS)
  return () => clearInterval(timer)
}

/** Waits for a condition, looking every few milliseconds. False when it did not come in time, or on abort. */
export async function until(condition: () => boolean, withinMs: number, signal: AbortSignal): Promise<boolean> {
  const startedAt = performance.now()
  while (!condition()) {
    if (signal.aborted || performance.now() - startedAt > withinMs) return false
    await pause(10, signal)
  }
  return true
}

/** Lets time pass; on abort it ends at once. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
