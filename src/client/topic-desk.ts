/** The subscriptions of a client: one hub a topic, fed by the topic's machine; tells of resumes and gaps. */
import type { Change } from '../core/change'
import type { SessionEffect, SessionInput } from '../core/session-protocol'
import type { TopicConfig, TopicId } from '../core/topic-protocol'
import type { Loop } from '../driver/loop'
import type { SessionDriver } from '../driver/session-driver'
import type { ClientVoice } from './client-voice'
import type { SubscribeArguments } from './options-arguments'
import { TopicHub } from './subscription-hub'
import type { Subscription } from './subscription'
import type { StreamsConfig } from './tuning-types'

export interface TopicDeskOptions {
  readonly loop: Loop
  readonly voice: ClientVoice
  readonly streams: StreamsConfig
  readonly session: () => SessionDriver
  /** A topic's state changed: the client's may have. */
  readonly changed: () => void
}

export class TopicDesk {
  readonly #hubs = new Map<TopicId, TopicHub>()
  #resumed = 0
  readonly #parseTold = new WeakSet<TopicHub>()
  readonly #slowTold = new WeakSet<TopicHub>()

  constructor(private readonly options: TopicDeskOptions) {}

  hubs(): TopicHub[] {
    return [...this.#hubs.values()]
  }

  /**
   * Handles of one topic share one wire subscription, but those that go on from a position of their own: whatever the
   * others have read by now, only the server can tell what came after it, or that it cannot.
   */
  subscribe(checked: SubscribeArguments): Subscription {
    const { name, maxBuffered, signal } = checked
    const id = checked.cursor === undefined ? name : `${name}\n${(this.#resumed += 1)}`
    let hub = this.#hubs.get(id)
    if (hub === undefined || hub.isEnded) {
      hub = this.#createHub(id, checked)
      this.#hubs.set(id, hub)
      this.#feed({ type: 'topic-open', config: this.#topicConfig(id, checked) })
    }
    return hub.open({ maxBuffered, signal })
  }

  /** What a topic's machine says: consumers hear it when the machines have settled. */
  hear({ topic: id, effect, server }: Extract<SessionEffect, { type: 'topic' }>): void {
    const { loop, voice, changed } = this.options
    const hub = this.#hubs.get(id)
    if (hub === undefined) return
    const { topic } = hub
    loop.defer(() => {
      hub.deliver(effect)
      // Refused: nobody closes it, so it would stay for ever.
      if (!hub.isEnded || this.#hubs.get(id) !== hub) return
      this.#hubs.delete(id)
      changed()
    })
    if (effect.type === 'error' && !effect.fatal && effect.cause !== undefined) this.#tellParse(hub, effect.cause)
    if (effect.type === 'batch') this.#tellGaps(topic, effect)
    else if (effect.type === 'state') loop.defer(changed)
    else if (effect.type === 'adopted' && effect.how !== 'first') {
      const { how, changes, gap } = effect
      const where = server ?? 'the server'
      const sentence = `${topic} is live again on ${where}: ${how}, ${changes} changes${gap ? ', with a gap' : ''}.`
      voice.emit('resume', { topic, server: where, how, changes, gap, sentence })
    }
  }

  /** All loops end normally. */
  close(): void {
    for (const hub of this.#hubs.values()) hub.end()
    this.#hubs.clear()
  }

  #tellGaps(topic: string, { changes }: { readonly changes: readonly Change[] }): void {
    for (const change of changes) {
      if (!isGap(change)) continue
      const { from, to, reason, server } = change
      const where = `${to.epoch}/${to.seq}`
      const sentence = `${topic}: continuity was not proven (${reason}): messages may be missing before ${where}.`
      const since = from === undefined ? {} : { from }
      this.options.voice.emit('gap', { topic, ...since, to, reason, server, sentence })
    }
  }

  /** Every refused item is an error of the subscription; a person is told once. */
  #tellParse(hub: TopicHub, cause: unknown): void {
    if (this.#parseTold.has(hub)) return
    this.#parseTold.add(hub)
    this.options.voice.warn('PARSE_FAILED', `An item of ${hub.topic} was refused by its parse function.`, { cause })
  }

  #pressed(id: TopicId, hub: TopicHub, full: boolean): void {
    this.#feed({ type: 'topic-pressure', topic: id, full })
    if (!full || this.#slowTold.has(hub)) return
    this.#slowTold.add(hub)
    this.options.voice.warn('CONSUMER_SLOW', `A consumer of ${hub.topic} is slow: its log waits for it.`)
  }

  #createHub(id: TopicId, { name, kind }: SubscribeArguments): TopicHub {
    const { session, streams, loop, voice } = this.options
    const hub: TopicHub = new TopicHub({
      topic: name,
      kind: () => session().machine.topics.get(id)?.kind ?? kind,
      maxBuffered: streams.maxBuffered,
      now: () => loop.now,
      currentAt: () => session().machine.topics.get(id)?.currentAt,
      report: (error) => voice.listenerThrew(error, name),
      onPressure: (full) => this.#pressed(id, hub, full),
      onEmpty: () => this.#closeTopic(id, hub),
    })
    return hub
  }

  #closeTopic(id: TopicId, hub: TopicHub): void {
    if (this.#hubs.get(id) !== hub) return
    this.#hubs.delete(id)
    hub.end()
    this.#feed({ type: 'topic-close', topic: id })
    this.options.loop.defer(this.options.changed)
  }

  #topicConfig(id: TopicId, { name, kind, parse, cursor, freshWithinMs }: SubscribeArguments): TopicConfig {
    const { logKeys, staleAfterMs } = this.options.streams
    return {
      id,
      name,
      logKeys,
      staleAfterMs,
      ...(kind === undefined ? {} : { kind }),
      ...(parse === undefined ? {} : { parse }),
      ...(cursor === undefined ? {} : { cursor }),
      ...(freshWithinMs === undefined ? {} : { freshWithinMs }),
    }
  }

  #feed(input: SessionInput): void {
    this.options.session().feed(input)
  }
}

function isGap(change: Change): change is Extract<Change, { op: 'gap' }> {
  return change.op === 'gap'
}
