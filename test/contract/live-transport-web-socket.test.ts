/** What only the WebSocket transport has: a subprotocol, pings, and messages that are no text. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { nodePlatform } from '../../src/platform/node/node-platform'
import type { Platform, SocketHandlers } from '../../src/platform/platform'
import { webSocketTransport } from '../../src/transports/web-socket'
import { FrameServer } from '../support/frame-server'
import { openLink, WELCOME } from '../support/link-probe'
import { Loopback, until } from '../support/loopback'

let loopback: Loopback
let platform: Platform

beforeEach(() => {
  loopback = new Loopback()
  platform = nodePlatform()
})
afterEach(async () => {
  platform.close()
  await loopback.close()
})

it('never opens with a server that does not speak the subprotocol', async () => {
  const server = await FrameServer.start(loopback)
  server.subprotocol = undefined
  const heard = openLink(webSocketTransport(platform), server.port)
  await until('closed', () => heard.closes.length > 0)
  expect(heard).toMatchObject({ opened: 0, closes: [{ clean: false }] })
})

it('refuses a connection whose WebSocket let a missing subprotocol pass', () => {
  const closed: number[] = []
  const told: string[] = []
  let handlers: SocketHandlers | undefined
  const lenient: Platform = {
    ...platform,
    openSocket(_request, given) {
      handlers = given
      return {
        send: () => undefined,
        bufferedAmount: 0,
        close: (code) => void closed.push(code),
        abandon: () => undefined,
      }
    },
  }
  const request = { road: { endpointId: 'a', generation: 0, url: 'http://a' }, maxFrameBytes: 10, timeoutMs: 10 }
  webSocketTransport(lenient).open(
    { ...request, paths: { stream: '/', events: '/', command: '/' } },
    {
      opened: () => told.push('opened'),
      frame: () => told.push('frame'),
      problem: ({ reason }) => told.push(reason),
      closed: ({ code }) => told.push(`closed ${code}`),
    },
  )
  handlers?.opened({ protocol: '', extensions: '' })
  handlers?.message(JSON.stringify(WELCOME))
  handlers?.closed({ code: 4400, reason: '', clean: true })
  expect(told).toEqual(['malformed', 'closed 4400'])
  expect(closed).toEqual([4400])
})

it('sends pings and reports a binary message without ending', async () => {
  const { server, port } = await loopback.http((_request, response) => response.end())
  const peers: WebSocket[] = []
  const received: string[] = []
  new WebSocketServer({ server, handleProtocols: () => 'failover-stream' }).on('connection', (peer) => {
    peers.push(peer)
    peer.on('message', (data) => received.push((data as Buffer).toString()))
  })
  const heard = openLink(webSocketTransport(platform), port)
  await until('opened', () => heard.opened === 1)
  heard.link.send({ type: 'ping', n: 7 })
  await until('pinged', () => received.length === 1)
  expect(received).toEqual(['{"type":"ping","n":7}'])
  peers[0]?.send(new Uint8Array([1, 2]))
  peers[0]?.send('{"type":"pong","n":7}')
  await until('the pong', () => heard.frames.length === 1)
  expect(heard.problems).toMatchObject([{ reason: 'not-json' }])
  expect(heard.closes).toEqual([])
})
