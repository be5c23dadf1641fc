/** The desk of topics: what is over leaves nothing behind, and a person is told once. */
import { describe, expect, it } from 'vitest'
import type { ClientVoice } from '../../src/client/client-voice'
import { DEFAULTS } from '../../src/client/defaults'
import { checkSubscribeArguments } from '../../src/client/options-arguments'
import { TopicDesk } from '../../src/client/topic-desk'
import { logTopic } from '../../src/client/topics'
import type { SessionInput } from '../../src/core/session-protocol'
import type { TopicEffect } from '../../src/core/topic-protocol'
import type { Loop } from '../../src/driver/loop'
import type { SessionDriver } from '../../src/driver/session-driver'

class DeskWorld {
  readonly fed: SessionInput[] = []
  readonly warnings: string[] = []
  changes = 0
  readonly desk = new TopicDesk({
    loop: { now: 0, defer: (call: () => void) => call() } as unknown as Loop,
    voice: { warn: (code: string) => this.warnings.push(code), emit: () => undefined } as unknown as ClientVoice,
    streams: DEFAULTS.streams,
    session: () =>
      ({
        feed: (input: SessionInput) => this.fed.push(input),
        machine: { topics: { get: () => undefined } },
      }) as unknown as SessionDriver,
    changed: () => (this.changes += 1),
  })

  hear(topic: string, effect: TopicEffect): void {
    this.desk.hear({ type: 'topic', topic, effect })
  }
}

const REFUSED: TopicEffect = { type: 'error', code: 'SUBSCRIPTION_REJECTED', message: 'no', fatal: true }

describe('topics of a client', () => {
  it('a refused one is forgotten, and the state of the client looked at', () => {
    const world = new DeskWorld()
    for (let n = 0; n < 10; n += 1) {
      world.desk.subscribe(checkSubscribeArguments(`topic ${n}`)).on('error', () => undefined)
      world.hear(`topic ${n}`, REFUSED)
    }
    expect(world.desk.hubs()).toEqual([])
    expect(world.changes).toBe(10)
    world.desk.subscribe(checkSubscribeArguments('topic 1'))
    expect(world.fed.filter(({ type }) => type === 'topic-open')).toHaveLength(11)
  })

  it('the state of the client is looked at when one is closed', () => {
    const world = new DeskWorld()
    world.desk.subscribe(checkSubscribeArguments('one')).close()
    expect(world.desk.hubs()).toEqual([])
    expect(world.changes).toBe(1)
  })

  it('items refused by parse are told once a topic', () => {
    const world = new DeskWorld()
    world.desk.subscribe(checkSubscribeArguments('one')).on('error', () => undefined)
    const cause = new Error('no number')
    for (let n = 0; n < 3; n += 1)
      world.hear('one', { type: 'error', code: 'PROTOCOL_ERROR', message: 'an item', fatal: false, cause })
    expect(world.warnings).toEqual(['PARSE_FAILED'])
  })

  it('a slow consumer of a log is told once', async () => {
    const world = new DeskWorld()
    const slow = world.desk.subscribe(checkSubscribeArguments(logTopic('log'), { maxBuffered: 2 }))
    const loop = slow[Symbol.asyncIterator]()
    const cursor = (seq: number): { epoch: string; seq: number } => ({ epoch: 'e', seq })
    const first = loop.next()
    for (let seq = 1; seq <= 10; seq += 1) {
      const change = {
        op: 'append',
        key: `k${seq}`,
        data: seq,
        server: 's',
        origin: 'live',
        cursor: cursor(seq),
      } as const
      world.hear('log', { type: 'batch', changes: [change], cursor: cursor(seq) })
    }
    await first
    expect(world.fed.filter((input) => input.type === 'topic-pressure' && input.full)).toHaveLength(1)
    expect(world.warnings).toEqual(['CONSUMER_SLOW'])
  })
})
