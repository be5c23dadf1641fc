// A server with as little in it as the contract allows, in a process of its own, so that what is measured is the
// client. `command flood {count}` sends that many events on the first subscription, as fast as the socket takes them.
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const BODY = JSON.stringify({
  items: Array.from({ length: 10 }, (_unused, n) => ({ id: `agent-${n}`, state: 'idle' })),
})
const CHUNK = 500
const MAX_BUFFERED = 1_048_576

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost')
  const isReadiness = url.pathname === '/failover/ready'
  const ready = { server: 'plain', versions: [1], ucc: url.searchParams.get('ucc'), state: 'running', term: 1 }
  const text = isReadiness ? JSON.stringify(ready) : BODY
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }).end(text)
})
const streams = new WebSocketServer({ server, path: '/failover/stream', perMessageDeflate: false })

streams.on('connection', (socket) => {
  const send = (frame) => socket.send(JSON.stringify(frame))
  const topics = new Map()
  const beat = setInterval(() => send({ type: 'heartbeat', state: 'running', term: 1, ts: Date.now() }), 1000)
  socket.on('close', () => clearInterval(beat))
  socket.on('error', () => undefined)
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data))
    if (frame.type === 'hello') {
      const ts = Date.now()
      send({ type: 'welcome', version: 1, server: 'plain', state: 'running', term: 1, heartbeatMs: 1000, ts })
    } else if (frame.type === 'subscribe') {
      const kind = frame.topic.startsWith('log') ? 'log' : 'state'
      const cursor = { epoch: 'e', seq: 0 }
      topics.set(frame.id, { id: frame.id, kind, seq: 0 })
      send({ type: 'subscribed', id: frame.id, kind, recovered: false, cursor })
      const items = kind === 'log' ? [] : itemsOf(Number(/items-(\d+)/.exec(frame.topic)?.[1] ?? 0))
      send({ type: 'snapshot', id: frame.id, cursor, items })
    } else if (frame.type === 'ping') send({ type: 'pong', n: frame.n, ts: Date.now() })
    else if (frame.type === 'command') flood(socket, topics, frame)
  })
})

function itemsOf(size) {
  return Array.from({ length: size }, (_unused, n) => ({ key: `k${n}`, data: agent(n), ts: 1 }))
}

function agent(n) {
  return { name: `Agent ${n}`, state: n % 2 === 0 ? 'talking' : 'idle', since: 1_700_000_000_000 + n, queue: 'sales' }
}

/** Everything is made before the first is sent: the sender must not be what is measured. */
function flood(socket, topics, { id, args: { count, keys = 50 } }) {
  const topic = [...topics.values()][0]
  const frames = Array.from({ length: count }, (_unused, n) => {
    const op = topic.kind === 'log' ? 'append' : 'upsert'
    const key = topic.kind === 'log' ? `m${topic.seq + 1}` : `k${n % keys}`
    topic.seq += 1
    return JSON.stringify({ type: 'event', id: topic.id, seq: topic.seq, op, key, data: agent(n), ts: Date.now() })
  })
  let sent = 0
  const more = () => {
    if (socket.readyState !== socket.OPEN) return
    const until = Math.min(frames.length, sent + CHUNK)
    if (socket.bufferedAmount < MAX_BUFFERED) for (; sent < until; sent += 1) socket.send(frames[sent])
    if (sent < frames.length) setImmediate(more)
    else socket.send(JSON.stringify({ type: 'result', id, status: 'done', data: null }))
  }
  more()
}

server.listen(0, process.argv[2] ?? '127.0.0.1', () => process.send(server.address().port))
process.on('disconnect', () => process.exit(0))
