/** The frames a client sends, made from what the machines want. */
import type { OutboxEffect } from './command-protocol'
import type { Link } from './link'
import type { SessionConfig } from './session-protocol'
import type { TopicEffect, TopicId } from './topic-protocol'
import { PROTOCOL_VERSION, type ClientFrame } from './wire'

/** The first frame. `previous` lets the new server cancel the old one's forced logout. */
export function helloOf(
  link: Link,
  { ucc, client, settings }: Pick<SessionConfig, 'ucc' | 'client' | 'settings'>,
  previous: { readonly server: string; readonly reason: string } | undefined,
): ClientFrame {
  const token = link.token.is === 'had' ? link.token.token : undefined
  return {
    type: 'hello',
    version: PROTOCOL_VERSION,
    client,
    heartbeatMs: settings.detection.heartbeatMs,
    ...(ucc === undefined ? {} : { ucc }),
    ...(token === undefined ? {} : { token }),
    ...(previous === undefined ? {} : { previous }),
  }
}

/** A subscribe gets a new id each time; an unsubscribe gives its id up: frames of it are dropped from now on. */
export function topicFrameOf(
  link: Link,
  topic: { readonly id: TopicId; readonly name: string },
  effect: Extract<TopicEffect, { type: 'subscribe' | 'unsubscribe' }>,
): ClientFrame | undefined {
  if (effect.type === 'subscribe') {
    const id = link.topicId(topic.id)
    const position = effect.cursor === undefined ? {} : { cursor: effect.cursor }
    return { type: 'subscribe', id, topic: topic.name, ...position }
  }
  const id = link.topicIds.get(topic.id)
  if (id === undefined) return undefined
  link.ids.delete(id)
  link.topicIds.delete(topic.id)
  return { type: 'unsubscribe', id }
}

export function commandFrameOf({ id, request, notAfter }: Extract<OutboxEffect, { type: 'send' }>): ClientFrame {
  const { name, args, key } = request
  return { type: 'command', id, name, args, key, ...(notAfter === undefined ? {} : { notAfter }) }
}
