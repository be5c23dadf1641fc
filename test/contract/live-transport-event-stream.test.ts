/** What only the event-stream transport has: streams that are reopened, and commands by POST. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ServerFrame } from '../../src/core/wire'
import { nodePlatform } from '../../src/platform/node/node-platform'
import type { Platform } from '../../src/platform/platform'
import { eventStreamTransport } from '../../src/transports/event-stream'
import { FrameServer, type Peer } from '../support/frame-server'
import { HELLO, openLink, WELCOME, type HeardLink } from '../support/link-probe'
import { Loopback, until } from '../support/loopback'

let loopback: Loopback
let platform: Platform
let server: FrameServer

beforeEach(async () => {
  loopback = new Loopback()
  platform = nodePlatform()
  server = await FrameServer.start(loopback)
})
afterEach(async () => {
  platform.close()
  await loopback.close()
})

const cursor = (seq: number, epoch = 'e'): { epoch: string; seq: number } => ({ epoch, seq })
const event = (id: number, seq: number): object => ({ type: 'event', id, seq, op: 'append', key: `m${seq}`, data: seq })
const subscribed = (id: number, recovered: boolean, seq: number): object => ({
  ...{ type: 'subscribed', id, kind: 'log', recovered, cursor: cursor(seq) },
})
const snapshot = (id: number, seq: number, epoch = 'e'): object => ({
  ...{ type: 'snapshot', id, cursor: cursor(seq, epoch), items: [{ key: `m${seq}`, data: seq }] },
})
const command = (id: number) => ({ type: 'command', id, name: 'n', args: {}, key: `k${id}` }) as const

const seqs = (heard: HeardLink): number[] =>
  heard.frames.flatMap((frame) => (frame.type === 'event' && frame.seq !== undefined ? [frame.seq] : []))
const types = (heard: HeardLink): ServerFrame['type'][] => heard.frames.map(({ type }) => type)

async function peerNumber(count: number): Promise<Peer> {
  await until(`stream ${count}`, () => server.peers.length === count)
  return server.last
}

/** A link with topic 1 live at position 10. */
async function live(more: { timeoutMs?: number } = {}): Promise<{ heard: HeardLink; first: Peer }> {
  const heard = openLink(eventStreamTransport(platform), server.port, more)
  await until('opened', () => heard.opened === 1)
  heard.link.send(HELLO)
  heard.link.send({ type: 'subscribe', id: 1, topic: 'one' })
  const first = await peerNumber(1)
  first.send(WELCOME, subscribed(1, false, 10), snapshot(1, 10))
  await until('live', () => heard.frames.length === 3)
  return { heard, first }
}

