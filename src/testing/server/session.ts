/** One live connection, over whichever transport: the server's half of the contract's rules. */
import type { ClientFrame, CommandFrame, HelloFrame, ServerFrame } from '../../core/wire'
import { CLOSE } from '../../core/wire'
import type { StoredEvent } from './topic-log'
import type { Carrier } from './carrier'
import { executeCommand } from './commands'
import { agreedBeatMs, CLOSE_CODES, heartbeatFrame, readCursor, termOf, tokenRefusal, welcomeFrame } from './frames'
import { admit } from './handshake'
import type { Cancel } from './host'
import { Outbox } from './outbox'
import { Subscription } from './subscription'
import { Timers } from './timers'
import type { ServerState } from './server-state'
import { UccHere } from './ucc-here'

const HELLO_DEADLINE_MS = 10_000
/** A client that reads slower than this is not sent single events any more, but resynchronised (rule 4). */
const MAX_BACKLOG_BYTES = 4 * 1_048_576
export class Session {
  readonly id: number
  readonly state: ServerState
  readonly carrier: Carrier
  readonly transport: 'websocket' | 'events'
  readonly #outbox: Outbox
  readonly #subscriptions = new Map<number, Subscription>()
  readonly #timers: Timers
  #ucc: UccHere | undefined
  #client = ''
  #token: string | undefined
  /** The memory of keys its welcome named. */
  #keys: string | undefined
  #heartbeatMs = 1000
  #lastId = 0
  #lastSentAt: number
  #lastHeardAt: number
  #cancelExpiry: Cancel | undefined
  #closing: { code: number; reason: string } | undefined
  #ended = false

