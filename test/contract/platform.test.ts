/**
 * One suite for `Platform`, run on the Node and on the browser platform, against real servers on loopback. Node has the
 * page's globals that matter here (fetch, streams, signals); its WebSocket comes from ws. Real pages are the browser
 * tier's.
 */
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { browserPlatform } from '../../src/platform/browser/browser-platform'
import { nodePlatform } from '../../src/platform/node/node-platform'
import type { Platform } from '../../src/platform/platform'
import { Loopback, until } from '../support/loopback'
import { exchange, failureOf, fetchRouted, openSocket, road, stream } from '../support/platform-probes'

const PLATFORMS: [string, () => Platform][] = [
  ['node', () => nodePlatform()],
  ['browser', () => browserPlatform()],
]

describe.each(PLATFORMS)('platform %s', (_name, create) => {
  let loopback: Loopback
  let platform: Platform

  beforeEach(() => {
    loopback = new Loopback()
    platform = create()
  })
  afterEach(async () => {
    platform.close()
    await loopback.close()
  })

  /** Where only Node can know, a page says `opaque`. */
  const knows = <T, U>(node: T, page: U): T | U => (platform.can.proveUnsent ? node : page)

  describe('exchange', () => {
    it('reads status, headers and body', async () => {
      const { port } = await loopback.http((request, response) => {
        response.writeHead(503, { 'Retry-After': '3' }).end(`${request.method} ${request.url}`)
      })
      const outcome = await exchange(platform, { road: road(port, {}), path: '/failover/ready?ucc=a' }).first
      expect(outcome).toMatchObject({ ok: true, status: 503, body: 'GET /failover/ready?ucc=a' })
      expect(outcome.ok && outcome.header('retry-after')).toBe('3')
    })

    it('appends the path to a base path and sends the body with its headers', async () => {
      const { port } = await loopback.http((request, response) => {
        request.setEncoding('utf8').once('data', (body: string) => {
          response.end(`${request.url} ${request.headers['content-type']} ${body}`)
        })
      })
      const outcome = await exchange(platform, {
        road: road(port, { url: `http://127.0.0.1:${port}/base` }),
        path: '/x',
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: '{}',
      }).first
      expect(outcome).toMatchObject({ body: '/base/x application/json {}' })
    })

    it('says that a connection was refused', async () => {
      const outcome = await exchange(platform, { road: road(await loopback.deadPort()) }).first
      const failure = failureOf(outcome)
      expect([failure.kind, failure.sent]).toEqual(knows(['refused', 'no'], ['opaque', 'maybe']))
    })

    it('says that a connection broke after the request may have left', async () => {
      const port = await loopback.tcp((socket) => socket.once('data', () => socket.destroy()))
      const failure = failureOf(await exchange(platform, { road: road(port) }).first)
      expect([failure.kind, failure.sent]).toEqual([knows('reset', 'opaque'), 'maybe'])
    })

    it('ends at its deadline when no head comes', async () => {
      const { port } = await loopback.http(() => undefined)
      const failure = failureOf(await exchange(platform, { road: road(port), timeoutMs: 50 }).first)
      expect([failure.kind, failure.sent]).toEqual(['timeout', 'maybe'])
      await until('the connection is gone', () => loopback.connections === 0)
    })

    it('ends at its deadline when the body stalls', async () => {
      const { port } = await loopback.http((_request, response) => void response.write('half'))
      const failure = failureOf(await exchange(platform, { road: road(port), timeoutMs: 100 }).first)
      expect(failure.kind).toBe('timeout')
      await until('the connection is gone', () => loopback.connections === 0)
    })

    it('stops reading a body that is too large', async () => {
      const { port } = await loopback.http((_request, response) => {
        response.write('x'.repeat(2000))
        // And never ends: the limit must not wait for it.
      })
      const failure = failureOf(await exchange(platform, { road: road(port), maxBytes: 1000 }).first)
      expect(failure.kind).toBe('too-large')
      await until('the connection is gone', () => loopback.connections === 0)
    })

    it('does not follow a redirect', async () => {
      const paths: string[] = []
      const { port } = await loopback.http((request, response) => {
        paths.push(request.url ?? '')
        response.writeHead(302, { Location: '/elsewhere' }).end()
      })
      const outcome = await exchange(platform, { road: road(port) }).first
      if (platform.can.inspectRedirects) expect(outcome).toMatchObject({ ok: true, status: 302 })
      else expect(failureOf(outcome).kind).toBe('opaque')
      expect(paths).toEqual(['/'])
    })

    it('never calls back after cancel, not even for a response on its way', async () => {
      const waiting: ServerResponse[] = []
      const { port } = await loopback.http((_request, response) => void waiting.push(response))
      const heard = exchange(platform, { road: road(port) })
      await until('the request arrived', () => waiting.length === 1)
      waiting[0]?.end('late')
      heard.cancel()
      heard.cancel()
      const second = exchange(platform, { road: road(port) })
      await until('the second request arrived', () => waiting.length === 2)
      waiting[1]?.end('in time')
      expect(await second.first).toMatchObject({ body: 'in time' })
      expect(heard.outcomes).toEqual([])
    })

    it('cancels the body of a response whose head was there already', async () => {
      let broken = false
      const { port } = await loopback.http((request, response) => {
        response.writeHead(200).write('half')
        request.socket.once('close', () => (broken = true))
      })
      const heard = exchange(platform, { road: road(port) })
      await until('the server answered', () => loopback.connections === 1)
      heard.cancel()
      await until('the server lost the connection', () => broken || loopback.connections === 0)
      expect(heard.outcomes).toEqual([])
    })
  })

  describe('stream', () => {
    const eventStream = { 'Content-Type': 'text/event-stream' }

    it('decodes characters cut between chunks and ends without a failure', async () => {
      const bytes = Buffer.from('data: é€😀\n\n')
      const { port } = await loopback.http((_request, response) => {
        response.writeHead(200, eventStream)
        const next = (index: number): void => {
          if (index === bytes.length) return void response.end()
          response.write(bytes.subarray(index, index + 1), () => setImmediate(next, index + 1))
        }
        next(0)
      })
      const heard = stream(platform, { road: road(port) })
      await until('the stream ended', () => heard.ends.length > 0)
      expect(heard).toMatchObject({ status: 200, contentType: 'text/event-stream', text: 'data: é€😀\n\n' })
      expect(heard.ends).toEqual([undefined])
    })

    it('ends with a failure when the body breaks', async () => {
      let response: ServerResponse | undefined
      const { port } = await loopback.http((_request, answer) => {
        response = answer.writeHead(200, eventStream)
        answer.write('data: 1\n\n')
      })
      const heard = stream(platform, { road: road(port) })
      await until('the first text came', () => heard.text !== '')
      response?.socket?.resetAndDestroy()
      await until('the stream ended', () => heard.ends.length > 0)
      expect(heard.ends[0]).toMatchObject({ kind: knows('reset', 'opaque'), sent: 'maybe' })
    })

    it('has a deadline for the head only', async () => {
      const { port } = await loopback.http((request, response) => {
        if (request.url === '/silent') return
        response.writeHead(200, eventStream).write(':\n')
      })
      const open = stream(platform, { road: road(port), timeoutMs: 60 })
      await until('the head came', () => open.status === 200)
      const silent = stream(platform, { road: road(port), path: '/silent', timeoutMs: 60 })
      await until('the silent one ended', () => silent.ends.length > 0)
      expect(silent.ends[0]).toMatchObject({ kind: 'timeout' })
      expect(open.ends).toEqual([])
    })

    it('says nothing after cancel and closes the connection', async () => {
      const { port } = await loopback.http((_request, response) => {
        response.writeHead(200, eventStream).write('data: 1\n\n')
      })
      const heard = stream(platform, { road: road(port) })
      await until('the first text came', () => heard.text !== '')
      heard.cancel()
      await until('the connection is gone', () => loopback.connections === 0)
      expect(heard.ends).toEqual([])
    })
  })

  describe('fetch', () => {
    it('hands over the response, whose body outlives a late cancel', async () => {
      const { port } = await loopback.http((_request, response) => response.end('body'))
      const heard = fetchRouted(platform, { road: road(port), url: `http://127.0.0.1:${port}/a`, init: {} })
      const outcome = await heard.first
      heard.cancel()
      expect(outcome.ok && (await outcome.response.text())).toBe('body')
    })

    it('tells an abort by its signal from a failure, whatever the reason looks like', async () => {
      const { port } = await loopback.http(() => undefined)
      const controller = new AbortController()
      const url = `http://127.0.0.1:${port}/`
      const heard = fetchRouted(platform, { road: road(port), url, init: { signal: controller.signal } })
      await until('the request is under way', () => loopback.connections === 1)
      const reason = Object.assign(new Error('mine'), { code: 'ECONNREFUSED' })
      controller.abort(reason)
      expect(failureOf(await heard.first)).toMatchObject({ kind: 'aborted', cause: reason })
    })

    it('shows a redirect to whoever asks for manual ones', async () => {
      const { port } = await loopback.http((_request, response) => response.writeHead(307, { Location: '/b' }).end())
      const init: RequestInit = { redirect: 'manual' }
      const outcome = await fetchRouted(platform, { road: road(port), url: `http://127.0.0.1:${port}/a`, init }).first
      if (platform.can.inspectRedirects) {
        expect(outcome).toMatchObject({ ok: true, response: { status: 307 } })
        expect(outcome.ok && outcome.response.headers.get('location')).toBe('/b')
      }
    })

    it('sends FormData of this realm as multipart', async () => {
      const { port } = await loopback.http((request, response) => {
        request.resume()
        response.end(request.headers['content-type'])
      })
      const body = new FormData()
      body.set('file', new Blob(['x']))
      const url = `http://127.0.0.1:${port}/`
      const outcome = await fetchRouted(platform, { road: road(port), url, init: { method: 'POST', body } }).first
      expect(outcome.ok && (await outcome.response.text())).toMatch(/^multipart\/form-data; boundary=/)
    })
  })

  describe('openSocket', () => {
    const startSockets = async (options: object = {}): Promise<{ port: number; sockets: WebSocketServer }> => {
      const { server, port } = await loopback.http((_request, response) => response.writeHead(503).end())
      const sockets = new WebSocketServer({ server, ...options })
      return { port, sockets }
    }

    it('carries text and binary both ways and reports the close', async () => {
      const { port, sockets } = await startSockets({ handleProtocols: () => 'two' })
      sockets.on('connection', (peer) => {
        peer.on('message', (data, binary) => {
          peer.send(data as Buffer, { binary })
          if (binary) peer.close(1012, 'failover')
        })
      })
      const heard = openSocket(platform, { road: road(port), protocols: ['one', 'two'] })
      await until('open', () => heard.opened.length > 0)
      heard.socket.send('text')
      heard.socket.send(new Uint8Array([1, 2, 3]))
      await until('closed', () => heard.closes.length > 0)
      expect(heard.opened).toEqual(['two'])
      expect(heard.messages[0]).toBe('text')
      expect(heard.messages[1]).toBeInstanceOf(ArrayBuffer)
      expect(new Uint8Array(heard.messages[1] as ArrayBuffer)).toEqual(new Uint8Array([1, 2, 3]))
      expect(heard.closes).toEqual([{ code: 1012, reason: 'failover', clean: true }])
    })

    it('reports a refused connection once, with why', async () => {
      const heard = openSocket(platform, { road: road(await loopback.deadPort()) })
      await until('closed', () => heard.closes.length > 0)
      expect(heard.closes).toHaveLength(1)
      expect(heard.closes[0]).toMatchObject({ code: 1006, clean: false })
      expect(heard.closes[0]?.failure).toBeDefined()
    })

    it('reports an upgrade that was refused', async () => {
      const { port } = await loopback.http((_request, response) => response.writeHead(503).end('no'))
      const heard = openSocket(platform, { road: road(port) })
      await until('closed', () => heard.closes.length > 0)
      expect(heard.closes[0]).toMatchObject({ code: 1006, clean: false })
      if (platform.can.inspectRedirects) expect(heard.closes[0]?.status).toBe(503)
      await until('nothing is left open', () => loopback.connections === 0)
    })

    it('reports a connection that broke', async () => {
      const { port, sockets } = await startSockets()
      sockets.on('connection', (_peer, request) => request.socket.resetAndDestroy())
      const heard = openSocket(platform, { road: road(port) })
      await until('closed', () => heard.closes.length > 0)
      expect(heard.closes).toMatchObject([{ code: 1006, clean: false }])
    })

    it('abandons a socket that is still connecting, in silence', async () => {
      const port = await loopback.tcp((socket) => socket.resume())
      const heard = openSocket(platform, { road: road(port) })
      await until('dialled', () => loopback.connections === 1)
      heard.socket.abandon()
      heard.socket.abandon()
      heard.socket.send('nothing')
      heard.socket.close(1000, '')
      await until('hung up', () => loopback.connections === 0)
      expect(heard).toMatchObject({ opened: [], closes: [] })
    })

    it('abandons in the same turn, before anything was dialled', async () => {
      const { port } = await startSockets()
      const heard = openSocket(platform, { road: road(port) })
      heard.socket.abandon()
      const other = openSocket(platform, { road: road(port) })
      await until('the other one is open', () => other.opened.length > 0)
      expect(heard).toMatchObject({ opened: [], closes: [] })
    })

    it('hears nothing of an abandoned socket, however much comes', async () => {
      const { port, sockets } = await startSockets()
      sockets.on('connection', (peer) => peer.on('message', () => [1, 2, 3].forEach((n) => peer.send(`${n}`))))
      const heard = openSocket(platform, { road: road(port) })
      await until('open', () => heard.opened.length > 0)
      heard.socket.send('go')
      heard.socket.abandon()
      await until('hung up', () => loopback.connections === 0)
      expect(heard).toMatchObject({ messages: [], closes: [] })
    })

    it('closes at a message over the limit, at once', async () => {
      const { port, sockets } = await startSockets()
      sockets.on('connection', (peer) => peer.send('x'.repeat(2000)))
      const heard = openSocket(platform, { road: road(port), maxMessageBytes: 1000 })
      await until('closed', () => heard.closes.length > 0)
      expect(heard.messages).toEqual([])
      expect(heard.closes).toMatchObject([{ code: 1009, failure: { kind: 'too-large' } }])
      await until('hung up', () => loopback.connections === 0)
    })

    it('cuts a close reason to what a frame carries', async () => {
      const { port, sockets } = await startSockets()
      const reasons: string[] = []
      sockets.on('connection', (peer) => peer.on('close', (_code, reason) => reasons.push(reason.toString())))
      const heard = openSocket(platform, { road: road(port) })
      await until('open', () => heard.opened.length > 0)
      heard.socket.close(1000, 'é'.repeat(100))
      await until('closed', () => reasons.length > 0)
      expect(reasons).toEqual(['é'.repeat(61)])
    })
  })

  describe('timers', () => {
    it('fire in order, not when cancelled, and never at once for an endless delay', async () => {
      const fired: string[] = []
      platform.setTimer(Number.POSITIVE_INFINITY, () => fired.push('never'))
      platform.setTimer(2 ** 40, () => fired.push('in 35 years'))
      platform.setTimer(2, () => fired.push('cancelled'))()
      platform.setTimer(0, () => fired.push('soon'))
      platform.setTimer(20, () => fired.push('later'))
      await until('the last one fired', () => fired.includes('later'))
      expect(fired).toEqual(['soon', 'later'])
    })

    it('have a monotonic clock and ids that differ', () => {
      expect(platform.now()).toBeLessThanOrEqual(platform.now())
      expect(platform.randomId()).not.toBe(platform.randomId())
      expect(platform.randomId().length).toBeGreaterThanOrEqual(24)
    })
  })

  it('leaves nothing alive after close, and says nothing any more', async () => {
    const { server, port } = await loopback.http((request, response) => {
      if (request.url === '/stream') response.writeHead(200).write('half')
      else if (request.url === '/done') response.end('done')
    })
    const sockets = new WebSocketServer({ server })
    await exchange(platform, { road: road(port), path: '/done' }).first
    const alive = (): number => process.getActiveResourcesInfo().filter((kind) => /TCPSocket|Timeout/.test(kind)).length
    const before = alive()
    const heard: string[] = []
    const hang = exchange(platform, { road: road(port) })
    const streamed = stream(platform, { road: road(port), path: '/stream' })
    const socket = openSocket(platform, { road: road(port) })
    const connecting = openSocket(platform, { road: road(await loopback.tcp((socket) => socket.resume())) })
    platform.setTimer(60_000, () => heard.push('timer'))
    platform.setTimer(1, () => heard.push('first'))
    platform.watchSignals((signal) => heard.push(signal))
    await until('all is under way', () => socket.opened.length === 1 && streamed.text === 'half' && heard.length === 1)
    platform.close()
    platform.close()
    if (platform.can.proveUnsent) await until('the servers lost all connections', () => loopback.connections === 0)
    else await until('only idle keep-alive is left', () => loopback.connections <= 1)
    for (const peer of sockets.clients) peer.terminate()
    await until('no timer, no socket', () => alive() <= before)
    expect(heard).toEqual(['first'])
    expect([hang.outcomes, streamed.ends, socket.closes, connecting.closes]).toEqual([[], [], [], []])
  })

  it('does nothing after close', async () => {
    const { port } = await loopback.http((_request, response) => response.end('x'))
    platform.close()
    const heard = exchange(platform, { road: road(port) })
    const socket = openSocket(platform, { road: road(port) })
    const fired: string[] = []
    platform.setTimer(0, () => fired.push('timer'))
    await until('a moment passed', afterTurns(20))
    expect([heard.outcomes, socket.opened, socket.closes, fired]).toEqual([[], [], [], []])
    expect(loopback.connections).toBe(0)
  })
})

/** True after some turns of the event loop: for what must *not* happen. */
function afterTurns(count: number): () => boolean {
  let turns = 0
  return () => ++turns > count
}
