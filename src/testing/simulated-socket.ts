/** A WebSocket of a simulated device. */
import type { FailureKind, NetworkFailure } from '../core/road'
import type { Cancel, PlatformSocket, SocketHandlers, SocketRequest } from '../platform/platform'
import { openLine } from './line'
import type { Segment } from './segments'
import type { PlatformDevice } from './simulated-platform'
import type { End } from './tcp'

const ABNORMAL = 1006
const TOO_BIG = 1009
/** How long `ws` and browsers wait for the other side's close. */
const CLOSE_WAIT_MS = 30_000

export class SimulatedSocket implements PlatformSocket {
  readonly #device: PlatformDevice
  readonly #request: SocketRequest
  readonly #handlers: SocketHandlers
  readonly #untrack: () => void
  readonly #drop: Cancel
  #end: End | undefined
  #isOpen = false
  #isClosing = false
  #isOver = false
  #stopWaiting: Cancel | undefined

  constructor(device: PlatformDevice, request: SocketRequest, handlers: SocketHandlers, gone: () => void) {
    this.#device = device
    this.#request = request
    this.#handlers = handlers
    const untrack = device.track(`socket to ${request.road.url}`)
    this.#untrack = () => {
      untrack()
      gone()
    }
    this.#drop = openLine(device, request.road, {
      ready: (end) => this.#upgrade(end),
      failed: (kind, code) => this.#fail(kind, code),
      data: (segment) => this.#take(segment),
      ended: (how) => this.#broke(how),
    })
  }

  get bufferedAmount(): number {
    return this.#end?.backlogBytes ?? 0
  }

  send(data: string | ArrayBufferLike | ArrayBufferView): void {
    if (this.#isOver || !this.#isOpen || this.#isClosing) return
    this.#end?.send(typeof data === 'string' ? { is: 'message', text: data } : { is: 'bytes', bytes: copyOf(data) })
  }

  close(code: number, reason: string): void {
    if (this.#isOver || this.#isClosing) return
    this.#isClosing = true
    if (this.#isOpen) this.#end?.send({ is: 'close', code, reason })
    const waitMs = this.#isOpen ? CLOSE_WAIT_MS : 0
    this.#stopWaiting = this.#device.setTimer(waitMs, () => this.#finish({ code: ABNORMAL, reason: '', clean: false }))
  }

  abandon(): void {
    if (this.#isOver) return
    this.#over()
    this.#drop()
  }

  #upgrade(end: End): void {
    this.#end = end
    const { path, protocols } = this.#request
    const request = { method: 'GET', target: path, headers: {}, body: '' }
    end.send({ is: 'upgrade', request, protocols })
  }

  #take(segment: Segment): void {
    if (this.#isOver) return
    if (segment.is === 'upgraded') {
      this.#isOpen = true
      this.#handlers.opened({ protocol: segment.protocol, extensions: '' })
    } else if (segment.is === 'response') {
      this.#refused(segment.status)
    } else if (segment.is === 'message' || segment.is === 'bytes') {
      this.#receive(segment)
    } else if (segment.is === 'close') {
      if (!this.#isClosing) this.#end?.send({ is: 'close', code: segment.code, reason: '' })
      this.#finish({ code: segment.code, reason: segment.reason, clean: true })
    }
  }

  #receive(segment: Extract<Segment, { is: 'message' | 'bytes' }>): void {
    const data = segment.is === 'message' ? segment.text : segment.bytes
    const size = typeof data === 'string' ? data.length : data.byteLength
    const { maxMessageBytes = Infinity } = this.#request
    if (size <= maxMessageBytes) return this.#handlers.message(data)
    const failure = this.#device.failures('too-large', true, 'too-large')
    this.#finish({ code: TOO_BIG, reason: 'message too big', clean: false, failure })
  }

  /** The upgrade was answered by plain HTTP: only Node sees how. */
  #refused(status: number): void {
    const failure = this.#device.failures('opaque', true, `HTTP_${status}`)
    const seen = this.#device.kind === 'node' ? { status } : {}
    this.#finish({ code: ABNORMAL, reason: '', clean: false, failure, ...seen })
  }

  #fail(kind: FailureKind, code: string): void {
    const failure = this.#device.failures(kind, false, code)
    this.#finish({ code: ABNORMAL, reason: '', clean: false, failure })
  }

  #broke(how: 'fin' | 'reset'): void {
    const isKnown = how === 'reset' && this.#device.kind === 'node'
    const failure: NetworkFailure | undefined =
      isKnown || !this.#isOpen ? this.#device.failures('reset', true, 'ECONNRESET') : undefined
    const close = { code: ABNORMAL, reason: '', clean: false }
    this.#finish(failure === undefined ? close : { ...close, failure })
  }

  #finish(close: Parameters<SocketHandlers['closed']>[0]): void {
    if (this.#isOver) return
    this.#over()
    if (close.clean) this.#end?.close()
    else this.#drop()
    this.#handlers.closed(close)
  }

  #over(): void {
    this.#isOver = true
    this.#stopWaiting?.()
    this.#untrack()
  }
}

function copyOf(data: ArrayBufferLike | ArrayBufferView): ArrayBuffer {
  const view = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data)
  return new Uint8Array(view).buffer
}
