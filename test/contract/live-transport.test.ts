/** One suite for `LiveTransport`, run on both transports over the Node platform. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodePlatform } from '../../src/platform/node/node-platform'
import type { Platform } from '../../src/platform/platform'
import { eventStreamTransport } from '../../src/transports/event-stream'
import type { LiveTransport } from '../../src/transports/live-transport'
import { webSocketTransport } from '../../src/transports/web-socket'
import { FrameServer, type Peer } from '../support/frame-server'
import { HELLO, LINK_LIMITS, openLink, WELCOME, type HeardLink } from '../support/link-probe'
import { Loopback, until } from '../support/loopback'

const TRANSPORTS: [LiveTransport['kind'], (platform: Platform) => LiveTransport][] = [
  ['websocket', webSocketTransport],
  ['event-stream', eventStreamTransport],
]

describe.each(TRANSPORTS)('transport %s', (kind, create) => {
  let loopback: Loopback
  let platform: Platform
  let transport: LiveTransport
  let server: FrameServer

  beforeEach(async () => {
    loopback = new Loopback()
    platform = nodePlatform()
    transport = create(platform)
    server = await FrameServer.start(loopback)
  })
  afterEach(async () => {
    platform.close()
    await loopback.close()
  })

  /** Opens a link, says hello with one subscription, and waits until the server has both. */
  async function greet(): Promise<{ heard: HeardLink; peer: Peer }> {
    const earlier = server.peers.length
    const heard = openLink(transport, server.port)
    await until('opened', () => heard.opened === 1)
    heard.link.send(HELLO)
    heard.link.send({ type: 'subscribe', id: 1, topic: 'agents' })
    await until('greeted', () => server.peers[earlier]?.received.length === 2)
    return { heard, peer: server.last }
  }

  it('is of its kind', () => {
    const heard = openLink(transport, server.port)
    expect([transport.kind, heard.link.transport]).toEqual([kind, kind])
    heard.link.abandon()
  })

  it('takes hello once it is open and passes frames on in order', async () => {
    const { heard, peer } = await greet()
    expect(peer.received).toEqual([HELLO, { type: 'subscribe', id: 1, topic: 'agents' }])
    const cursor = { epoch: 'e', seq: 1 }
    const item = { key: 'a', data: { name: 'Ann' } }
    peer.send(
      WELCOME,
      { type: 'subscribed', id: 1, kind: 'state', recovered: false, cursor },
      { type: 'snapshot', id: 1, cursor, items: [item], more: true },
      { type: 'snapshot', id: 1, cursor, items: [] },
    )
    peer.send({ type: 'event', id: 1, seq: 2, op: 'upsert', key: 'b', data: 'é😀', ts: 5 })
    peer.send({ type: 'heartbeat', state: 'running', ts: 6 })
    await until('all frames', () => heard.frames.length === 6)
    expect(heard.frames.map(({ type }) => type)).toEqual([
      ...['welcome', 'subscribed', 'snapshot', 'snapshot', 'event', 'heartbeat'],
    ])
    expect(heard.frames[2]).toEqual({ type: 'snapshot', id: 1, cursor, items: [item], more: true })
    expect(heard.frames[4]).toEqual({ type: 'event', id: 1, seq: 2, op: 'upsert', key: 'b', data: 'é😀', ts: 5 })
  })

  it('carries a command and its result', async () => {
    const { heard, peer } = await greet()
    const command = { type: 'command', id: 2, name: 'agent.state', args: { to: 'away' }, key: 'k1' } as const
    heard.link.send(command)
    const result = { type: 'result', id: 2, status: 'done', data: { at: 1 } } as const
    await until('it arrived', () => peer.received.length === 3 || server.commands.length === 1)
    if (kind === 'websocket') {
      expect(peer.received[2]).toEqual(command)
      peer.send(result)
    } else {
      expect(server.commands[0]?.body).toEqual({ ...command, client: HELLO.client })
      server.commands[0]?.answer(200, result)
    }
    await until('the result', () => heard.frames.length === 1)
    expect(heard.frames[0]).toEqual(result)
  })

  it('ignores frames of a later version and reports those it cannot read', async () => {
    const { heard, peer } = await greet()
    peer.send({ type: 'weather', sunny: true }, '{"type":', '[1]', { type: 'event', id: 1 }, WELCOME)
    await until('the last frame', () => heard.frames.length === 1)
    expect(heard.problems.map(({ reason, id }) => [reason, id])).toEqual([
      ['not-json', undefined],
      ['not-an-object', undefined],
      ['malformed', 1],
    ])
    expect(heard.closes).toEqual([])
  })

  it('ends with 4409 at a frame that is too large, and takes one that just fits', async () => {
    const { heard, peer } = await greet()
    const event = { type: 'event', id: 1, seq: 1, op: 'append', key: 'k', data: '' }
    const room = LINK_LIMITS.maxFrameBytes - JSON.stringify(event).length
    peer.send({ ...event, data: 'x'.repeat(room) })
    // Fewer characters than the limit, but more bytes: three for each.
    peer.send({ ...event, data: '€'.repeat(room / 2) }, WELCOME)
    await until('closed', () => heard.closes.length > 0)
    expect(heard.frames.map(({ type }) => type)).toEqual(['event'])
    expect(heard.problems).toMatchObject([{ reason: 'too-large' }])
    expect(heard.closes).toEqual([{ code: 4409, reason: 'frame too big', clean: false }])
    await until('the server sees the end', () => peer.closed)
  })

  it('ends at a frame without end', async () => {
    const { heard, peer } = await greet()
    peer.send('x'.repeat(10 * LINK_LIMITS.maxFrameBytes))
    await until('closed', () => heard.closes.length > 0)
    expect(heard.problems).toMatchObject([{ reason: 'too-large' }])
    expect([1009, 4409]).toContain(heard.closes[0]?.code)
    await until('the server sees the end', () => peer.closed)
  })

  it.each([
    ['unauthorized', 4401],
    ['forbidden', 4403],
    ['unknown-ucc', 4404],
    ['unsupported-version', 4400],
    ['invalid', 4400],
    ['overloaded', 1013],
  ])('passes the refusal %s on and ends with %i', async (code, closeCode) => {
    const { heard, peer } = await greet()
    peer.send({ type: 'reject', code, message: 'no', retryAfterMs: 5 })
    peer.end(closeCode)
    await until('closed', () => heard.closes.length > 0)
    expect(heard.frames).toEqual([{ type: 'reject', code, message: 'no', retryAfterMs: 5 }])
    expect(heard.closes).toMatchObject([{ code: closeCode, clean: true }])
  })

  it('tells a restart that was announced from a broken connection', async () => {
    const { heard, peer } = await greet()
    peer.send(WELCOME, { type: 'goaway', reason: 'update', leaveWithinMs: 100 })
    peer.end(1001)
    await until('closed', () => heard.closes.length > 0)
    expect(heard.closes).toMatchObject([{ code: 1001, clean: true }])
    const second = await greet()
    second.peer.send(WELCOME)
    await until('welcomed', () => second.heard.frames.length === 1)
    second.peer.cut()
    await until('closed too', () => second.heard.closes.length > 0)
    expect(second.heard.closes).toMatchObject([{ code: 1006, clean: false }])
  })

  it('reports the status that refused it', async () => {
    server.refuseWith = 503
    const heard = openLink(transport, server.port)
    if (kind === 'event-stream') {
      await until('opened', () => heard.opened === 1)
      heard.link.send(HELLO)
    }
    await until('closed', () => heard.closes.length > 0)
    expect(heard.closes).toMatchObject([{ code: 1006, clean: false, status: 503 }])
    await until('the refusal is let go', () => loopback.connections <= 1)
  })

  it('reports a refused connection', async () => {
    const heard = openLink(transport, await loopback.deadPort())
    if (kind === 'event-stream') {
      await until('opened', () => heard.opened === 1)
      heard.link.send(HELLO)
    }
    await until('closed', () => heard.closes.length > 0)
    expect(heard.closes).toMatchObject([{ code: 1006, failure: { kind: 'refused', sent: 'no' } }])
  })

  it('closes in order', async () => {
    const { heard, peer } = await greet()
    peer.send(WELCOME)
    await until('welcomed', () => heard.frames.length === 1)
    heard.link.send({ type: 'leave', reason: 'move' })
    heard.link.close(1000, 'move')
    expect(heard.closes).toEqual([])
    await until('closed', () => heard.closes.length > 0)
    expect(heard.closes).toEqual([{ code: 1000, reason: 'move', clean: true }])
    await until('the server sees it', () => peer.closed)
    if (kind === 'websocket') expect(peer.received.at(-1)).toEqual({ type: 'leave', reason: 'move' })
  })

  it('abandons in silence at every moment', async () => {
    const fresh = openLink(transport, server.port)
    fresh.link.abandon()
    const { heard, peer } = await greet()
    heard.onFrame = () => heard.link.abandon()
    // Of frames that arrive together, none is passed on after the one that made us leave.
    peer.send(WELCOME, { type: 'heartbeat', state: 'running' }, { type: 'reject', code: 'invalid', message: '' })
    await until('the server sees it', () => peer.closed)
    heard.link.abandon()
    heard.link.send({ type: 'ping', n: 1 })
    heard.link.close(1000, '')
    await until('all connections are gone', () => loopback.connections === 0)
    expect(heard).toMatchObject({ frames: [{ type: 'welcome' }], problems: [], closes: [] })
    expect(fresh).toMatchObject({ opened: 0, closes: [] })
  })
})
