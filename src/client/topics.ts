/** Typed names of topics: a topic says what its items are, and `client.subscribe(topic)` is of that type. */
import type { TopicDescription } from './option-types'
import { checkTopicArguments } from './options-arguments'

/** A topic that `client.subscribe` takes: its name, and its kind and validator where they are known. */
export type Topic<T = unknown> = TopicDescription<T>

/** A topic of kind `state`: one value a key, the whole of it in `subscription.view`. */
export interface StateTopic<T = unknown> extends TopicDescription<T> {
  readonly kind: 'state'
}

/** A topic of kind `log`: messages, each delivered once, in order. */
export interface LogTopic<T = unknown> extends TopicDescription<T> {
  readonly kind: 'log'
}

/** A topic of kind `ephemeral`: signals worth nothing later (typing); never replayed. */
export interface EphemeralTopic<T = unknown> extends TopicDescription<T> {
  readonly kind: 'ephemeral'
}

/** What `stateTopic`, `logTopic` and `ephemeralTopic` take beside the name. */
export interface TopicOptions<T> {
  /**
   * Checks and types the data of one item. Where it throws, that item is dropped and reported (`error` of the
   * subscription), and what was known of its key stays. Handles of one topic share the first one's `parse`.
   * @default the data as it was sent
   */
  readonly parse?: ((data: unknown) => T) | undefined
}

/**
 * A topic whose content is one value a key: agents, queues, wallboard figures. Subscribing fails with `PROTOCOL_ERROR`
 * when the server calls it something else.
 *
 * @example const agents = client.subscribe(stateTopic<Agent>('ucc/helpdesk/agents'))
 * @throws FailoverError `INVALID_OPTION` for an empty name or a `parse` that is no function.
 */
export function stateTopic<T = unknown>(name: string, options?: TopicOptions<T>): StateTopic<T> {
  return { ...(checkTopicArguments(name, options) as TopicDescription<T>), kind: 'state' }
}

/**
 * A topic of messages that must arrive once and in order: a chat, a call log. Where continuity cannot be proven, a
 * change with `op: 'gap'` says so in its place.
 *
 * @throws FailoverError `INVALID_OPTION` for an empty name or a `parse` that is no function.
 */
export function logTopic<T = unknown>(name: string, options?: TopicOptions<T>): LogTopic<T> {
  return { ...(checkTopicArguments(name, options) as TopicDescription<T>), kind: 'log' }
}

/**
 * A topic of signals that are worth nothing later, such as "is typing". No position, no replay; a slow consumer loses
 * the oldest.
 *
 * @throws FailoverError `INVALID_OPTION` for an empty name or a `parse` that is no function.
 */
export function ephemeralTopic<T = unknown>(name: string, options?: TopicOptions<T>): EphemeralTopic<T> {
  return { ...(checkTopicArguments(name, options) as TopicDescription<T>), kind: 'ephemeral' }
}
