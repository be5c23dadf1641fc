/**
 * One connection after the other for a drop-in EventSource: candidate, token, request, redirects, and the reading of
 * the response head (HTML 9.2.2). It decides whether a failure is for good; the class above decides when to try again.
 */
import type { NetworkFailure, Road } from '../core/road'
import type { Cancel } from '../platform/platform'
import { readRetryAfter } from './fetch-errors'
import { foreignRoad, placeHop, placeOnRoad } from './fetch-url'
import { decideRedirect, routeHop } from './redirects'
import type { Evidence, Route, Routing } from './routing'

/** How a connection ended. */
export interface StreamEnd {
  /** Trying again is pointless (wrong type, refused): the EventSource fails. */
  readonly permanent: boolean
  readonly retryAfterMs?: number
}

export interface StreamLinkHandlers {
  /** The head is that of an event stream. */
  opened(): void
  text(chunk: string): void
  /** Once a connection, last. */
  ended(end: StreamEnd): void
  /** The endpoint in use, or the one just lost, was left: time to connect again. Everything is stopped already. */
  moved(): void
}

type HeaderReader = (name: string) => string | undefined

/** Statuses of a gateway without its server. Others are the application's answer (HTML: fail the connection). */
const TEMPORARY: ReadonlySet<number> = new Set([502, 503, 504])

const noop: Cancel = () => undefined

export class EventSourceLink {
  readonly #stopWatching: Cancel
  readonly #isKnown: boolean
  #route: Route | undefined
  /** What is asked now: the target, or where it was redirected to. */
  #url: URL
  #failedAt: string | undefined
  #cancel: Cancel = noop
  #token: string | undefined
  #wasRefused = false
  #followed = 0
  #lastEventId = ''

