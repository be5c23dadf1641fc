/**
 * TCP as far as programs can feel it. Each way is one ordered flow: what is lost is sent again after 200 ms, 400 ms and
 * so on, and everything behind it waits. Whether a segment gets through is decided when it would arrive, so that a
 * partition also swallows what was under way. An end that is gone answers with RST; a path that is gone says nothing.
 */
import type { Cancel } from '../platform/platform'
import type { Link, Way } from './link'
import type { Segment } from './segments'
import type { Timeline } from './timeline'

/** What an end of a connection hears. Nothing follows `ended`. */
export interface EndHandlers {
  data(segment: Segment): void
  ended(how: 'fin' | 'reset'): void
}

export type Packet =
  { readonly is: 'data'; readonly segment: Segment } | { readonly is: 'fin' } | { readonly is: 'reset' }

/** RFC 6298 allows 1 s; Linux takes 200 ms. */
const FIRST_RETRY_MS = 200
const LONGEST_RETRY_MS = 120_000
/** tcp_retries2 of Linux: 15 tries. */
const GIVE_UP_MS = 924_600
/** What the kernels' buffers take before a program notices that nothing moves. */
const SOCKET_BUFFER_BYTES = 262_144

/** One way of a connection. */
class Flow {
  readonly #connection: Connection
  readonly #way: Way
  readonly #arrive: (packet: Packet) => void
  /** Lost and waiting for the next try, in order. */
  #lost: Packet[] = []
  #lostSince = 0
  #cancelRetry: Cancel | undefined
  #lastArrival = 0
  #isOver = false
  pendingBytes = 0

  constructor(connection: Connection, way: Way, arrive: (packet: Packet) => void) {
    this.#connection = connection
    this.#way = way
    this.#arrive = arrive
  }

  send(packet: Packet): void {
    if (this.#isOver) return
    this.pendingBytes += bytesOf(packet)
    const { link, timeline } = this.#connection
    let delayMs = link.latency(this.#way)
    for (let retryMs = FIRST_RETRY_MS; link.loses(this.#way) && delayMs < GIVE_UP_MS; retryMs *= 2) delayMs += retryMs
    this.#lastArrival = Math.max(this.#lastArrival, timeline.now + delayMs)
    timeline.after(this.#lastArrival - timeline.now, () => this.#reach(packet))
  }

  /** Nothing is sent any more, and nothing again; what is under way arrives. */
  stop(): void {
    this.#isOver = true
    this.#lost = []
    this.#cancelRetry?.()
  }

  /** Behind everything that was sent. Once: nobody sends an RST again. */
  sendReset(): void {
    const { link, timeline } = this.#connection
    if (link.loses(this.#way)) return
    this.#lastArrival = Math.max(this.#lastArrival, timeline.now + link.latency(this.#way))
    timeline.after(this.#lastArrival - timeline.now, () => this.#reach({ is: 'reset' }))
  }

  #reach(packet: Packet): void {
    const isLost = this.#lost.length > 0 || this.#connection.isBlocked(this.#way)
    if (!isLost) return this.#deliver(packet)
    if (this.#isOver || packet.is === 'reset') return
    this.#lost.push(packet)
    if (this.#lost.length > 1) return
    this.#lostSince = this.#connection.timeline.now
    this.#retry(FIRST_RETRY_MS)
  }

  #retry(afterMs: number): void {
    const { timeline } = this.#connection
    this.#cancelRetry = timeline.after(afterMs, () => {
      if (!this.#connection.isBlocked(this.#way)) return this.#deliverAll()
      if (timeline.now - this.#lostSince < GIVE_UP_MS) return this.#retry(Math.min(2 * afterMs, LONGEST_RETRY_MS))
      this.stop()
      this.#connection.giveUp(this.#way)
    })
  }

  #deliverAll(): void {
    const packets = this.#lost
    this.#lost = []
    for (const packet of packets) if (!this.#isOver) this.#deliver(packet)
  }

  #deliver(packet: Packet): void {
    this.pendingBytes -= bytesOf(packet)
    this.#connection.witness(this.#way, packet)
    this.#arrive(packet)
  }
}

function bytesOf(packet: Packet): number {
  return packet.is === 'data' && 'text' in packet.segment ? packet.segment.text.length : 0
}

/** One end: a program's socket, until it is gone. */
export class End {
  readonly connection: Connection
  readonly #out: Flow
  #handlers: EndHandlers | undefined

  constructor(connection: Connection, out: Flow, accept: (end: End) => EndHandlers) {
    this.connection = connection
    this.#out = out
    this.#handlers = accept(this)
  }

  get isOpen(): boolean {
    return this.#handlers !== undefined
  }

  /** Bytes that the program would see waiting. */
  get backlogBytes(): number {
    return Math.max(0, this.#out.pendingBytes - SOCKET_BUFFER_BYTES)
  }

  send(segment: Segment): void {
    if (this.isOpen) this.#out.send({ is: 'data', segment })
  }

  /** In good order: what was sent before still arrives. */
  close(): void {
    if (!this.isOpen) return
    this.#out.send({ is: 'fin' })
    this.#leave()
  }

  /** At once, with RST. */
  abort(): void {
    if (!this.isOpen) return
    this.#out.sendReset()
    this.#out.stop()
    this.#leave()
  }

  /** Without a word: the machine is gone. */
  vanish(): void {
    this.#out.stop()
    this.#leave()
  }

  take(packet: Packet): void {
    const handlers = this.#handlers
    if (handlers === undefined) {
      if (packet.is === 'data') this.#out.sendReset()
    } else if (packet.is === 'data') {
      handlers.data(packet.segment)
    } else {
      if (packet.is === 'fin') this.#out.send({ is: 'fin' })
      else this.#out.stop()
      this.#leave()
      handlers.ended(packet.is)
    }
  }

  /** The kernel has given up to get anything through. */
  fail(): void {
    const handlers = this.#handlers
    this.#leave()
    handlers?.ended('reset')
  }

  #leave(): void {
    this.#handlers = undefined
    this.connection.left()
  }
}

export interface ConnectionParts {
  readonly id: number
  readonly link: Link
  readonly timeline: Timeline
  readonly whenOver: () => void
  readonly witness: (connection: Connection, way: Way, packet: Packet) => void
}

export class Connection {
  readonly id: number
  readonly link: Link
  readonly timeline: Timeline
  readonly device: End
  readonly host: End
  /** A NAT has forgotten it: silence both ways. */
  isForgotten = false
  readonly #parts: ConnectionParts

  constructor(parts: ConnectionParts, device: EndHandlers, host: (end: End) => EndHandlers) {
    this.id = parts.id
    this.link = parts.link
    this.timeline = parts.timeline
    this.#parts = parts
    const up = new Flow(this, 'up', (packet) => this.host.take(packet))
    const down = new Flow(this, 'down', (packet) => this.device.take(packet))
    this.device = new End(this, up, () => device)
    this.host = new End(this, down, host)
  }

  isBlocked(way: Way): boolean {
    return this.isForgotten || this.link.isBlocked(way)
  }

  /** Something arrives. */
  witness(way: Way, packet: Packet): void {
    this.#parts.witness(this, way, packet)
  }

  /** This way nothing has got through for a quarter of an hour. */
  giveUp(way: Way): void {
    if (way === 'up') this.device.fail()
    else this.host.fail()
  }

  left(): void {
    if (!this.device.isOpen && !this.host.isOpen) this.#parts.whenOver()
  }
}
