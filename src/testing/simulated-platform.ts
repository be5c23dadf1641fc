/** The platform of one client on a simulated device: HTTP, event streams, sockets and timers without I/O. */
import type { NetworkFailure, Road } from '../core/road'
import type {
  Cancel,
  ExchangeOutcome,
  ExchangeRequest,
  FetchOutcome,
  Platform,
  PlatformSignal,
  PlatformSocket,
  RoutedRequest,
  SocketHandlers,
  SocketRequest,
  StreamHandlers,
  StreamRequest,
} from '../platform/platform'
import { HttpCall, type CallEvents, type CallLimits } from './http-call'
import { HttpLines, type HttpDevice } from './http-lines'
import type { Failures } from './platform-failures'
import type { WireRequest } from './segments'
import { SimulatedSocket } from './simulated-socket'
import {
  asResponse,
  kindOf,
  lowerCase,
  readHeader,
  targetOf,
  withBody,
  type AnswerSegment,
  type ReadBody,
} from './web-http'
import type { AttemptRecord } from './device-types'

/** What a platform needs of its device. */
export interface PlatformDevice extends HttpDevice {
  readonly kind: 'node' | 'page'
  readonly now: number
  readonly wallClock: number
  readonly failures: Failures
  readonly origin: string | undefined
  random(): number
  randomId(): string
  attempt(kind: AttemptRecord['kind'], road: Road, target: string, method?: string): void
  watchSignals(listener: (signal: PlatformSignal) => void): Cancel
}

const noop = (): void => undefined

export class SimulatedPlatform implements Platform {
  readonly name = 'simulated'
  readonly can: Platform['can']
  readonly ownOrigin?: string
  readonly connectTcp?: NonNullable<Platform['connectTcp']>
  readonly #device: PlatformDevice
  readonly #lines: HttpLines
  readonly #live = new Set<Cancel>()
  #isClosed = false

  constructor(device: PlatformDevice) {
    this.#device = device
    this.#lines = new HttpLines(device)
    const isNode = device.kind === 'node'
    this.can = { pinAddress: isNode, proveUnsent: isNode, inspectRedirects: isNode }
    if (device.origin !== undefined) this.ownOrigin = device.origin
    if (isNode) this.connectTcp = (road, port, timeoutMs, done) => this.#connectTcp(road, port, timeoutMs, done)
  }

  now(): number {
    return this.#device.now
  }

  wallClock(): number {
    return this.#device.wallClock
  }

  random(): number {
    return this.#device.random()
  }

  randomId(): string {
    return this.#device.randomId()
  }

