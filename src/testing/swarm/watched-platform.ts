/**
 * A platform that is watched: everything goes through unchanged, is told to a witness, and is counted while it is
 * alive. Independent of the world below it and of the client above it, so that neither can hide anything.
 */
import { SUBPROTOCOL, type ClientFrame, type ReadinessBody, type ServerFrame } from '../../core/wire'
import type {
  Cancel,
  ExchangeRequest,
  ExchangeOutcome,
  FetchOutcome,
  Platform,
  PlatformSocket,
  RoutedRequest,
  SocketHandlers,
  SocketRequest,
  StreamHandlers,
  StreamRequest,
} from '../../platform/platform'
import type { Witness } from './sighting'

/** What is alive on a platform. All zero after `close()`. */
export interface Alive {
  timers: number
  exchanges: number
  fetches: number
  streams: number
  sockets: number
  listeners: number
}

export interface WatchedPlatform {
  readonly platform: Platform
  readonly alive: Readonly<Alive>
}

/** Header that names the call of the workload which a routed request belongs to. */
export const CALL_HEADER = 'x-call'

export function watchPlatform(below: Platform, tell: Witness): WatchedPlatform {
  const watch = new Watch(below, tell)
  return { platform: watch.platform(), alive: watch.alive }
}

class Watch {
  readonly alive: Alive = { timers: 0, exchanges: 0, fetches: 0, streams: 0, sockets: 0, listeners: 0 }
  #lastLink = 0

  constructor(
    private readonly below: Platform,
    private readonly tell: Witness,
  ) {}

  platform(): Platform {
    const { below } = this
    // Members are reached through the prototype: getters and methods of a class are not spread.
    const watched = Object.create(below) as { -readonly [Key in keyof Platform]: Platform[Key] }
    const { name, can } = below
    return Object.assign(watched, {
      name,
      can,
      now: () => below.now(),
      wallClock: () => below.wallClock(),
      random: () => below.random(),
      randomId: () => below.randomId(),
      setTimer: (delayMs: number, callback: () => void) => this.#setTimer(delayMs, callback),
      exchange: (request: ExchangeRequest, done: (outcome: ExchangeOutcome) => void) => this.#exchange(request, done),
      fetch: (request: RoutedRequest, done: (outcome: FetchOutcome) => void) => this.#fetch(request, done),
      stream: (request: StreamRequest, handlers: StreamHandlers) => this.#stream(request, handlers),
      openSocket: (request: SocketRequest, handlers: SocketHandlers) => this.#openSocket(request, handlers),
      watchSignals: (listener: Parameters<Platform['watchSignals']>[0]) =>
        this.#counted('listeners', (_done) => below.watchSignals(listener)),
      releaseRoad: (endpointId: string, generation?: number) => below.releaseRoad(endpointId, generation),
      close: () => below.close(),
    })
  }

