/** The ways of a session and of each of its links, as tables. */
import type { LinkPhase } from './link'
import type { SessionState } from './session-state'
import type { Transitions } from './transitions'

/**
 * One connection. "Open" is not success: a link is the client's from *resuming* on, and a success when it has been
 * *live* for a while.
 */
export const LINK_TRANSITIONS = {
  dialling: {
    /** Socket and token are there: `hello` leaves. */
    hello: 'greeting',
    /** Refused, timed out, cancelled, or lost. */
    end: 'gone',
  },
  greeting: {
    /** `welcome` to a warm standby. */
    wait: 'idle',
    /** `welcome`: the application's restore hook runs first. */
    restore: 'restoring',
    /** `welcome`, no hook, and the old side still works. */
    overlap: 'overlapping',
    /** `welcome`, no hook, and there is no old side to wait for. */
    resume: 'resuming',
    end: 'gone',
  },
  idle: {
    /** The warm standby is used: its restore hook runs. */
    restore: 'restoring',
    /** It is used, without a hook, beside the old side. */
    overlap: 'overlapping',
    /** It is used, without a hook, after a loss. */
    resume: 'resuming',
    /** Another standby is wanted, or none. */
    leave: 'leaving',
    end: 'gone',
  },
  restoring: {
    /** Restored, and the old side still works. */
    overlap: 'overlapping',
    /** Restored, and there is no old side to wait for. */
    resume: 'resuming',
    /** The client closes. */
    leave: 'leaving',
    end: 'gone',
  },
  overlapping: {
    /** The overlap is over, or the old side is lost: this one is the client's, as it is. */
    commit: 'resuming',
    /** Every topic has changed sides. */
    complete: 'live',
    /** The client closes. */
    leave: 'leaving',
    end: 'gone',
  },
  resuming: {
    /** Every topic is here. */
    complete: 'live',
    /** The client moves on, or closes. */
    leave: 'leaving',
    end: 'gone',
  },
  live: {
    /** The client moves, or closes: goodbye. */
    leave: 'leaving',
    end: 'gone',
  },
  leaving: {
    /** The results are in, or their time is up: the close handshake begins. */
    close: 'closing',
    end: 'gone',
  },
  closing: {
    /** Closed, or not answered in time. */
    end: 'gone',
  },
  gone: {},
} as const satisfies Transitions<LinkPhase['is']>

/** Does a client have a live connection, and does it need one? */
export const SESSION_TRANSITIONS = {
  new: {
    /** Told where to be, with something to carry: a link is dialled. */
    dial: 'linked',
    /** Told where to be, and nobody needs a live connection: requests go there. */
    route: 'routed',
    /** The application closes the client. */
    close: 'closing',
  },
  routed: {
    /** Told to be somewhere else. */
    route: 'routed',
    /** The first subscription or command: the pool is asked for a live connection. */
    need: 'asking',
    close: 'closing',
  },
  asking: {
    /** The pool has named the road. */
    dial: 'linked',
    /** It was needed no more when the answer came. */
    route: 'routed',
    close: 'closing',
  },
  linked: {
    /** The next move. */
    dial: 'linked',
    /** The next move, and nothing is carried any more. */
    route: 'routed',
    close: 'closing',
  },
  closing: {
    /** The last link is gone. */
    end: 'ended',
  },
  ended: {},
} as const satisfies Transitions<SessionState['is']>
