/**
 * A Routing and a Platform for the drop-in faces that do nothing by themselves: each request, stream and socket is in
 * a list and is answered by the test; the clock moves only by `advance`.
 */
import { RetryBudget } from '../../src/core/retry-budget'
import type { NetworkFailure, Road } from '../../src/core/road'
import type { RouteTaken } from '../../src/core/request-protocol'
import { nearestHome, originOf } from '../../src/drop-in/fetch-url'
import type {
  Evidence,
  LeftEndpoint,
  RequestInDoubt,
  Route,
  RouteAsk,
  Routing,
  TokenQuestion,
} from '../../src/drop-in/routing'
import type {
  Cancel,
  FetchOutcome,
  Platform,
  RoutedRequest,
  SocketHandlers,
  SocketRequest,
  StreamHandlers,
  StreamRequest,
} from '../../src/platform/platform'

export const ROUTE_A: Route = routeTo('a', 'https://srv1.contoso.test')
export const ROUTE_B: Route = routeTo('b', 'https://srv2.contoso.test')

/** A route to an endpoint of its own. */
export function routeTo(endpointId: string, url: string, server = `server-${endpointId}`, generation = 1): Route {
  const road: Road = { endpointId, generation, url }
  return { endpointId, generation, server, road }
}

export class FakeFetch {
  isCancelled = false
  constructor(
    readonly request: RoutedRequest,
    private readonly done: (outcome: FetchOutcome) => void,
  ) {}

  get headers(): Headers {
    return new Headers(this.request.init.headers)
  }

  answer(status: number, body: BodyInit | null = null, headers: Record<string, string> = {}): Response {
    const response = new Response(body, { status, headers })
    if (!this.isCancelled) this.done({ ok: true, response })
    return response
  }

  give(response: Response): void {
    if (!this.isCancelled) this.done({ ok: true, response })
  }

  fail(failure: NetworkFailure): void {
    if (!this.isCancelled) this.done({ ok: false, failure })
  }
}

export class FakeStream {
  isCancelled = false
  constructor(
    readonly request: StreamRequest,
    private readonly handlers: StreamHandlers,
  ) {}

  head(status: number, headers: Record<string, string> = { 'content-type': 'text/event-stream' }): void {
    if (!this.isCancelled) this.handlers.head(status, (name) => headers[name])
  }

  text(chunk: string): void {
    if (!this.isCancelled) this.handlers.text(chunk)
  }

  end(failure?: NetworkFailure): void {
    if (!this.isCancelled) this.handlers.end(failure)
  }
}

export class FakeSocket {
  isAbandoned = false
  bufferedAmount = 0
  readonly sent: unknown[] = []
  readonly closes: { readonly code: number; readonly reason: string }[] = []
  constructor(
    readonly request: SocketRequest,
    /** Called even when abandoned: a face must not rely on the platform for that. */
    readonly handlers: SocketHandlers,
  ) {}

  send(data: unknown): void {
    this.sent.push(data)
  }

  close(code: number, reason: string): void {
    this.closes.push({ code, reason })
  }

  abandon(): void {
    this.isAbandoned = true
  }
}

interface Timer {
  readonly at: number
  readonly callback: () => void
}

export interface DropInWorldOptions {
  readonly base?: string
  readonly can?: Partial<Platform['can']>
  readonly tokens?: number
  readonly sharedKeys?: boolean
}

export class DropInWorld {
  readonly fetches: FakeFetch[] = []
  readonly streams: FakeStream[] = []
  readonly sockets: FakeSocket[] = []
  readonly asks: RouteAsk[] = []
  readonly evidence: { readonly route: RouteTaken; readonly outcome: Evidence }[] = []
  readonly doubts: RequestInDoubt[] = []
  readonly tokenAsks: TokenQuestion[] = []
  readonly closing = new AbortController()
  readonly timers = new Set<Timer>()
  readonly leftListeners = new Set<(left: LeftEndpoint) => void>()
  readonly closeListeners = new Set<() => void>()
  /** Why there is no candidate. */
  lack: ReturnType<Routing['lack']> = { code: 'NO_ENDPOINT_AVAILABLE', why: 'connecting' }
  /** In order of preference. */
  candidates: Route[] = [ROUTE_A, ROUTE_B]
  /** What the token function answers; nothing: it has not answered yet. */
  token: (ask: TokenQuestion) => { readonly token?: string } | { readonly error: unknown } | undefined = () => ({})
  /** The token function answers before it has returned. */
  isTokenAtHand = false
  now = 0
  closed = false
  /** What a network failure brings about before `evidence` returns. */
  condemn: ((route: RouteTaken) => void) | undefined
  random = 0
  readonly #waiting = new Set<{ readonly ask: RouteAsk; readonly done: (route: Route) => void }>()

  constructor(readonly options: DropInWorldOptions = {}) {}

  /** Live things; all must be gone in the end. */
  get alive(): number {
    return this.timers.size + this.leftListeners.size + this.closeListeners.size + this.#waiting.size
  }

  readonly knownHosts = new Set(['a365web1.contoso.test', 'srv1.contoso.test', 'srv2.contoso.test'])

