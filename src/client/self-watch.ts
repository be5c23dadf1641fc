/** What the client notices of itself and of its process: failures inside it, and times in which it was stopped. */
import type { LoopPart } from '../driver/loop'
import { NEVER, type DurationMs, type Instant } from '../core/time'
import { errorText } from './redact'
import type { WarningCode } from './warnings'

type Warn = (code: WarningCode, sentence: string, cause?: unknown) => void

const MAX_FAILURES_TOLD = 20
/** A hidden page is throttled all day: said now and then, not each time. */
const LATE_TOLD_EVERY_MS: DurationMs = 3_600_000

/** Tells of what threw inside the client, each failure once: something that fails at every tick floods nobody. */
export function failureReporter(warn: Warn): (error: unknown) => void {
  const told = new Set<string>()
  return (error) => {
    const text = errorText(error, [])
    if (told.has(text) || told.size >= MAX_FAILURES_TOLD) return
    told.add(text)
    warn('INTERNAL_ERROR', 'A step of the client failed and was given up.', error)
  }
}

/** A part of the loop that only tells of pauses. */
export function lateTimers(now: () => Instant, warn: Warn): LoopPart {
  let toldAt = -NEVER
  return {
    deadline: () => NEVER,
    tick: () => undefined,
    pause: (_now, lateMs) => {
      if (now() - toldAt < LATE_TOLD_EVERY_MS) return
      toldAt = now()
      warn('LATE_TIMERS', `This process was stopped for ${Math.round(lateMs / 1000)} s.`)
    },
  }
}
