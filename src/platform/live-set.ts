/** What a platform has alive: timers, requests, sockets. `close()` ends them all, silently. */
import type { Cancel } from './platform'

/** `setTimeout` takes 31 bits: a longer delay (or Infinity) would fire at once. */
const LONGEST_TIMEOUT_MS = 2_147_483_647
/** A timer later than this had to wait for the program, and so had whatever was received meanwhile. */
const LATE_MS = 50

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

/**
 * Makes an empty list.
 * @param afterInput calls back when everything received so far has been told: where timers overtake input, one that is
 * late steps back behind it. After a long computation the beat that proves a server alive would count as missing.
 */
export function createLiveSet(afterInput?: (callback: () => void) => Cancel): LiveSet {
  const alive = new Set<Cancel>()
  let closed = false
  const track = (cancel: Cancel): (() => void) => {
    if (!closed) alive.add(cancel)
    // Not in this turn: the caller is still setting up what `cancel` takes down.
    else queueMicrotask(cancel)
    return () => void alive.delete(cancel)
  }
  const setTimer = (delayMs: number, callback: () => void): Cancel => {
    let stop: Cancel = () => undefined
    const cancel = (): void => {
      stop()
      untrack()
    }
    const fire = (): void => {
      untrack()
      callback()
    }
    const arm = (restMs: number): void => {
      const stepMs = Math.min(restMs, LONGEST_TIMEOUT_MS)
      const lateAt = performance.now() + stepMs + LATE_MS
      const handle = setTimeout(() => {
        if (restMs > stepMs) arm(restMs - stepMs)
        else if (afterInput !== undefined && performance.now() > lateAt) stop = afterInput(fire)
        else fire()
      }, stepMs)
      stop = () => clearTimeout(handle)
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