  constructor(
    private readonly routing: Routing,
    private readonly target: URL,
    private readonly handlers: StreamLinkHandlers,
  ) {
    this.#url = target
    this.#isKnown = routing.knows(target)
    this.#stopWatching = routing.onLeft(({ endpointId, generation }) => {
      const route = this.#route
      if (route === undefined || route.endpointId !== endpointId || route.generation > generation) return
      this.#route = undefined
      this.#cancel()
      this.handlers.moved()
    })
  }

  /** Connects to the candidate of this moment. */
  connect(lastEventId: string): void {
    this.#lastEventId = lastEventId
    this.#wasRefused = false
    this.#followed = 0
    this.#route = undefined
    this.#url = this.target
    if (!this.#isKnown) return this.#request(foreignRoad(this.target), this.target)
    const avoid = this.#failedAt === undefined ? [] : [this.#failedAt]
    this.#cancel = this.routing.route({ avoid, freshProof: false, purpose: 'event-stream' }, (route) => {
      this.#route = route
      this.#askToken('connect', route)
    })
  }

  /** Ends the connection under way, silently. */
  stop(): void {
    this.#cancel()
    this.#cancel = noop
  }

  /** Ends everything. */
  dispose(): void {
    this.stop()
    this.#stopWatching()
  }

  #askToken(reason: 'connect' | 'rejected', route: Route): void {
    let answered = false
    const { endpointId, server } = route
    const cancel = this.routing.token({ reason, endpointId, server }, (answer) => {
      answered = true
      // A provider that fails is a failed attempt, against nobody.
      if ('error' in answer) return this.handlers.ended({ permanent: false })
      if (reason === 'rejected' && (answer.token === undefined || answer.token === this.#token)) {
        return this.handlers.ended({ permanent: true })
      }
      this.#token = answer.token
      this.#request(route.road, this.#url)
    })
    // One that answered at once has been followed by something else to cancel.
    if (!answered) this.#cancel = cancel
  }

  #request(road: Road, url: URL): void {
    const put = this.#followed === 0 ? placeOnRoad : placeHop
    const place = put(url, this.routing.homeOf(url), road)
    // No Cache-Control: CORS would ask for leave to send it, and the platform's requests bypass caches anyway.
    const headers: Record<string, string> = { accept: 'text/event-stream' }
    const lastEventId = toHeaderValue(this.#lastEventId)
    if (lastEventId !== undefined) headers['last-event-id'] = lastEventId
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`
    this.#cancel = this.routing.platform.stream(
      { ...place, method: 'GET', headers, timeoutMs: this.routing.connectTimeoutMs },
      {
        head: (status, header) => this.#head(status, header, new URL(place.road.url + place.path), road),
        text: (chunk) => this.handlers.text(chunk),
        end: (failure) => this.#ended(failure),
      },
    )
  }

  #head(status: number, header: HeaderReader, url: URL, road: Road): void {
    const route = this.#route
    const retryAfterMs = readRetryAfter(header('retry-after') ?? null, this.routing.platform.wallClock())
    this.#answered(status, header, url, road, retryAfterMs)
    this.#tell(route, { type: 'status', status, retryAfter: retryAfterMs !== undefined })
  }

  #answered(status: number, header: HeaderReader, url: URL, road: Road, retryAfterMs: number | undefined): void {
    if (status === 200 && isEventStream(header('content-type'))) {
      this.#failedAt = undefined
      return this.handlers.opened()
    }
    this.stop()
    if (status === 401 && this.#token !== undefined && !this.#wasRefused && this.#route !== undefined) {
      this.#wasRefused = true
      return this.#askToken('rejected', this.#route)
    }
    if (TEMPORARY.has(status)) {
      this.#failedAt = this.#route?.endpointId
      return this.handlers.ended({ permanent: false, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
    }
    this.#follow(status, header, url, road)
  }

  #follow(status: number, header: HeaderReader, url: URL, road: Road): void {
    const location = header('location') ?? null
    const hop = { status, location, from: url, method: 'GET', followed: this.#followed, replayable: true }
    // A stranger may send us anywhere: no token of ours is at stake.
    const isKnown = (to: URL): boolean => !this.#isKnown || this.routing.knows(to)
    const decision = decideRedirect(hop, isKnown)
    if (decision.type !== 'follow') return this.handlers.ended({ permanent: true })
    this.#followed += 1
    this.#url = decision.url
    if (this.#route === undefined) return this.#request(foreignRoad(decision.url), decision.url)
    const next = routeHop(this.routing, this.#route, { from: url, to: decision.url, isSameMethod: true })
    if (next === undefined) return this.handlers.ended({ permanent: true })
    if (next.endpointId === this.#route.endpointId) return this.#request(road, decision.url)
    this.#route = next
    this.#wasRefused = false
    this.#askToken('connect', next)
  }

  #ended(failure: NetworkFailure | undefined): void {
    const route = this.#route
    this.#cancel = noop
    if (failure !== undefined) this.#failedAt = route?.endpointId
    this.handlers.ended({ permanent: false })
    if (failure === undefined) return
    this.#tell(route, failure.kind === 'timeout' ? { type: 'timeout' } : { type: 'failure', failure })
  }

  /** Always last: the verdict it brings about may move this very connection before it returns. */
  #tell(route: Route | undefined, outcome: Evidence): void {
    if (route !== undefined) this.routing.evidence(route, outcome)
  }
}

function isEventStream(contentType: string | undefined): boolean {
  return contentType?.split(';')[0]?.trim().toLowerCase() === 'text/event-stream'
}

/**
 * UTF-8 in a header (HTML 9.2.2): a header value is bytes, written as the characters U+0000 to U+00FF. Nothing when
 * there is no id, or one with a control character: Node refuses to send that (RFC 9110 5.5), and the stream would never
 * come back.
 */
function toHeaderValue(id: string): string | undefined {
  const value = Array.from(new TextEncoder().encode(id), (byte) => String.fromCharCode(byte)).join('')
  return /^[\t\x20-\x7e\x80-\xff]+$/.test(value) ? value : undefined
}
