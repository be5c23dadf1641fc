/** The public face of a subscription. Several handles of one topic share one wire subscription. */
import type { Change } from '../core/change'
import type { TopicState } from '../core/topic-protocol'
import type { Cursor } from '../core/wire'

/**
 * `pending`: never live yet. `live`: current. `recovering`: between servers, or being resynchronised; what was known
 * stays. `stale`: connected, but nothing proves that the content is current. `closed`: over.
 */
export type SubscriptionState = TopicState

/** Name of each event of a subscription, and what its listeners get. */
export interface SubscriptionEvents<T> {
  /** Once a frame, snapshot or resync, when `view` has all of it. A resync brings the differences only. */
  batch: [changes: readonly Change<T>[]]
  /** Each change of a batch by itself, in order, before its `batch`. */
  change: [change: Change<T>]
  /** The state changed. */
  state: [state: SubscriptionState, previous: SubscriptionState]
  /**
   * What a listener threw; an item that `parse` refused (`PROTOCOL_ERROR` with its cause); or, when the subscription
   * closes by it, why: `SUBSCRIPTION_REJECTED`, `PROTOCOL_ERROR`.
   */
  error: [error: unknown]
}

/** What `on` takes. A return value is ignored, but a Promise that rejects is reported as a throw is. */
export type SubscriptionListener<T, Name extends keyof SubscriptionEvents<T>> = (
  ...args: SubscriptionEvents<T>[Name]
) => unknown

/**
 * One consumer of a topic. It survives failover: changes go on in order, none twice, and where that cannot be proven a
 * change with `op: 'gap'` says so.
 *
 * Consume it by listeners or by `for await`. A listener that throws is reported once, and its change counts as
 * consumed. A loop has a buffer of its own from the moment it begins: a state topic's present view comes first
 * (`origin: 'snapshot'`), a log begins with the next message; a slow loop coalesces a state topic by key and pauses a
 * log at the server. `break` ends that loop only. Loops end when the subscription or the client closes, and throw
 * `SUBSCRIPTION_REJECTED` when the server refused the topic.
 */
export interface Subscription<T = unknown> extends AsyncIterable<Change<T>> {
  /** Name of the topic. */
  readonly topic: string
  /** Where the topic stands now. */
  readonly state: SubscriptionState
  /**
   * Position of the last change this consumer has finished with: its listeners have returned, or its loop (the
   * slowest, if there are several) has asked for the next one. Start from here later: `subscribe(topic, { cursor })`.
   */
  readonly cursor: Cursor | undefined
  /** Milliseconds since the content was last known to be current; nothing before the first content. */
  readonly ageMs: number | undefined
  /** Adds a listener. Returns what removes it, and only it. */
  on<Name extends keyof SubscriptionEvents<T>>(name: Name, listener: SubscriptionListener<T, Name>): () => void
  /** As {@link on}, for the next event only. */
  once<Name extends keyof SubscriptionEvents<T>>(name: Name, listener: SubscriptionListener<T, Name>): () => void
  /** Removes every registration of this listener. */
  off<Name extends keyof SubscriptionEvents<T>>(name: Name, listener: SubscriptionListener<T, Name>): void
  /** Ends this handle and its loops; the last one of a topic ends the wire subscription. Idempotent. */
  close(): void
}

/** A subscription of a state topic. */
export interface StateSubscription<T = unknown> extends Subscription<T> {
  /** The whole content. Immutable: a new object a batch. Never empty in between; kept after the end. */
  readonly view: ReadonlyMap<string, T>
}