describe('reopening', () => {
  it('sends the frames of one turn in one request, with the token also in the header', async () => {
    const { first } = await live()
    expect(first.received).toEqual([HELLO, { type: 'subscribe', id: 1, topic: 'one' }])
    expect(first.authorization).toBe('Bearer t1')
    expect(server.peers).toHaveLength(1)
  })

  it('opens with hello alone first, where nothing is subscribed yet', async () => {
    const heard = openLink(eventStreamTransport(platform), server.port)
    await until('opened', () => heard.opened === 1)
    heard.link.send({ type: 'hello', version: 1, client: { id: 'c1' } })
    const first = await peerNumber(1)
    expect(first.received).toEqual([{ type: 'hello', version: 1, client: { id: 'c1' } }])
    expect(first.authorization).toBeUndefined()
  })

  it('goes on exactly where it was: nothing lost, nothing twice, nothing from the old stream later', async () => {
    const { heard, first } = await live()
    first.send(event(1, 11), event(1, 12))
    await until('two events', () => seqs(heard).length === 2)
    heard.link.send({ type: 'subscribe', id: 2, topic: 'two', cursor: cursor(5, 'f') })
    const second = await peerNumber(2)
    expect(second.received).toEqual([
      HELLO,
      { type: 'subscribe', id: 1, topic: 'one', cursor: cursor(12) },
      { type: 'subscribe', id: 2, topic: 'two', cursor: cursor(5, 'f') },
    ])
    // The old stream is read until the new one speaks.
    first.send(event(1, 13))
    await until('the old one goes on', () => seqs(heard).length === 3)
    expect(first.closed).toBe(false)
    second.send(WELCOME, subscribed(1, true, 13), event(1, 13), event(1, 14), subscribed(2, true, 6))
    await until('event 14', () => seqs(heard).includes(14))
    await until('the old one is closed', () => first.closed)
    second.send({ type: 'event', id: 2, seq: 6, op: 'append', key: 'x' }, event(1, 15))
    await until('event 15', () => seqs(heard).includes(15))
    expect(seqs(heard)).toEqual([11, 12, 13, 14, 6, 15])
    // The repeated welcome shows as a status, the repeated `subscribed` of topic 1 not at all.
    expect(types(heard).slice(6)).toEqual(['status', 'event', 'subscribed', 'event', 'event'])
    expect(heard.closes).toEqual([])
  })

  it('passes a resync on', async () => {
    const { heard } = await live()
    heard.link.send({ type: 'subscribe', id: 2, topic: 'two' })
    const second = await peerNumber(2)
    second.send(WELCOME, subscribed(1, false, 40), snapshot(1, 40, 'g'), event(1, 41))
    await until('event 41', () => seqs(heard).includes(41))
    expect(types(heard).slice(3)).toEqual(['status', 'subscribed', 'snapshot', 'event'])
    heard.link.send({ type: 'unsubscribe', id: 2 })
    const third = await peerNumber(3)
    expect(third.received).toEqual([HELLO, { type: 'subscribe', id: 1, topic: 'one', cursor: cursor(41, 'g') }])
  })

  it('asks from the last whole position when a snapshot is cut by a reopen', async () => {
    const { heard, first } = await live()
    first.send(subscribed(1, false, 20), { ...snapshot(1, 20), more: true })
    await until('half a snapshot', () => heard.frames.length === 5)
    heard.link.send({ type: 'authorize', token: 't2' })
    const second = await peerNumber(2)
    expect(second.received[1]).toMatchObject({ cursor: cursor(10) })
    second.send(WELCOME, subscribed(1, true, 12), event(1, 11), event(1, 12))
    await until('event 12', () => seqs(heard).includes(12))
    // `recovered` is news here: it ends the snapshot that was begun.
    expect(types(heard).slice(5)).toEqual(['status', 'subscribed', 'event', 'event'])
  })

  it('carries a renewed token, in hello and header', async () => {
    const { heard } = await live()
    heard.link.send({ type: 'authorize', token: 't2' })
    const second = await peerNumber(2)
    expect(second.received[0]).toEqual({ ...HELLO, token: 't2' })
    expect(second.authorization).toBe('Bearer t2')
  })

  it('asks neither for what was unsubscribed nor for what was refused, but again for what does not run', async () => {
    const { heard, first } = await live()
    for (const id of [2, 3]) heard.link.send({ type: 'subscribe', id, topic: `t${id}` })
    const second = await peerNumber(2)
    const reject = (id: number, code: string): object => ({ type: 'reject', id, code, message: '' })
    second.send(WELCOME, reject(2, 'unknown-topic'), reject(3, 'not-running'))
    await until('both refusals', () => types(heard).filter((type) => type === 'reject').length === 2)
    heard.link.send({ type: 'unsubscribe', id: 1 })
    const third = await peerNumber(3)
    expect(third.received.map((frame) => ('id' in frame ? frame.id : 0))).toEqual([0, 3])
    const before = heard.frames.length
    third.send(WELCOME, event(1, 11), event(2, 1), { type: 'heartbeat', state: 'running' })
    await until('the beat', () => types(heard).includes('heartbeat'))
    expect(types(heard).slice(before)).toEqual(['status', 'heartbeat'])
    expect(first.closed).toBe(true)
  })

  it('opens only the newest of several changes that come while one is under way', async () => {
    const { heard } = await live()
    heard.link.send({ type: 'subscribe', id: 2, topic: 'two' })
    const second = await peerNumber(2)
    heard.link.send({ type: 'subscribe', id: 3, topic: 'three' })
    const third = await peerNumber(3)
    await until('the second was dropped', () => second.closed)
    third.send(WELCOME, subscribed(1, true, 10), event(1, 11))
    await until('event 11', () => seqs(heard).includes(11))
    expect(heard.closes).toEqual([])
  })

  it('survives the end of the old stream while the new one is being opened', async () => {
    const { heard, first } = await live()
    heard.link.send({ type: 'subscribe', id: 2, topic: 'two' })
    const second = await peerNumber(2)
    first.end(1006)
    await until('the old one ended', () => first.closed)
    second.send(WELCOME, subscribed(1, true, 10), event(1, 11))
    await until('event 11', () => seqs(heard).includes(11))
    expect(heard.closes).toEqual([])
  })

  it.each([
    ['another server', { ...WELCOME, server: 'srv2' }],
    ['a server that lost its command memory', { ...WELCOME, keys: 'k2' }],
  ])('ends when %s answers', async (_what, welcome) => {
    const { heard } = await live()
    heard.link.send({ type: 'subscribe', id: 2, topic: 'two' })
    const second = await peerNumber(2)
    second.send(welcome, subscribed(1, true, 10), event(1, 11))
    await until('closed', () => heard.closes.length > 0)
    expect(heard.closes).toMatchObject([{ code: 1012 }])
    expect(seqs(heard)).toEqual([])
  })

  it('ends when the two streams would belong to different epochs', async () => {
    const { heard, first } = await live()
    heard.link.send({ type: 'subscribe', id: 2, topic: 'two' })
    const second = await peerNumber(2)
    first.send(subscribed(1, false, 1), snapshot(1, 1, 'new'))
    await until('resynced on the old stream', () => heard.frames.length === 5)
    second.send(WELCOME, subscribed(1, true, 11), event(1, 11))
    await until('closed', () => heard.closes.length > 0)
    expect(heard.closes).toMatchObject([{ code: 1012 }])
    expect(seqs(heard)).toEqual([])
  })

  it('passes the refusal of a reopen on', async () => {
    const { heard } = await live()
    heard.link.send({ type: 'authorize', token: 'bad' })
    const second = await peerNumber(2)
    second.send({ type: 'reject', code: 'unauthorized', message: 'no' })
    second.end(4401)
    await until('closed', () => heard.closes.length > 0)
    expect(heard.frames.at(-1)).toMatchObject({ type: 'reject', code: 'unauthorized' })
    expect(heard.closes).toMatchObject([{ code: 4401, clean: true }])
  })
})

