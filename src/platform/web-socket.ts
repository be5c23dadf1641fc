/**
 * WebSockets on both platforms, and the one importer of isomorphic-ws: `ws` in Node, the page's own class in browsers.
 * Only the default import is used, as a value: in browsers nothing else exists there.
 *
 * An abandoned socket keeps an absorber for its late events: `ws` emits 'error' on a socket terminated while
 * CONNECTING, which without a listener would end the process (nats.js#302 is the same story).
 */
import IsomorphicWebSocket from 'isomorphic-ws'
import type { NetworkFailure } from '../core/road'
import type { PlatformSocket, SocketData, SocketHandlers, SocketRequest } from './platform'

/** What a platform adds to a plain WebSocket. */
export interface SocketBackend {
  /** Puts an error event's error into the words of the judge. Browsers show none. */
  classify(error: unknown): NetworkFailure
  /** Options of `ws`; absent in browsers, whose class takes two arguments. */
  readonly options?: Readonly<Record<string, unknown>>
  /** The class to use instead of the one of isomorphic-ws. */
  readonly socketClass?: SocketConstructor
  setTimer(delayMs: number, callback: () => void): () => void
  /** Registers what lives until it ends or the platform closes; returns how to say that it ended. */
  track(cancel: () => void): () => void
}

type SocketClose = Parameters<SocketHandlers['closed']>[0]

interface MessageLike {
  readonly data: unknown
}

interface CloseLike {
  readonly code: number
  readonly reason: string
  readonly wasClean: boolean
}

interface UpgradeResponse {
  readonly statusCode?: number
  resume?(): void
}

/** The part of the two classes that is used here. `terminate` and `on` exist in `ws` only. */
export interface RawSocket {
  binaryType: string
  readonly readyState: number
  readonly protocol: string
  readonly extensions: string
  readonly bufferedAmount: number
  onopen: ((event: unknown) => void) | null
  onmessage: ((event: MessageLike) => void) | null
  onerror: ((event: unknown) => void) | null
  onclose: ((event: CloseLike) => void) | null
  send(data: string | ArrayBufferLike | ArrayBufferView): void
  close(code?: number, reason?: string): void
  terminate?(): void
  on?(event: 'unexpected-response', listener: (request: unknown, response: UpgradeResponse) => void): unknown
}

/** A WebSocket class: the standard's two arguments, and the options of `ws`. */
export type SocketConstructor = new (
  url: string,
  protocols: string[],
  options?: Readonly<Record<string, unknown>>,
) => RawSocket

const OPEN = 1
const ABNORMAL = 1006
const TOO_BIG = 1009
const NORMAL = 1000
/** RFC 6455 5.5: a control frame carries 125 bytes, two of them the code. */
const MAX_REASON_BYTES = 123

/**
 * An error is followed by `close`, normally at once. Not always: Chromium never closes a WebSocket that the page's
 * Content-Security-Policy blocks (measured, with this class), and ws waits 30 s for the peer after a malformed frame.
 */
const CLOSE_AFTER_ERROR_MS = 50

const noop = (): void => undefined

/** Cuts a close reason to what a close frame carries, never inside a character. */
function cutReason(reason: string): string {
  const encoder = new TextEncoder()
  let text = reason.slice(0, MAX_REASON_BYTES)
  while (encoder.encode(text).byteLength > MAX_REASON_BYTES) text = text.slice(0, -1)
  return text
}

function readError(event: unknown): unknown {
  return typeof event === 'object' && event !== null && 'error' in event ? event.error : undefined
}

/** Silences a socket and drops it. Late events go nowhere. */
function drop(raw: RawSocket): void {
  raw.onopen = null
  raw.onmessage = null
  raw.onclose = null
  raw.onerror = noop
  try {
    // Browsers have only close(); it also frees Chromium's one CONNECTING slot per address (RFC 6455 4.1).
    if (raw.terminate !== undefined) raw.terminate()
    else raw.close()
  } catch {
    // A socket that refuses to close is already gone.
  }
}

function createRaw(url: string, request: SocketRequest, backend: SocketBackend): RawSocket {
  const WebSocketClass = backend.socketClass ?? (IsomorphicWebSocket as unknown as SocketConstructor)
  const limit = request.maxMessageBytes === undefined ? {} : { maxPayload: request.maxMessageBytes }
  const raw =
    backend.options === undefined
      ? new WebSocketClass(url, [...request.protocols])
      : new WebSocketClass(url, [...request.protocols], { ...backend.options, ...limit })
  raw.binaryType = 'arraybuffer'
  return raw
}

