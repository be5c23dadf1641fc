/**
 * WHATWG WebSocket on the client's verdict. One instance is one connection and never reconnects: it goes where the
 * running server is, and says at once (1012 `failover`) when that server is given up, so that SignalR, graphql-ws and
 * the like reconnect by their own rules, onto the right one.
 */
import type { SocketData } from '../platform/platform'
import { clientClosed } from './fetch-errors'
import type { Routing } from './routing'
import { checkClose, payloadSize, readPayload, readProtocols, readSocketUrl } from './web-socket-checks'
import type { SocketPayload } from './web-socket-checks'
import { createCloseEvent, HandlerTarget } from './web-socket-events'
import type { CloseDetails, EventHandler } from './web-socket-events'
import { SocketLink } from './web-socket-link'

const CONNECTING = 0
const OPEN = 1
const CLOSING = 2
const CLOSED = 3

/**
 * Makes a class with the shape of the global `WebSocket`. Its close codes beside the server's own: 1006 when no
 * connection came about within `connect.timeoutMs`, 1012 `failover` when its endpoint was left, 1001 `client closed`.
 */
export function createWebSocketClass(routing: Routing): typeof WebSocket {
  const Face = class WebSocket extends RoutedWebSocket {
    constructor(url: string | URL, protocols: string | string[] = []) {
      super(routing, url, protocols)
    }
  }
  return Face as unknown as typeof WebSocket
}

class RoutedWebSocket extends HandlerTarget {
  static readonly CONNECTING = CONNECTING
  static readonly OPEN = OPEN
  static readonly CLOSING = CLOSING
  static readonly CLOSED = CLOSED
  readonly CONNECTING = CONNECTING
  readonly OPEN = OPEN
  readonly CLOSING = CLOSING
  readonly CLOSED = CLOSED

  /** The URL that was asked for, not the endpoint's. */
  readonly url: string
  readonly #origin: string
  readonly #link: SocketLink
  #readyState = CONNECTING
  #protocol = ''
  #extensions = ''
  #binaryType: BinaryType = 'blob'
  /** Sends that wait for a Blob to be read, in order. */
  #tail: Promise<void> | undefined
  #unsentBytes = 0

  constructor(routing: Routing, url: string | URL, protocols: string | readonly string[]) {
    super()
    if (routing.closed) throw clientClosed()
    const target = readSocketUrl(url, routing.base)
    this.url = target.href
    this.#origin = target.origin
    this.#link = new SocketLink(routing, target, readProtocols(protocols), {
      opened: (info) => this.#opened(info),
      message: (data) => this.#received(data),
      closed: (details, failed) => this.#closed(details, failed),
    })
  }

  get readyState(): number {
    return this.#readyState
  }

  get protocol(): string {
    return this.#protocol
  }

  get extensions(): string {
    return this.#extensions
  }

  get bufferedAmount(): number {
    return this.#unsentBytes + this.#link.bufferedAmount
  }

  get binaryType(): BinaryType {
    return this.#binaryType
  }

  set binaryType(type: BinaryType) {
    if (type === 'blob' || type === 'arraybuffer') this.#binaryType = type
  }

  get onopen(): EventHandler {
    return this.handlerOf('open')
  }

  set onopen(handler: EventHandler) {
    this.setHandler('open', handler)
  }

  get onmessage(): EventHandler {
    return this.handlerOf('message')
  }

  set onmessage(handler: EventHandler) {
    this.setHandler('message', handler)
  }

  get onerror(): EventHandler {
    return this.handlerOf('error')
  }

  set onerror(handler: EventHandler) {
    this.setHandler('error', handler)
  }

  get onclose(): EventHandler {
    return this.handlerOf('close')
  }

  set onclose(handler: EventHandler) {
    this.setHandler('close', handler)
  }

  send(data: unknown): void {
    if (this.#readyState === CONNECTING)
      throw new DOMException('the WebSocket is still connecting', 'InvalidStateError')
    const payload = readPayload(data)
    // The standard: what cannot be sent any more only grows this number.
    if (this.#readyState !== OPEN) this.#unsentBytes += payloadSize(payload)
    else if (payload instanceof Blob || this.#tail !== undefined) this.#sendLater(payload)
    else this.#link.send(payload)
  }

  close(code?: number, reason = ''): void {
    checkClose(code, reason)
    const before = this.#readyState
    if (before === CLOSING || before === CLOSED) return
    this.#readyState = CLOSING
    if (before === CONNECTING) return this.#link.abort()
    if (this.#tail === undefined) return this.#link.close(code ?? 1000, reason)
    void this.#tail.then(() => this.#link.close(code ?? 1000, reason))
  }

  #opened({ protocol, extensions }: { readonly protocol: string; readonly extensions: string }): void {
    this.#readyState = OPEN
    this.#protocol = protocol
    this.#extensions = extensions
    this.dispatchEvent(new Event('open'))
  }

  #received(data: SocketData): void {
    if (this.#readyState !== OPEN) return
    const shown = typeof data === 'string' || this.#binaryType === 'arraybuffer' ? data : new Blob([data])
    this.dispatchEvent(new MessageEvent('message', { data: shown, origin: this.#origin }))
  }

  #closed(details: CloseDetails, failed: boolean): void {
    this.#readyState = CLOSED
    if (failed) this.dispatchEvent(new Event('error'))
    this.dispatchEvent(createCloseEvent(details))
  }

  #sendLater(payload: SocketPayload): void {
    const size = payloadSize(payload)
    this.#unsentBytes += size
    const bytes = payload instanceof Blob ? payload.arrayBuffer() : Promise.resolve(copyOf(payload))
    const tail = (this.#tail ?? Promise.resolve())
      .then(() => bytes)
      .then(
        (data) => {
          this.#unsentBytes -= size
          this.#link.send(data)
        },
        // The file behind the Blob is gone: what follows it must not be taken for the whole.
        () => this.#link.abort(),
      )
      .then(() => {
        if (this.#tail === tail) this.#tail = undefined
      })
    this.#tail = tail
  }
}

/** The caller may change its buffer before it is sent. */
function copyOf(payload: Exclude<SocketPayload, Blob>): string | ArrayBuffer | ArrayBufferView {
  if (typeof payload === 'string') return payload
  if (payload instanceof ArrayBuffer) return payload.slice(0)
  return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength).slice()
}
