/**
 * The connection beneath one drop-in WebSocket: where it goes, when it gives up, how it is let go. The class above
 * knows the standard, this one the verdict.
 *
 * A handshake that fails before anything was exchanged is tried once at another candidate: the caller has seen nothing
 * of it yet. After the first `opened` there is no second attempt, ever.
 */
import type { NetworkFailure, Road } from '../core/road'
import type { Cancel, PlatformSocket, SocketData, SocketHandlers } from '../platform/platform'
import { foreignRoad, placeOnRoad } from './fetch-url'
import type { Evidence, LeftEndpoint, Route, Routing } from './routing'
import type { CloseDetails } from './web-socket-events'

type Closed = Parameters<SocketHandlers['closed']>[0]

/** What the class above is told. `closed` comes exactly once, last. */
export interface LinkHandlers {
  opened(info: { readonly protocol: string; readonly extensions: string }): void
  message(data: SocketData): void
  /** `failed`: an `error` event comes first. */
  closed(details: CloseDetails, failed: boolean): void
}

const ABNORMAL: CloseDetails = { code: 1006, reason: '', wasClean: false }
const GOING_AWAY = 1001
const RESTART = 1012

/** Handshakes of one instance. Chromium slows all sockets of a page after 15 failed ones. */
const MAX_DIALS = 3
/** How long a close handshake that nobody waits for may take. */
const PARTING_MS = 2000
/** An upgrade answered like this may succeed elsewhere; any other status is the application's answer. */
const ELSEWHERE: ReadonlySet<number> = new Set([502, 503, 504])

const UNNAMED: NetworkFailure = { kind: 'opaque', sent: 'maybe', message: 'the WebSocket handshake failed' }

const noop: Cancel = () => undefined

export class SocketLink {
  readonly #stops: Cancel[] = []
  /** Endpoints whose handshake failed here, with the generation it failed in. */
  readonly #tried = new Map<string, number>()
  #route: Route | undefined
  #socket: PlatformSocket | undefined
  #isOpen = false
  #isOver = false
  #dials = 0
  #cancelRoute: Cancel = noop
  #cancelTimer: Cancel = noop

  constructor(
    private readonly routing: Routing,
    private readonly target: URL,
    private readonly protocols: readonly string[],
    private readonly handlers: LinkHandlers,
  ) {
    this.#stops.push(
      routing.onLeft((left) => this.#left(left)),
      routing.onClose(() => this.#clientClosed()),
    )
    this.#cancelTimer = routing.platform.setTimer(routing.connectTimeoutMs, () => this.#connectTimedOut())
    if (routing.knows(target)) this.#askRoute()
    else this.#dial(foreignRoad(target))
  }

  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0
  }

  send(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#socket?.send(data)
  }

  /** Starts the close handshake; one that does not end in time is ended here. */
  close(code: number, reason: string): void {
    if (this.#isOver) return
    this.#cancelTimer = this.routing.platform.setTimer(this.routing.connectTimeoutMs, () => this.#fail(false))
    this.#socket?.close(code, reason)
  }

  /** Gives up a connection that is not open yet, or one that cannot go on. Reported a moment later. */
  abort(): void {
    this.#drop()
    this.#cancelTimer()
    // Never from within the caller's own call: it has not returned yet.
    this.#cancelTimer = this.routing.platform.setTimer(0, () => this.#end(ABNORMAL, true))
  }

  #askRoute(): void {
    const avoid = [...this.#tried.keys()]
    this.#cancelRoute = this.routing.route({ avoid, freshProof: false, purpose: 'websocket' }, (route) => {
      // Named again: there is no other. A newer generation is another verdict and worth a try.
      if ((this.#tried.get(route.endpointId) ?? -1) >= route.generation) return this.#fail(true)
      this.#route = route
      this.#dial(route.road)
    })
  }

  #dial(road: Road): void {
    this.#dials += 1
    const dial = this.#dials
    const place = placeOnRoad(this.target, this.routing.homeOf(this.target), road)
    // Late events of a socket that was let go are dropped here, whatever the platform does.
    const isLive = (): boolean => this.#dials === dial && this.#socket !== undefined
    this.#socket = this.routing.platform.openSocket(
      { ...place, protocols: this.protocols },
      {
        opened: (info) => {
          if (isLive()) this.#opened(info)
        },
        message: (data) => {
          if (isLive()) this.handlers.message(data)
        },
        closed: (close) => {
          if (isLive()) this.#closed(close)
        },
      },
    )
  }

  #opened(info: { readonly protocol: string; readonly extensions: string }): void {
    this.#cancelTimer()
    this.#isOpen = true
    this.handlers.opened(info)
    this.#tell({ type: 'status', status: 101, retryAfter: false })
  }

  #closed(close: Closed): void {
    const { code, reason, clean, failure, status } = close
    if (this.#isOpen) {
      if (failure !== undefined) this.#tell({ type: 'failure', failure })
      return this.#end({ code, reason, wasClean: clean }, failure !== undefined)
    }
    if (status === undefined) this.#tell({ type: 'failure', failure: failure ?? UNNAMED })
    else this.#tell({ type: 'status', status, retryAfter: false })
    if (status === undefined || ELSEWHERE.has(status)) this.#tryElsewhere()
    else this.#fail(true)
  }

  #tryElsewhere(): void {
    const route = this.#route
    this.#drop()
    if (route === undefined || this.#dials >= MAX_DIALS) return this.#fail(true)
    this.#tried.set(route.endpointId, route.generation)
    this.#askRoute()
  }

  #connectTimedOut(): void {
    if (this.#socket !== undefined) this.#tell({ type: 'timeout' })
    this.#fail(true)
  }

  #left(left: LeftEndpoint): void {
    const route = this.#route
    if (route === undefined || this.#socket === undefined) return
    if (route.endpointId !== left.endpointId || route.generation > left.generation) return
    if (!this.#isOpen) return this.#tryElsewhere()
    if (left.how === 'drained') this.#part('failover')
    this.#end({ code: RESTART, reason: 'failover', wasClean: left.how === 'drained' }, false)
  }

  #clientClosed(): void {
    if (this.#isOpen) this.#part('client closed')
    this.#end({ code: GOING_AWAY, reason: 'client closed', wasClean: true }, false)
  }

  #tell(outcome: Evidence): void {
    if (this.#route !== undefined) this.routing.evidence(this.#route, outcome)
  }

  #fail(failed: boolean): void {
    this.#end(ABNORMAL, failed)
  }

  /** Lets the connection go at once. */
  #drop(): void {
    this.#cancelRoute()
    this.#socket?.abandon()
    this.#socket = undefined
  }

  /** Lets it go with a close handshake that nobody waits for. */
  #part(reason: string): void {
    const socket = this.#socket
    this.#socket = undefined
    if (socket === undefined) return
    socket.close(GOING_AWAY, reason)
    this.routing.platform.setTimer(PARTING_MS, () => socket.abandon())
  }

  #end(details: CloseDetails, failed: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#drop()
    this.#cancelTimer()
    for (const stop of this.#stops.splice(0)) stop()
    this.handlers.closed(details, failed)
  }
}
