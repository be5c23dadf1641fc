/**
 * A seat as tables. Its place is one machine; the others run inside it: how far the search for a road is and what is
 * left of the old connection (while searching), trust (while settled), and beside both at most one move.
 */
import type { MoveState, OldLink, PendingMove, Place, Search, Trust } from './seat-state'
import type { Transitions } from './transitions'

/** Where a client is. */
export const PLACE_TRANSITIONS = {
  searching: {
    /** The move is carried out, on a live connection. */
    attach: 'live',
    /** The move is carried out; nobody needs a live connection, requests go there. */
    route: 'routing',
    /** The old connection speaks again, or its server runs the UCC again: no move. */
    recover: 'live',
  },
  live: {
    /** A planned move is carried out. */
    attach: 'live',
    /** A planned move is carried out, and a live connection is not needed any more. */
    route: 'routing',
    /** The connection is lost. */
    lose: 'searching',
    /** The UCC has stopped there, or the endpoint is down or removed: the connection may stand, but serves nobody. */
    stop: 'searching',
    /** Suspected, and the decision table says to leave. */
    doubt: 'searching',
  },
  routing: {
    attach: 'live',
    route: 'routing',
    lose: 'searching',
    /** The UCC has stopped there, or the endpoint is down or removed. */
    stop: 'searching',
    doubt: 'searching',
    /** The first subscription or command: a live connection is needed. */
    need: 'searching',
  },
} as const satisfies Transitions<Place['is']>

/** While searching: how far the search for a road is. Only what answered since the loss counts. */
export const SEARCH_TRANSITIONS = {
  asking: {
    /** The client's own draw is long: nobody is asked before it is nearly over. */
    rest: 'patient',
    /** A road is known, and a better one may still answer: it is waited for briefly. */
    compare: 'comparing',
    /** The best road is known: it is taken when the draw is over. */
    choose: 'chosen',
  },
  patient: {
    /** The draw is nearly over, or a request cannot wait: everybody is asked. */
    ask: 'asking',
    /** Somebody was heard all the same, and a better road may still answer. */
    compare: 'comparing',
    /** Somebody was heard all the same, and nobody better is expected. */
    choose: 'chosen',
  },
  comparing: {
    /** The better one has not answered yet. */
    compare: 'comparing',
    /** The better one has answered, or the time for it is over. */
    choose: 'chosen',
    /** No road any more: it stopped, or the attempt failed. */
    forget: 'asking',
    /** No road any more, and the draw still lasts. */
    rest: 'patient',
  },
  chosen: {
    /** The draw still lasts. */
    choose: 'chosen',
    /** Somebody better may answer, after all. */
    compare: 'comparing',
    forget: 'asking',
    rest: 'patient',
  },
} as const satisfies Transitions<Search['is']>

/**
 * While searching: what is left of the old connection. It begins as the connection was left, and may be come back to
 * until the new road is taken.
 */
export const OLD_LINK_TRANSITIONS = {
  alive: {
    /** The ping is not answered any more. */
    hush: 'silent',
    /** Closed. */
    lose: 'gone',
  },
  silent: {
    lose: 'gone',
    /** A new road is taken: the session gives it up. */
    drop: 'gone',
  },
  gone: { lose: 'gone', drop: 'gone' },
} as const satisfies Transitions<OldLink>

/** While settled: is the connection trusted? */
export const TRUST_TRANSITIONS = {
  trusted: {
    /** No frame for the beat interval and the slack: everybody's readiness is asked. */
    suspect: 'suspected',
    /** A ping was not answered in time. */
    hush: 'unanswered',
  },
  suspected: {
    hush: 'unanswered',
    /** A frame, a pong included; or we ourselves had been stopped. */
    hear: 'trusted',
  },
  unanswered: { hush: 'unanswered', hear: 'trusted' },
} as const satisfies Transitions<Trust['is']>

/** A move under way. At most one; what comes of an older one is not looked at. */
export const MOVE_TRANSITIONS = {
  none: {
    /** A road is taken: `go`. */
    begin: 'dialling',
  },
  dialling: {
    /** The new side has said who it is. */
    welcome: 'welcomed',
    /** Carried out without a live connection. */
    commit: 'none',
    /** Refused, timed out, or its target has stopped meanwhile: its endpoint waits out a backoff. */
    fail: 'none',
    /** The old side was lost before the new one answered: whoever answers now is the better road. */
    cancel: 'none',
  },
  welcomed: {
    /** Welcomed once more, after another token. */
    welcome: 'welcomed',
    /** The new side carries the client. */
    commit: 'none',
    fail: 'none',
    /** The old side of a planned move was lost: it goes on as a failover. */
    upgrade: 'welcomed',
  },
} as const satisfies Transitions<MoveState['is']>

/** A planned move whose time has come: is this moment quiet enough (`canMove`)? It is dropped with its reason. */
export const QUIET_TRANSITIONS = {
  'not-asked': {
    /** Its hold-down and draw are over. */
    ask: 'asked',
  },
  asked: {
    /** `canMove` allows it. */
    allow: 'granted',
    /** `canMove` does not. */
    refuse: 'refused',
  },
  refused: {
    /** A second later. */
    ask: 'asked',
  },
  granted: {},
} as const satisfies Transitions<PendingMove['question']['is']>