/** A socket whose constructor threw: mixed content, CSP in some browsers, a bad protocol name. */
function refusedSocket(error: unknown, handlers: SocketHandlers): PlatformSocket {
  let over = false
  queueMicrotask(() => {
    if (over) return
    over = true
    const message = error instanceof Error ? error.message : 'the WebSocket could not be made'
    const failure: NetworkFailure = { kind: 'blocked', sent: 'no', message, cause: error }
    handlers.closed({ code: ABNORMAL, reason: '', clean: false, failure })
  })
  return { send: noop, bufferedAmount: 0, close: noop, abandon: () => void (over = true) }
}

/** Dials `url`. The handlers are called never before this has returned and never after `abandon()`. */
export function openWebSocket(
  url: string,
  request: SocketRequest,
  backend: SocketBackend,
  handlers: SocketHandlers,
): PlatformSocket {
  let raw: RawSocket
  try {
    raw = createRaw(url, request, backend)
  } catch (error) {
    return refusedSocket(error, handlers)
  }
  return new AttachedSocket(raw, request, backend, handlers)
}

/** Browsers have no limit of their own. `ws` never lets such a message through. */
function isTooBig(data: unknown, limit: number | undefined): boolean {
  if (limit === undefined) return false
  return typeof data === 'string' ? data.length > limit : data instanceof ArrayBuffer && data.byteLength > limit
}

class AttachedSocket implements PlatformSocket {
  #over = false
  #opened = false
  #failure: NetworkFailure | undefined
  #stopGrace: (() => void) | undefined
  readonly #untrack: () => void

  constructor(
    private readonly raw: RawSocket,
    private readonly request: SocketRequest,
    private readonly backend: SocketBackend,
    private readonly handlers: SocketHandlers,
  ) {
    this.#untrack = backend.track(() => this.abandon())
    raw.onopen = () => this.#onOpen()
    raw.onmessage = (event) => this.#onMessage(event.data)
    raw.onerror = (event) => this.#onError(readError(event))
    raw.onclose = (event) => this.#end({ code: event.code, reason: event.reason, clean: event.wasClean })
    raw.on?.('unexpected-response', (_request, response) => this.#onRefusal(response))
  }

  get bufferedAmount(): number {
    return this.raw.bufferedAmount
  }

  send(data: string | ArrayBufferLike | ArrayBufferView): void {
    if (!this.#over && this.raw.readyState === OPEN) this.raw.send(data)
  }

  close(code: number, reason: string): void {
    if (this.#over) return
    try {
      this.raw.close(code, cutReason(reason))
    } catch {
      // Pages may send 1000 and 3000 to 4999 only (WHATWG WebSockets, close()).
      this.raw.close(NORMAL, cutReason(reason))
    }
  }

  abandon(): void {
    if (this.#finish()) drop(this.raw)
  }

  #finish(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#stopGrace?.()
    this.#untrack()
    return true
  }

  #end(close: SocketClose): void {
    if (!this.#finish()) return
    this.raw.onerror = noop
    // A socket that never opened always says why; one that broke later says 1006 and, where it is known, why.
    const silent = this.#opened || close.clean
    const failure = this.#failure ?? (silent ? undefined : this.backend.classify(undefined))
    this.handlers.closed(failure === undefined ? close : { ...close, failure })
  }

  #onOpen(): void {
    if (this.#over) return
    this.#opened = true
    this.handlers.opened({ protocol: this.raw.protocol, extensions: this.raw.extensions })
  }

  #onMessage(data: unknown): void {
    if (this.#over) return
    if (isTooBig(data, this.request.maxMessageBytes)) this.#tooBig()
    else this.handlers.message(data as SocketData)
  }

  #onError(error: unknown): void {
    if (this.#over) return
    this.#stopGrace ??= this.backend.setTimer(CLOSE_AFTER_ERROR_MS, () => {
      this.#end({ code: ABNORMAL, reason: '', clean: false })
      drop(this.raw)
    })
    // A page's error event says nothing; what else there is to know is known when `close` comes.
    if (error === undefined) return
    this.#failure ??= this.backend.classify(error)
    // `ws` has sent 1009 and stopped reading: it would report 1006 half a minute later.
    if (this.#failure.kind === 'too-large') this.#tooBig()
  }

  #tooBig(): void {
    this.#failure ??= { kind: 'too-large', sent: 'maybe', message: 'a message is longer than allowed' }
    this.#end({ code: TOO_BIG, reason: 'message too big', clean: false })
    queueMicrotask(() => drop(this.raw))
  }

  /** The upgrade was answered by plain HTTP: seen in Node only, where nobody else ends the socket then. */
  #onRefusal(response: UpgradeResponse): void {
    const status = response.statusCode ?? 0
    response.resume?.()
    const message = `the upgrade was answered with ${status}`
    this.#failure = { kind: 'opaque', sent: 'maybe', code: `HTTP_${status}`, message }
    this.#end({ code: ABNORMAL, reason: '', clean: false, status })
    drop(this.raw)
  }
}
