/** The states of a session. What its links are at is theirs (`LinkPhase`). */
import type { Instant } from './time'

export type SessionState =
  /** Not told where to be yet. */
  | { readonly is: 'new' }
  /** Settled without a live connection: nobody needs one. */
  | { readonly is: 'routed' }
  /** The pool was asked for a live connection. */
  | { readonly is: 'asking' }
  | { readonly is: 'linked' }
  /** Goodbyes until then. */
  | { readonly is: 'closing'; readonly until: Instant }
  | { readonly is: 'ended' }
