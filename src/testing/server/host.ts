/** What a server runs on: its clock, its timers, and those who keep records and execute commands for it. */
import type { ExecutionAnswer, ExecutionRequest, Note } from './server-types'

/** Stops what was started. Idempotent. */
export type Cancel = () => void

export interface ServerHost {
  /** Told by `/api/whoami`. */
  readonly identity: Readonly<Record<string, unknown>>
  /** Monotonic, milliseconds. */
  now(): number
  /** Unix milliseconds. */
  wallClock(): number
  after(delayMs: number, action: () => void): Cancel
  /** Records what was seen. */
  note(note: Note): void
  /** Asks the ledger, which outlives this server. */
  execute(request: ExecutionRequest, done: (answer: ExecutionAnswer) => void): void
}