  setTimer(delayMs: number, callback: () => void): Cancel {
    return this.#living('timer', (ended) =>
      this.#device.setTimer(delayMs, () => {
        ended()
        callback()
      }),
    )
  }

  exchange(request: ExchangeRequest, done: (outcome: ExchangeOutcome) => void): Cancel {
    const { road, path, method, headers = {}, body = '', maxBytes, timeoutMs, fresh = false } = request
    this.#device.attempt(kindOf(path), road, path, method)
    return this.#request(
      road,
      { method, target: path, headers: lowerCase(headers), body },
      { timeoutMs, what: `${method} ${path}`, isFresh: fresh },
      {
        answered: (response) => {
          const failure = this.#hidden(response, request.anyAnswer === true)
          if (failure !== undefined) return done({ ok: false, failure })
          if (response.text.length > maxBytes) return done({ ok: false, failure: this.#failure('too-large', true) })
          done({ ok: true, status: response.status, header: readHeader(response), body: response.text })
        },
        failed: (failure) => done({ ok: false, failure }),
      },
    )
  }

  fetch(request: RoutedRequest, done: (outcome: FetchOutcome) => void): Cancel {
    const { road, url, init, waits, connectTimeoutMs } = request
    const { signal } = init
    const target = targetOf(url, road)
    const method = init.method ?? 'GET'
    this.#device.attempt('http', road, target, method)
    let cancel: Cancel = noop
    let isOver = false
    const settle = (outcome: FetchOutcome): void => {
      signal?.removeEventListener('abort', abort)
      if (!isOver) done(outcome)
      isOver = true
    }
    let isSent = this.#device.kind === 'page'
    const abort = (): void => {
      cancel()
      const cause: unknown = signal?.reason
      const failure = {
        kind: 'aborted',
        sent: isSent ? 'maybe' : 'no',
        message: 'aborted by its signal',
        cause,
      } as const
      this.#device.setTimer(0, () => settle({ ok: false, failure }))
    }
    const begin = ({ text, headers }: ReadBody): void => {
      const wire = { method, target, headers, body: text }
      const limits = { what: `${method} ${target}`, connectTimeoutMs }
      cancel = this.#request(road, wire, limits, {
        waits: (isWaiting) => {
          isSent = !isWaiting || isSent
          waits?.(isWaiting)
        },
        answered: (response) => {
          const failure = this.#hidden(response, false)
          settle(failure === undefined ? { ok: true, response: asResponse(response) } : { ok: false, failure })
        },
        failed: (failure) => settle({ ok: false, failure }),
      })
    }
    if (signal?.aborted === true) abort()
    signal?.addEventListener('abort', abort)
    withBody(init, (body) => {
      if (!isOver && signal?.aborted !== true) begin(body)
    })
    return () => {
      isOver = true
      signal?.removeEventListener('abort', abort)
      cancel()
    }
  }

  stream(request: StreamRequest, handlers: StreamHandlers): Cancel {
    const { road, path, method, headers = {}, body = '', timeoutMs } = request
    this.#device.attempt(kindOf(path), road, path, method)
    return this.#request(
      road,
      { method, target: path, headers: lowerCase(headers), body },
      { timeoutMs, what: `${method} ${path}` },
      {
        answered: (response) => {
          handlers.head(response.status, readHeader(response))
          if (response.text !== '') handlers.text(response.text)
          if (response.isWhole) handlers.end()
        },
        text: (text) => handlers.text(text),
        end: () => handlers.end(),
        failed: (failure) => handlers.end(failure),
      },
    )
  }

  openSocket(request: SocketRequest, handlers: SocketHandlers): PlatformSocket {
    const { road, path } = request
    this.#device.attempt('socket', road, path)
    if (this.#isClosed) return { send: noop, bufferedAmount: 0, close: noop, abandon: noop }
    const socket = new SimulatedSocket(this.#device, request, handlers, () => this.#live.delete(abandon))
    const abandon = (): void => socket.abandon()
    this.#live.add(abandon)
    return socket
  }

  watchSignals(listener: (signal: PlatformSignal) => void): Cancel {
    return this.#living('listener', () => this.#device.watchSignals(listener))
  }

  releaseRoad(endpointId: string, generation?: number): void {
    this.#lines.release(endpointId, generation)
  }

  close(): void {
    this.#isClosed = true
    for (const cancel of [...this.#live]) cancel()
    this.#lines.close()
  }

  #connectTcp(road: Road, port: number, timeoutMs: number, done: (failure?: NetworkFailure) => void): Cancel {
    const url = new URL(road.url)
    // Only whether somebody listens is asked: no handshake above TCP.
    const plain = { ...road, url: `http://${url.hostname}:${port}` }
    this.#device.attempt('connect', plain, '')
    return this.#living(`connect ${plain.url}`, (ended) => {
      const end = (failure?: NetworkFailure): void => {
        ended()
        stopTimer()
        cancel()
        done(failure)
      }
      const stopTimer = this.#device.setTimer(timeoutMs, () => end(this.#failure('timeout', false)))
      const cancel = this.#lines.probe(plain, (kind, code) => {
        if (kind === undefined) end()
        else end(this.#failure(kind, false, code))
      })
      return () => {
        stopTimer()
        cancel()
      }
    })
  }

  /** Nothing calls back before this has returned: a line takes its time. */
  #request(road: Road, wire: WireRequest, limits: CallLimits & { readonly what: string }, on: CallEvents): Cancel {
    return this.#living(limits.what, (ended) => {
      const call = new HttpCall(this.#device, this.#lines, limits, on, ended)
      return call.start(road, wire)
    })
  }

  /** Alive until it ends by itself, is cancelled, or the platform closes. */
  #living(what: string, start: (ended: () => void) => Cancel): Cancel {
    if (this.#isClosed) return noop
    const untrack = this.#device.track(what)
    let isOver = false
    const ended = (): void => {
      isOver = true
      untrack()
      this.#live.delete(end)
    }
    let cancel: Cancel = noop
    const end = (): void => {
      if (isOver) return
      ended()
      cancel()
    }
    this.#live.add(end)
    cancel = start(ended)
    return end
  }

  #failure(kind: NetworkFailure['kind'], isSent: boolean, code: string = kind): NetworkFailure {
    return this.#device.failures(kind, isSent, code)
  }

  /** A page sees no redirect and nothing that came without CORS. */
  #hidden(response: AnswerSegment, anyAnswer: boolean): NetworkFailure | undefined {
    if (this.#device.kind === 'node' || anyAnswer) return undefined
    const isRedirect = response.status >= 300 && response.status < 400
    const allowed = readHeader(response)('access-control-allow-origin')
    const isAllowed = allowed === '*' || (allowed !== undefined && allowed === this.#device.origin)
    return isRedirect || !isAllowed ? this.#failure('opaque', true) : undefined
  }
}
