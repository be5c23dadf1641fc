/** What a topic goes through, and each of its lanes, as tables. */
import type { LanePhase } from './topic-lane'
import type { TopicState } from './topic-protocol'
import type { Transitions } from './transitions'

/** What the application is shown of a topic. It is looked at after every input. */
export const TOPIC_TRANSITIONS = {
  pending: {
    /** No lane carries it yet. */
    uncarried: 'pending',
    /** A lane carries it, and the UCC behind it is heard. */
    current: 'live',
    /** A lane carries it, and the UCC behind it does not run. */
    quiet: 'stale',
    /** Closed by the application, or refused for good. */
    close: 'closed',
  },
  live: {
    current: 'live',
    /** Stopped, or nothing heard for `staleAfterMs`: the content stays, marked. */
    quiet: 'stale',
    /** The lane is lost: the content stays, marked. */
    uncarried: 'recovering',
    close: 'closed',
  },
  recovering: {
    uncarried: 'recovering',
    /** Resumed or resynchronised on another lane. */
    current: 'live',
    /** Another lane carries it, and the UCC behind it does not run. */
    quiet: 'stale',
    close: 'closed',
  },
  stale: {
    quiet: 'stale',
    /** Heard again. */
    current: 'live',
    uncarried: 'recovering',
    close: 'closed',
  },
  closed: {},
} as const satisfies Transitions<TopicState>

/** One topic on one link. With its link a lane is gone, whatever its state. */
export const LANE_TRANSITIONS = {
  subscribing: {
    /** Asked anew: its position means nothing any more, or the answer made no sense. */
    ask: 'subscribing',
    /** `subscribed recovered:true`: what was missed follows. */
    replay: 'resuming',
    /** `subscribed recovered:false`: the parts of a snapshot follow. */
    gather: 'snapshotting',
    /** `subscribed`, and nothing can have been missed. */
    carry: 'live',
    /** `reject not-running`. */
    refuse: 'refused',
    /** The consumer's buffer is full: not subscribed. */
    pause: 'paused',
    /** A newer lane carries the topic. */
    retire: 'retired',
  },
  refused: {
    /** It runs now. */
    ask: 'subscribing',
    /** The server repeats `subscribed` by itself. */
    replay: 'resuming',
    gather: 'snapshotting',
    carry: 'live',
    /** Refused again. */
    refuse: 'refused',
    /** It runs now, and the consumer's buffer is full. */
    pause: 'paused',
    retire: 'retired',
  },
  snapshotting: {
    /** A part that does not belong to the others. */
    ask: 'subscribing',
    replay: 'resuming',
    /** `subscribed` once more. */
    gather: 'snapshotting',
    /** The last part is here. */
    carry: 'live',
    refuse: 'refused',
    pause: 'paused',
    retire: 'retired',
  },
  resuming: {
    /** A hole, or the position has moved to another space. */
    ask: 'subscribing',
    /** `subscribed` once more. */
    replay: 'resuming',
    gather: 'snapshotting',
    /** Nothing is missing, and it has caught up with the lane in use. */
    carry: 'live',
    refuse: 'refused',
    pause: 'paused',
    retire: 'retired',
  },
  live: {
    /** A hole, or something that makes no sense. */
    ask: 'subscribing',
    /** `subscribed` once more: the UCC has begun anew. */
    replay: 'resuming',
    gather: 'snapshotting',
    carry: 'live',
    /** The UCC has stopped. */
    refuse: 'refused',
    /** The consumer's buffer is full: unsubscribed. */
    pause: 'paused',
    retire: 'retired',
  },
  paused: {
    /** There is room again. */
    ask: 'subscribing',
    retire: 'retired',
  },
  retired: {
    /** Every newer lane is lost: the way back. */
    ask: 'subscribing',
  },
} as const satisfies Transitions<LanePhase['name']>
