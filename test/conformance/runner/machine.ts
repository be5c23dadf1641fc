/** What the runner asks of an adapter: a machine of the core, spoken to in words of people. */
import type { Instant } from '../../../src/core/time'
import type { Fields } from './fields'

/** One machine in one case. Its clock starts at 0 and is what the runner says. */
export interface Subject {
  /** Lets time pass up to this instant: every deadline on the way gets its `tick` at its own time. */
  advance(to: Instant): void
  /** Gives it one input now. The value is `row.raw(word)`, `row.object(word)`, `row.string(word)` … */
  take(word: string, row: Fields): void
  /** Values of all its words of `expect`. What has happened is told once: it begins anew with each call. */
  observe(): Readonly<Record<string, unknown>>
}

/** A kind of machine, as `machine` of a case names it. */
export interface MachineKind {
  /** Words of `inputs`. */
  readonly inputs: readonly string[]
  /** Words of `expect`, each with what a phase that does not name it expects: undefined, nothing is compared. */
  readonly expects: Readonly<Record<string, unknown>>
  create(config: Fields): Subject
}
