/** What a fuzz target is: hostile inputs, the call, and what must hold whatever comes. */
import type fc from 'fast-check'

export interface FuzzTarget<Input = unknown> {
  /** For `--only`, and in the table of results. */
  readonly name: string
  /** What is read, in a few words. */
  readonly reads: string
  readonly inputs: fc.Arbitrary<Input>
  /** Calls the parser and throws where it breaks a promise: another error than the documented one, a wrong result. */
  check(input: Input): void
}
