/** What a platform has alive: timers, requests, sockets. `close()` ends them all, silently. */
import type { Cancel } from './platform'

/** `setTimeout` takes 31 bits: a longer delay (or Infinity) would fire at once. */
const LONGEST_TIMEOUT_MS = 2_147_483_647

/** The list of everything that must not survive `close()`. */
export interface LiveSet {
  readonly closed: boolean
  /** Number of things alive; for tests. */
  readonly size: number
  /** Adds something; returns how to say that it ended by itself. */
  track(cancel: Cancel): () => void
  /** A timer that is in the list. */
  setTimer(delayMs: number, callback: () => void): Cancel
  /** Cancels everything; what is added later is cancelled at once. */
  close(): void
}

/** Makes an empty list. */
export function createLiveSet(): LiveSet {
  const alive = new Set<Cancel>()
  let closed = false
  const track = (cancel: Cancel): (() => void) => {
    if (!closed) alive.add(cancel)
    // Not in this turn: the caller is still setting up what `cancel` takes down.
    else queueMicrotask(cancel)
    return () => void alive.delete(cancel)
  }
  const setTimer = (delayMs: number, callback: () => void): Cancel => {
    let handle: ReturnType<typeof setTimeout> | undefined
    const cancel = (): void => {
      clearTimeout(handle)
      untrack()
    }
    const arm = (restMs: number): void => {
      const stepMs = Math.min(restMs, LONGEST_TIMEOUT_MS)
      handle = setTimeout(() => {
        if (restMs > stepMs) return arm(restMs - stepMs)
        untrack()
        callback()
      }, stepMs)
    }
    const untrack = track(cancel)
    if (!closed) arm(Math.max(0, delayMs))
    return cancel
  }
  return {
    get closed() {
      return closed
    },
    get size() {
      return alive.size
    },
    track,
    setTimer,
    close() {
      closed = true
      for (const cancel of [...alive]) cancel()
      alive.clear()
    },
  }
}
