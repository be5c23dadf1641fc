/** What a routed request goes through, and one attempt of it, as tables. */
import type { FlightProgress, RequestState } from './request-state'
import type { Transitions } from './transitions'

/** One routed HTTP request. */
export const REQUEST_TRANSITIONS = {
  idle: {
    /** The caller's fetch: the pool is asked for a candidate. */
    route: 'routing',
    /** Aborted, or the client was closed, before it began. */
    end: 'done',
  },
  routing: {
    /** The pool has named an endpoint. */
    decide: 'deciding',
    /** None in time, aborted, or the client closes. */
    end: 'done',
  },
  deciding: {
    /** It may go to this endpoint, now. */
    fly: 'flying',
    /** It may be repeated: another candidate is asked for at once. */
    route: 'routing',
    /** It may be repeated, but the only candidate must not be asked yet. */
    hold: 'holding',
    /** The connection broke and no repeat can be paid: is the endpoint being condemned? */
    doubt: 'doubting',
    /** A response for the caller, or nothing more can be done. */
    end: 'done',
  },
  holding: {
    /** The wait is over, or the endpoint was left by a failover. */
    route: 'routing',
    /** Aborted, or the client closes. */
    end: 'done',
  },
  doubting: {
    /** The endpoint was left by a failover: the request moves with everybody else. */
    route: 'routing',
    /** It was not, in time; or aborted, or the client closes. */
    end: 'done',
  },
  flying: {
    /** The attempt was answered, or failed. */
    decide: 'deciding',
    /** The endpoint was left by a failover, and the request may leave it too. */
    route: 'routing',
    /** No response headers within the deadline; aborted, or the client closes. */
    end: 'done',
  },
  done: {},
} as const satisfies Transitions<RequestState['is']>

/** How far an attempt in flight has got. */
export const FLIGHT_TRANSITIONS = {
  held: {
    /** It waits for a connection: nothing can have left. */
    wait: 'waiting',
    /** It was given to the network: something may have left. */
    send: 'sent',
  },
  waiting: { wait: 'waiting', send: 'sent' },
  sent: {
    /** The platform proves that nothing has left yet, or has left to whom it was redirected. */
    wait: 'waiting',
    send: 'sent',
  },
} as const satisfies Transitions<FlightProgress>
