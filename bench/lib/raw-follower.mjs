// What people write by hand: a WebSocket that follows one log and resumes from its cursor. It judges nothing.
import WebSocket from 'ws'
import { UCC } from './scene.mjs'

/** Frames of one connection, and the position that outlives it. */
class Follower {
  keys = []
  servers = []
  at = []
  cursor
  isLive = false
  constructor(topic) {
    this.topic = topic
  }

  /** The lines an application sends on each new connection. */
  greet(send) {
    this.isLive = false
    const client = { id: `raw-${Math.random().toString(36).slice(2)}` }
    send({ type: 'hello', version: 1, client, ucc: UCC })
    this.subscribe(send, 1)
  }

  subscribe(send, id) {
    const { topic, cursor } = this
    send({ type: 'subscribe', id, topic, ...(cursor === undefined ? {} : { cursor }) })
  }

  take(text, send) {
    const frame = JSON.parse(text)
    if (frame.type === 'welcome') this.server = frame.server
    else if (frame.type === 'subscribed') {
      this.isLive = true
      this.epoch = frame.cursor.epoch
      this.cursor ??= frame.cursor
    } else if (frame.type === 'snapshot') {
      for (const item of frame.items) this.#keep(item.key)
      this.cursor = frame.cursor
    } else if (frame.type === 'event') {
      this.#keep(frame.key)
      this.cursor = { epoch: this.epoch, seq: frame.seq }
    } else if (frame.type === 'status' && frame.state === 'running' && !this.isLive) this.subscribe(send, 2)
  }

  #keep(key) {
    this.keys.push(key)
    this.servers.push(this.server)
    this.at.push(performance.now())
  }
}

function streamUrl(endpoint) {
  return `${endpoint.replace(/^http/, 'ws')}/failover/stream`
}

/**
 * The floor: knows the one other endpoint and dials it at once, when its connection closes or when it is told that it
 * must move. No detection, no question, no spread: nothing that follows the same contract can be faster.
 */
export function followByHand(cluster, topic) {
  const follower = new Follower(topic)
  let place = 0
  let socket
  let isClosed = false
  const dial = () => {
    const mine = new WebSocket(streamUrl(cluster.endpoints[place]), ['failover-stream'], { perMessageDeflate: false })
    const send = (frame) => mine.send(JSON.stringify(frame))
    socket = mine
    mine.on('open', () => follower.greet(send))
    mine.on('message', (data) => socket === mine && follower.take(String(data), send))
    mine.on('error', () => undefined)
    mine.on('close', () => {
      if (socket === mine && !isClosed) move()
    })
  }
  const move = () => {
    const left = socket
    place = 1 - place
    dial()
    left?.terminate()
  }
  dial()
  return {
    log: follower,
    isLive: () => follower.isLive,
    server: () => follower.server,
    tell: move,
    close: () => {
      isClosed = true
      socket.terminate()
    },
  }
}

/** A reconnecting WebSocket of a library, with its defaults and URLs in turn, as its README shows. */
export function followByLibrary(ReconnectingWebSocket, cluster, topic) {
  const follower = new Follower(topic)
  let turn = 0
  const next = () => streamUrl(cluster.endpoints[turn++ % cluster.endpoints.length])
  const socket = new ReconnectingWebSocket(next, ['failover-stream'], { WebSocket })
  const send = (frame) => socket.send(JSON.stringify(frame))
  socket.addEventListener('open', () => follower.greet(send))
  socket.addEventListener('message', ({ data }) => follower.take(String(data), send))
  socket.addEventListener('error', () => undefined)
  return {
    log: follower,
    isLive: () => follower.isLive,
    server: () => follower.server,
    tell: () => undefined,
    close: () => socket.close(),
  }
}