  constructor(state: ServerState, carrier: Carrier, transport: 'websocket' | 'events') {
    this.id = state.nextConnection()
    this.state = state
    this.carrier = carrier
    this.transport = transport
    const { host } = state
    this.#timers = new Timers(host)
    this.#outbox = new Outbox(host, () => state.faults.slowMs)
    this.#lastSentAt = host.now()
    this.#lastHeardAt = host.now()
    state.sessions.add(this)
    state.host.note({ note: 'open', id: this.id, transport, at: this.state.host.wallClock() })
    this.#timers.after(HELLO_DEADLINE_MS, () => {
      if (!this.welcomed) this.reject('invalid', 'no hello came')
    })
    if (state.faults.silentForNew) this.hold(true)
  }

  get ucc(): UccHere | undefined {
    return this.#ucc
  }

  /** The last token shown. */
  get token(): string | undefined {
    return this.#token
  }

  get welcomed(): boolean {
    return this.#ucc !== undefined && this.#closing === undefined
  }

  /** Reads one frame of text. Anything that is no frame ends the connection (`invalid`). */
  receiveText(text: string): void {
    let frame: unknown
    try {
      frame = JSON.parse(text)
    } catch {
      this.reject('invalid', 'a frame was not JSON')
      return
    }
    this.receive(frame)
  }

  receive(input: unknown): void {
    if (this.#closing !== undefined) return
    this.#lastHeardAt = this.state.host.now()
    if (typeof input !== 'object' || input === null || typeof (input as { type?: unknown }).type !== 'string') {
      this.reject('invalid', 'a frame is a JSON object with a type')
      return
    }
    const frame = input as ClientFrame
    if (frame.type === 'hello') {
      this.#hello(frame)
      return
    }
    if (this.#ucc === undefined) {
      this.reject('invalid', 'the first frame must be hello')
      return
    }
    if (frame.type === 'subscribe') this.#subscribe(frame)
    else if (frame.type === 'unsubscribe') this.#unsubscribe(frame.id)
    else if (frame.type === 'command') this.#command(frame)
    else if (frame.type === 'ping') this.send({ type: 'pong', n: frame.n, ts: this.state.host.wallClock() })
    else if (frame.type === 'authorize') this.#authorize(frame.token)
    else if (frame.type === 'leave') this.state.host.note({ note: 'leave', id: this.id, reason: String(frame.reason) })
  }

  send(frame: ServerFrame, sent?: () => void): void {
    if (this.#closing !== undefined) return
    this.#lastSentAt = this.state.host.now()
    const text = JSON.stringify(frame)
    this.#outbox.push(() => this.carrier.send(text, sent))
    if (this.state.repeats(frame)) this.#outbox.push(() => this.carrier.send(text))
  }

  sendRaw(text: string): void {
    this.#outbox.push(() => this.carrier.send(text))
  }

  sendStatus(): void {
    const ucc = this.#ucc
    if (ucc !== undefined) this.send({ type: 'status', state: ucc.told, ...termOf(ucc) })
  }

  /** Sends `reject` without `id` and ends the connection. */
  reject(code: string, message: string, retryAfterMs?: number): void {
    this.send({ type: 'reject', code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
    this.close(CLOSE_CODES[code] ?? CLOSE.invalid, code)
  }

  /** Says that this connection will be closed in `leaveWithinMs`, and does so. */
  goaway(drain: { reason: string; leaveWithinMs: number; spreadMs?: number; to?: string }): Cancel {
    this.send({ type: 'goaway', ...drain })
    return this.#timers.after(drain.leaveWithinMs, () => this.close(CLOSE.goingAway, drain.reason))
  }

  close(code: number, reason: string): void {
    if (this.#closing !== undefined) return
    this.#closing = { code, reason }
    this.#outbox.push(() => this.carrier.close(code, reason))
  }

  /** Silent: nothing is sent or read any more, the connection stays open. */
  hold(on: boolean): void {
    if (this.#ended) return
    this.#outbox.hold(on)
    this.carrier.hold(on)
    if (!on) this.#lastHeardAt = this.state.host.now()
  }

  /** Ends the connection if its welcome named a memory that is lost: only a new welcome tells the new name. */
  checkKeys(): void {
    if (this.welcomed && this.#keys !== this.state.runtime.keys) this.close(CLOSE.restart, 'keys')
  }

  /** The carrier is gone. */
  ended(code: number, reason: string): void {
    if (this.#ended) return
    this.#ended = true
    const told = this.#closing ?? { code, reason }
    this.#closing = told
    this.#outbox.discard()
    this.#timers.clear()
    this.#subscriptions.clear()
    this.state.sessions.delete(this)
    this.state.host.note({
      note: 'close',
      id: this.id,
      code: told.code,
      reason: told.reason,
      at: this.state.host.wallClock(),
    })
  }

  deliver(event: StoredEvent): void {
    if (this.#ucc?.runs !== true) return
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.topicName === event.topic) subscription.deliver(event, this.#isSlow)
    }
  }

  /** Repeats `subscribed` with a snapshot, for one topic or all. */
  resync(topic?: string): void {
    if (this.#ucc?.runs !== true) return
    for (const subscription of this.#subscriptions.values()) {
      if (topic === undefined || subscription.topicName === topic) subscription.begin(undefined)
    }
  }

  /** The UCC runs (again): every id hears `subscribed` and what it missed. */
  resumeAll(): void {
    for (const subscription of this.#subscriptions.values()) subscription.begin(subscription.position)
  }

  get #isSlow(): boolean {
    return this.carrier.backlogBytes() > MAX_BACKLOG_BYTES
  }

  #hello(frame: HelloFrame): void {
    if (this.#ucc !== undefined) return this.reject('invalid', 'hello comes once')
    const { state } = this
    if (typeof frame.token === 'string') this.#noteToken(frame.token, 'hello')
    const verdict = admit(state, frame)
    if (!(verdict instanceof UccHere)) return this.reject(verdict.code, verdict.message, verdict.retryAfterMs)
    const ucc = verdict
    this.#ucc = ucc
    this.#client = frame.client.id
    const { previous } = frame
    state.host.note({
      note: 'hello',
      id: this.id,
      client: this.#client,
      ucc: ucc.name,
      ...(previous === undefined ? {} : { previous }),
    })
    this.#welcome(ucc, frame.heartbeatMs)
  }

  #welcome(ucc: UccHere, wishMs: number | undefined): void {
    const { runtime, faults } = this.state
    this.#heartbeatMs = agreedBeatMs(runtime, wishMs)
    this.#keys = runtime.keys
    this.send(welcomeFrame(this.state, ucc, this.#heartbeatMs))
    this.#armExpiry()
    this.#beat()
    if (faults.drain !== undefined) {
      const { endsAt, ...drain } = faults.drain
      this.goaway({ ...drain, leaveWithinMs: Math.max(0, endsAt - this.state.host.wallClock()) })
    }
  }

  #beat(): void {
    const idleMs = this.state.host.now() - this.#lastSentAt
    if (this.#ucc !== undefined && idleMs >= this.#heartbeatMs - 1) {
      this.send(heartbeatFrame(this.state, this.#ucc))
    }
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.lagging && !this.#isSlow) subscription.begin(undefined)
    }
    const silentMs = this.state.host.now() - this.#lastHeardAt
    const dropAfterMs = 2 * Math.max(3 * this.#heartbeatMs, 15_000)
    // An event stream carries no frames of the client at all.
    if (this.transport === 'websocket' && silentMs > dropAfterMs && !this.#outbox.held) return this.carrier.destroy()
    this.#timers.after(Math.max(1, this.#heartbeatMs - (this.state.host.now() - this.#lastSentAt)), () => this.#beat())
  }

  #subscribe(frame: Extract<ClientFrame, { type: 'subscribe' }>): void {
    const { id } = frame
    if (!this.#takeId(id)) return
    const ucc = this.#ucc
    if (ucc === undefined) return
    if (ucc.told !== 'running') {
      return this.send({ type: 'reject', id, code: 'not-running', message: `${ucc.name} is ${ucc.told} here` })
    }
    const topic = typeof frame.topic === 'string' ? this.state.topic(frame.topic, ucc.name) : undefined
    if (topic === undefined) {
      return this.send({ type: 'reject', id, code: 'unknown-topic', message: `no topic ${String(frame.topic)}` })
    }
    const subscription = new Subscription(this, id, topic.name)
    this.#subscriptions.set(id, subscription)
    this.state.host.note({ note: 'topic', id: this.id, topic: topic.name, on: true })
    subscription.begin(readCursor(frame.cursor))
  }

  #unsubscribe(id: number): void {
    const subscription = this.#subscriptions.get(id)
    if (subscription === undefined) return
    this.#subscriptions.delete(id)
    this.state.host.note({ note: 'topic', id: this.id, topic: subscription.topicName, on: false })
  }

  #command(frame: CommandFrame): void {
    if (!this.#takeId(frame.id)) return
    // A server that hung hears of the loss behind the commands that waited.
    this.checkKeys()
    const ucc = this.#ucc
    if (ucc === undefined || !this.welcomed) return
    executeCommand(this.state, ucc, frame, this.#client, (answer) => {
      this.send({ type: 'result', id: frame.id, ...answer })
    })
  }

  #authorize(token: string): void {
    this.#noteToken(token, 'authorize')
    const refusal = tokenRefusal(this.state.runtime, token)
    if (refusal === undefined) this.#armExpiry()
    else this.reject(refusal, 'the token was refused')
  }

  #noteToken(token: string, where: 'hello' | 'authorize'): void {
    this.#token = token
    this.state.host.note({ note: 'token', token, where, at: this.state.host.wallClock() })
  }

  #armExpiry(): void {
    this.#cancelExpiry?.()
    const expiresInMs = this.state.runtime.tokenExpiresInMs
    if (expiresInMs === undefined) return
    this.#cancelExpiry = this.#timers.after(expiresInMs, () => this.reject('unauthorized', 'the token has expired'))
  }

  /** Ids rise; one that does not is refused without ending the connection. */
  #takeId(id: number): boolean {
    if (Number.isSafeInteger(id) && id > this.#lastId) {
      this.#lastId = id
      return true
    }
    this.send({ type: 'reject', id, code: 'invalid', message: 'ids rise and are never reused' })
    return false
  }
}