  readonly platform = {
    name: 'fake',
    now: () => this.now,
    wallClock: () => 1_700_000_000_000 + this.now,
    random: () => this.random,
    setTimer: (delayMs: number, callback: () => void): Cancel => {
      const timer = { at: this.now + delayMs, callback }
      this.timers.add(timer)
      return () => void this.timers.delete(timer)
    },
    fetch: (request: RoutedRequest, done: (outcome: FetchOutcome) => void): Cancel => {
      const fetch = new FakeFetch(request, done)
      this.fetches.push(fetch)
      return () => void (fetch.isCancelled = true)
    },
    stream: (request: StreamRequest, handlers: StreamHandlers): Cancel => {
      const stream = new FakeStream(request, handlers)
      this.streams.push(stream)
      return () => void (stream.isCancelled = true)
    },
    openSocket: (request: SocketRequest, handlers: SocketHandlers): FakeSocket => {
      const socket = new FakeSocket(request, handlers)
      this.sockets.push(socket)
      return socket
    },
  }

  /** `platform`: a real one instead of the fake; only routes, tokens and moves are then the test's. */
  routing(platform?: Platform): Routing {
    const can = { pinAddress: true, proveUnsent: true, inspectRedirects: true, ...this.options.can }
    const budget = { tokens: this.options.tokens ?? 5, maxTokens: 100, perSuccess: 0.1, perSecond: 0.05 }
    const base = new URL(this.options.base ?? 'https://a365web1.contoso.test')
    const isClosed = (): boolean => this.closed
    return {
      platform: platform ?? ({ ...this.platform, can } as unknown as Platform),
      base,
      requests: {
        timeoutMs: 15_000,
        readyTimeoutMs: 5000,
        maxRetries: 2,
        sharedKeys: this.options.sharedKeys ?? false,
        safeMethods: new Set(['GET', 'HEAD', 'OPTIONS']),
      },
      connectTimeoutMs: 5000,
      budget: new RetryBudget(budget),
      get closed() {
        return isClosed()
      },
      knows: (url) => this.knownHosts.has(url.hostname),
      homeOf: (url) => nearestHome(url, [base, ...this.candidates.map(({ road }) => new URL(road.url))]) ?? base,
      candidateAt: (url) => this.candidates.find(({ road }) => new URL(road.url).origin === originOf(url)),
      serves: ({ endpointId }) => this.candidates.some((candidate) => candidate.endpointId === endpointId),
      closing: this.closing.signal,
      route: (ask, done) => this.#route(ask, done),
      lack: () => this.lack,
      evidence: (route, outcome) => {
        this.evidence.push({ route, outcome })
        if (outcome.type === 'failure') this.condemn?.(route)
      },
      token: (ask, done) => this.#token(ask, done),
      inDoubt: (doubt) => void this.doubts.push(doubt),
      onLeft: (listener) => {
        this.leftListeners.add(listener)
        return () => void this.leftListeners.delete(listener)
      },
      onClose: (listener) => {
        this.closeListeners.add(listener)
        return () => void this.closeListeners.delete(listener)
      },
    }
  }

  /** Moves the clock, timer by timer, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    await this.settle()
    const end = this.now + ms
    for (;;) {
      const next = [...this.timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0]
      if (next === undefined) break
      this.timers.delete(next)
      this.now = Math.max(this.now, next.at)
      next.callback()
      await this.settle()
    }
    this.now = end
    await this.settle()
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let round = 0; round < 20; round += 1) await Promise.resolve()
  }

  /** New candidates; whoever waits is answered. */
  async offer(...candidates: Route[]): Promise<void> {
    this.candidates = candidates
    for (const entry of [...this.#waiting]) this.#answer(entry)
    await this.settle()
  }

  async leave(route: RouteTaken, how: LeftEndpoint['how'] = 'lost'): Promise<void> {
    const { endpointId, generation } = route
    for (const listener of [...this.leftListeners]) listener({ endpointId, generation, how })
    await this.settle()
  }

  /** From now on a network failure condemns its endpoint at once. */
  condemnOnFailure(): void {
    this.condemn = (route) => {
      this.candidates = this.candidates.filter(({ endpointId }) => endpointId !== route.endpointId)
      void this.leave(route)
    }
  }

  async close(): Promise<void> {
    this.closed = true
    for (const listener of [...this.closeListeners]) listener()
    this.closing.abort()
    await this.settle()
  }

  #route(ask: RouteAsk, done: (route: Route) => void): Cancel {
    this.asks.push(ask)
    const entry = { ask, done }
    this.#waiting.add(entry)
    queueMicrotask(() => this.#answer(entry))
    return () => void this.#waiting.delete(entry)
  }

  #answer(entry: { readonly ask: RouteAsk; readonly done: (route: Route) => void }): void {
    const best = this.candidates.find(({ endpointId }) => !entry.ask.avoid.includes(endpointId)) ?? this.candidates[0]
    if (best !== undefined && this.#waiting.delete(entry)) entry.done(best)
  }

  #token(
    ask: TokenQuestion,
    done: (answer: { readonly token?: string } | { readonly error: unknown }) => void,
  ): Cancel {
    this.tokenAsks.push(ask)
    let isCancelled = false
    const answer = (): void => {
      const given = this.token(ask)
      if (!isCancelled && given !== undefined) done(given)
    }
    if (this.isTokenAtHand) answer()
    else queueMicrotask(answer)
    return () => void (isCancelled = true)
  }
}