  /** Alive until `done` is called or the returned function is. */
  #counted(what: keyof Alive, start: (done: () => void) => Cancel): Cancel {
    let over = false
    const end = (): void => {
      if (over) return
      over = true
      this.alive[what] -= 1
    }
    this.alive[what] += 1
    const cancel = start(end)
    return () => {
      end()
      cancel()
    }
  }

  #setTimer(delayMs: number, callback: () => void): Cancel {
    return this.#counted('timers', (done) =>
      this.below.setTimer(delayMs, () => {
        done()
        callback()
      }),
    )
  }

  #exchange(request: ExchangeRequest, done: (outcome: ExchangeOutcome) => void): Cancel {
    const { endpointId } = request.road
    const isProbe = request.method === 'GET'
    if (isProbe) this.tell({ is: 'probed', endpointId, path: request.path, headers: request.headers ?? {} })
    else if (request.body !== undefined) {
      const frame = parse<ClientFrame>(request.body)
      if (frame !== undefined) this.tell({ is: 'posted', endpointId, frame })
    }
    return this.#counted('exchanges', (over) =>
      this.below.exchange(request, (outcome) => {
        over()
        const body = outcome.ok ? parse<ReadinessBody>(outcome.body) : undefined
        if (isProbe) this.tell({ is: 'answered', endpointId, body: body?.server === undefined ? undefined : body })
        done(outcome)
      }),
    )
  }

  #fetch(request: RoutedRequest, done: (outcome: FetchOutcome) => void): Cancel {
    const call = new Headers(request.init.headers).get(CALL_HEADER) ?? ''
    const { endpointId } = request.road
    this.tell({ is: 'requested', endpointId, call, method: request.init.method ?? 'GET' })
    return this.#counted('fetches', (over) =>
      this.below.fetch(request, (outcome) => {
        over()
        if (outcome.ok) this.tell({ is: 'responded', endpointId, call, status: outcome.response.status })
        done(outcome)
      }),
    )
  }

  #stream(request: StreamRequest, handlers: StreamHandlers): Cancel {
    const link = this.#newLink()
    const { endpointId } = request.road
    const isContract = request.method === 'POST'
    const tell: Witness = isContract ? this.tell : () => undefined
    tell({ is: 'dialled', link, endpointId, via: 'events' })
    for (const frame of parse<ClientFrame[]>(request.body ?? '[]') ?? []) tell({ is: 'sent', link, endpointId, frame })
    let text = ''
    let ended = false
    const end = (by: 'client' | 'network'): void => {
      if (!ended) tell({ is: 'ended', link, endpointId, by })
      ended = true
    }
    const cancel = this.#counted('streams', (over) =>
      this.below.stream(request, {
        head: (status, header) => handlers.head(status, header),
        text: (chunk) => {
          const lines = (text + chunk).split('\n')
          text = lines.pop() ?? ''
          for (const line of lines) {
            const frame = line.startsWith('data:') ? parse<ServerFrame>(line.slice(5)) : undefined
            if (frame?.type !== undefined) tell({ is: 'heard', link, endpointId, frame })
          }
          handlers.text(chunk)
        },
        end: (failure) => {
          over()
          end('network')
          handlers.end(failure)
        },
      }),
    )
    return () => {
      end('client')
      cancel()
    }
  }

  #openSocket(request: SocketRequest, handlers: SocketHandlers): PlatformSocket {
    const link = this.#newLink()
    const { endpointId } = request.road
    const isContract = request.protocols.includes(SUBPROTOCOL)
    const tell: Witness = isContract ? this.tell : () => undefined
    tell({ is: 'dialled', link, endpointId, via: 'socket' })
    let over: () => void = () => undefined
    let ended = false
    const end = (by: 'client' | 'network'): void => {
      over()
      if (!ended) tell({ is: 'ended', link, endpointId, by })
      ended = true
    }
    let socket: PlatformSocket | undefined
    const drop = this.#counted('sockets', (done) => {
      over = done
      socket = this.below.openSocket(request, {
        opened: (info) => handlers.opened(info),
        message: (data) => {
          const frame = typeof data === 'string' ? parse<ServerFrame>(data) : undefined
          if (frame?.type !== undefined) tell({ is: 'heard', link, endpointId, frame })
          handlers.message(data)
        },
        closed: (close) => {
          end('network')
          handlers.closed(close)
        },
      })
      return () => socket?.abandon()
    })
    const opened = socket as unknown as PlatformSocket
    return {
      send: (data) => {
        const frame = typeof data === 'string' ? parse<ClientFrame>(data) : undefined
        if (frame?.type !== undefined) tell({ is: 'sent', link, endpointId, frame })
        opened.send(data)
      },
      get bufferedAmount() {
        return opened.bufferedAmount
      },
      close: (code, reason) => opened.close(code, reason),
      abandon: () => {
        end('client')
        drop()
      },
    }
  }

  #newLink(): number {
    this.#lastLink += 1
    return this.#lastLink
  }
}

function parse<T>(text: string): T | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as T) : undefined
  } catch {
    return undefined
  }
}