describe('opening', () => {
  it('ends with the status when the answer is no event stream', async () => {
    server.refuseWith = 200
    const heard = openLink(eventStreamTransport(platform), server.port)
    await until('opened', () => heard.opened === 1)
    heard.link.send(HELLO)
    await until('closed', () => heard.closes.length > 0)
    expect(heard.closes).toMatchObject([{ code: 1006, clean: false, status: 200 }])
  })

  it('ends when a head comes but no frame: a proxy that buffers', async () => {
    const heard = openLink(eventStreamTransport(platform), server.port, { timeoutMs: 80 })
    await until('opened', () => heard.opened === 1)
    heard.link.send(HELLO)
    await until('closed', () => heard.closes.length > 0)
    expect(heard.closes).toMatchObject([{ code: 1006, failure: { kind: 'timeout' } }])
    expect(server.peers).toHaveLength(1)
  })

  it('ignores pings, for it has nothing to send them on', async () => {
    const { heard, first } = await live()
    heard.link.send({ type: 'ping', n: 1 })
    first.send(event(1, 11))
    await until('event 11', () => seqs(heard).includes(11))
    expect([server.peers.length, server.commands.length]).toEqual([1, 0])
  })
})

describe('commands', () => {
  it('that were withdrawn while they waited are never posted', async () => {
    const { heard } = await live()
    heard.link.send(command(2))
    heard.link.send(command(3))
    heard.link.send(command(4))
    await until('the first', () => server.commands.length === 1)
    heard.link.withdraw(3, false)
    heard.link.withdraw(2, false)
    server.commands[0]?.answer(200, { type: 'result', id: 2, status: 'done' })
    await until('the next', () => server.commands.length === 2)
    expect(server.commands[1]?.body).toMatchObject({ id: 4 })
  })

  it('do not wait for one that was not answered by its deadline', async () => {
    const { heard } = await live()
    heard.link.send({ ...command(2), notAfter: 1000 })
    heard.link.send(command(3))
    heard.link.send(command(4))
    await until('the first', () => server.commands.length === 1)
    heard.link.withdraw(2, true)
    await until('the next', () => server.commands.length === 2)
    expect(server.commands[1]?.body).toMatchObject({ id: 3 })
    // The server was not told of a deadline: it may yet execute this one, and nothing may overtake it.
    heard.link.withdraw(3, true)
    server.commands[1]?.answer(200, { type: 'result', id: 3, status: 'done' })
    await until('the last', () => server.commands.length === 3)
    expect(server.commands[2]?.body).toMatchObject({ id: 4 })
    expect(heard.closes).toEqual([])
  })

  it('go one after the other, with UCC, client and token', async () => {
    const { heard } = await live()
    heard.link.send(command(2))
    heard.link.send(command(3))
    await until('the first', () => server.commands.length === 1)
    expect(server.commands[0]).toMatchObject({
      url: '/failover/command?ucc=help%20desk',
      authorization: 'Bearer t1',
      body: { ...command(2), client: HELLO.client },
    })
    server.commands[0]?.answer(200, { type: 'result', id: 2, status: 'done' })
    await until('the second', () => server.commands.length === 2)
    server.commands[1]?.answer(403, { type: 'reject', code: 'forbidden', message: 'not this user' })
    await until('both answers', () => heard.frames.length === 5)
    expect(heard.frames.slice(3)).toEqual([
      { type: 'result', id: 2, status: 'done' },
      { type: 'reject', id: 3, code: 'forbidden', message: 'not this user' },
    ])
    expect(heard.closes).toEqual([])
  })

  it('end the link when the token is refused: that command and those behind it were not executed', async () => {
    const { heard } = await live()
    heard.link.send(command(2))
    heard.link.send(command(3))
    await until('the first', () => server.commands.length === 1)
    server.commands[0]?.answer(401, { type: 'reject', code: 'unauthorized', message: 'expired' })
    await until('closed', () => heard.closes.length > 0)
    const error = { code: 'not-running' }
    expect(heard.frames.slice(3)).toMatchObject([
      { type: 'result', id: 2, status: 'rejected', error },
      { type: 'result', id: 3, status: 'rejected', error },
    ])
    expect(heard.closes).toMatchObject([{ code: 4401, clean: true }])
  })

  it('end the link when an outcome is unknown, and give back what was never posted', async () => {
    const { heard, first } = await live()
    heard.link.send(command(2))
    heard.link.send(command(3))
    await until('the first', () => server.commands.length === 1)
    server.commands[0]?.cut()
    await until('closed', () => heard.closes.length > 0)
    expect(heard.frames.slice(3)).toMatchObject([
      { type: 'result', id: 3, status: 'rejected', error: { code: 'not-running' } },
    ])
    expect(heard.closes).toMatchObject([{ code: 1006, failure: { kind: 'reset', sent: 'maybe' } }])
    await until('the stream is closed', () => first.closed)
  })

  it.each([
    [502, '<html>bad gateway</html>'],
    [500, '{"oops":true}'],
  ])('end the link when a proxy or a broken server answers with %i', async (status, body) => {
    const { heard } = await live()
    heard.link.send(command(2))
    await until('the command', () => server.commands.length === 1)
    server.commands[0]?.answer(status, body)
    await until('closed', () => heard.closes.length > 0)
    expect(heard.frames).toHaveLength(3)
    expect(heard.closes).toMatchObject([{ code: 1006, status }])
  })

  it('report an answer that is no result as that command’s problem', async () => {
    const { heard } = await live()
    heard.link.send(command(2))
    await until('the command', () => server.commands.length === 1)
    server.commands[0]?.answer(200, { type: 'result', id: 2, status: 'sideways' })
    await until('the problem', () => heard.problems.length > 0)
    expect(heard.problems).toMatchObject([{ reason: 'malformed', id: 2 }])
    expect(heard.closes).toEqual([])
  })

  it('are answered before a link that leaves is closed', async () => {
    const { heard, first } = await live()
    heard.link.send(command(2))
    heard.link.send({ type: 'leave', reason: 'move' })
    heard.link.close(1000, 'move')
    heard.link.send(command(3))
    await until('the command', () => server.commands.length === 1)
    expect(heard.closes).toEqual([])
    server.commands[0]?.answer(200, { type: 'result', id: 2, status: 'done' })
    await until('closed', () => heard.closes.length > 0)
    expect(heard.frames.at(-1)).toEqual({ type: 'result', id: 2, status: 'done' })
    expect(heard.closes).toEqual([{ code: 1000, reason: 'move', clean: true }])
    await until('the stream is closed', () => first.closed)
    expect(server.commands).toHaveLength(1)
  })
})
