/** What is known of an endpoint, as tables: whether it answers, and whether it is used. */
import type { BreakerState } from './breaker'
import type { Liveness } from './endpoint'
import type { Transitions } from './transitions'

/** The last probe's outcome. It condemns nobody: the breaker does, after `fall` misses in a row. */
export const LIVENESS_TRANSITIONS = {
  unknown: {
    /** A probe was answered, by whatever. */
    answered: 'up',
    /** A probe failed. */
    missed: 'down',
  },
  up: { answered: 'up', missed: 'down' },
  down: { answered: 'up', missed: 'down' },
} as const satisfies Transitions<Liveness['is']>

/** Who is used. Only the prober tries a half-open breaker, and only the prober closes one. */
export const BREAKER_TRANSITIONS = {
  closed: {
    /** Failures in a row or in the window, a second refusal, or `fall` missed probes. */
    trip: 'open',
  },
  open: {
    /** A failure of the permanent kind (certificate, blocked): it stays open for long. */
    trip: 'open',
    /** A probe was answered after the open time. */
    pass: 'half-open',
    /** That probe was enough: nobody else could serve. */
    close: 'closed',
  },
  'half-open': {
    /** Traffic or a probe of the permanent kind failed. */
    trip: 'open',
    /** Another probe was answered; `rise` in a row are wanted. */
    pass: 'half-open',
    /** A probe failed: the next open time is longer. */
    fail: 'open',
    /** `rise` probes in a row were answered. */
    close: 'closed',
  },
} as const satisfies Transitions<BreakerState['is']>
