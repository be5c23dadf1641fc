/**
 * WHATWG EventSource on the client's verdict. It reconnects as the standard says, each time on the candidate of that
 * moment, and at once when its endpoint was left. Over the platform's own stream and not the page's EventSource, so
 * that the token travels in a header (never in the URL) and a dead server is not waited for.
 */
import { createParser } from 'eventsource-parser'
import type { EventSourceMessage, EventSourceParser } from 'eventsource-parser'
import { Backoff } from '../core/backoff'
import { clientClosed, MAX_RETRY_AFTER_MS } from './fetch-errors'
import { EventSourceLink } from './event-source-link'
import type { StreamEnd } from './event-source-link'
import { originOf, resolveUrl } from './fetch-url'
import type { Routing } from './routing'
import type { Cancel } from '../platform/platform'
import { lineEnds } from '../transports/line-ends'
import { HandlerTarget } from './web-socket-events'
import type { EventHandler } from './web-socket-events'

const CONNECTING = 0
const OPEN = 1
const CLOSED = 2

/** "A few seconds" (HTML 9.2.2); what browsers take is 2 to 5 s. */
const DEFAULT_RETRY_MS = 3000
const MAX_RETRY_MS = 30_000
/** A stream that lived as long was no failure, even if it brought nothing: a load balancer's idle limit ends many. */
const STABLE_AFTER_MS = 10_000
/** One event or line; a server that sends more without a line end is broken or hostile. */
const MAX_BUFFER = 16 * 1024 * 1024

const noop: Cancel = () => undefined

/** Makes a class with the shape of the global `EventSource`. `withCredentials` is kept, and without effect. */
export function createEventSourceClass(routing: Routing): typeof EventSource {
  const Face = class EventSource extends RoutedEventSource {
    constructor(url: string | URL, init: EventSourceInit = {}) {
      super(routing, url, init)
    }
  }
  return Face as unknown as typeof EventSource
}

class RoutedEventSource extends HandlerTarget {
  static readonly CONNECTING = CONNECTING
  static readonly OPEN = OPEN
  static readonly CLOSED = CLOSED
  readonly CONNECTING = CONNECTING
  readonly OPEN = OPEN
  readonly CLOSED = CLOSED

  readonly url: string
  readonly withCredentials: boolean
  readonly #routing: Routing
  readonly #origin: string
  readonly #link: EventSourceLink
  readonly #stopWatching: Cancel
  #readyState = CONNECTING
  #lastEventId = ''
  #backoff: Backoff
  #openedAt = 0
  #parser: EventSourceParser
  #unify = lineEnds()
  #cancelTimer: Cancel = noop

  constructor(routing: Routing, url: string | URL, init: EventSourceInit) {
    super()
    if (routing.closed) throw clientClosed()
    const target = readUrl(url, routing.base)
    this.url = target.href
    this.withCredentials = init.withCredentials ?? false
    this.#routing = routing
    this.#origin = originOf(target)
    this.#backoff = this.#newBackoff(DEFAULT_RETRY_MS)
    this.#parser = this.#newParser()
    this.#link = new EventSourceLink(routing, target, {
      opened: () => this.#opened(),
      text: (chunk) => this.#parser.feed(this.#unify(chunk)),
      ended: (end) => this.#ended(end),
      moved: () => this.#moved(),
    })
    this.#stopWatching = routing.onClose(() => this.#fail())
    this.#connect()
  }

  get readyState(): number {
    return this.#readyState
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

  close(): void {
    this.#readyState = CLOSED
    this.#cancelTimer()
    this.#link.dispose()
    this.#stopWatching()
  }

  #connect(): void {
    // An event that was cut off is thrown away (HTML 9.2.6).
    this.#parser = this.#newParser()
    this.#unify = lineEnds()
    this.#link.connect(this.#lastEventId)
  }

  #opened(): void {
    this.#readyState = OPEN
    this.#openedAt = this.#routing.platform.now()
    this.dispatchEvent(new Event('open'))
  }

  #ended({ permanent, retryAfterMs }: StreamEnd): void {
    if (permanent) return this.#fail()
    const { platform } = this.#routing
    if (this.#readyState === OPEN && platform.now() - this.#openedAt >= STABLE_AFTER_MS) this.#backoff.reset()
    const delayMs = Math.max(this.#backoff.next(), retryAfterMs ?? 0)
    this.#cancelTimer = platform.setTimer(delayMs, () => this.#connect())
    this.#readyState = CONNECTING
    this.dispatchEvent(new Event('error'))
  }

  /** The endpoint was left: the next one is asked at once, its state is no secret any more. */
  #moved(): void {
    const wasOpen = this.#readyState === OPEN
    this.#readyState = CONNECTING
    this.#cancelTimer()
    this.#backoff.reset()
    this.#connect()
    if (wasOpen) this.dispatchEvent(new Event('error'))
  }

  #fail(): void {
    this.close()
    this.dispatchEvent(new Event('error'))
  }

  #newParser(): EventSourceParser {
    return createParser({
      maxBufferSize: MAX_BUFFER,
      onEvent: (event) => this.#received(event),
      onRetry: (retryMs) => {
        this.#backoff = this.#newBackoff(retryMs)
      },
      onError: ({ type }) => {
        if (type !== 'max-buffer-size-exceeded') return
        this.#link.stop()
        this.#ended({ permanent: false })
      },
    })
  }

  #received({ event = 'message', data, id }: EventSourceMessage): void {
    // A listener of an earlier event in the same chunk may have closed it.
    if (this.#readyState !== OPEN) return
    this.#backoff.reset()
    if (id !== undefined) this.#lastEventId = id
    const init = { data, lastEventId: this.#lastEventId, origin: this.#origin }
    this.dispatchEvent(new MessageEvent(event === '' ? 'message' : event, init))
  }

  #newBackoff(retryMs: number): Backoff {
    // A server that asks for a thousand years has made a mistake.
    const baseMs = Math.min(MAX_RETRY_AFTER_MS, Math.max(1, retryMs))
    const { platform } = this.#routing
    return new Backoff({ baseMs, maxMs: Math.max(baseMs, MAX_RETRY_MS) }, () => platform.random())
  }
}

function readUrl(url: string | URL, base: URL): URL {
  try {
    return resolveUrl(url, base)
  } catch {
    throw new DOMException(`'${String(url)}' is no URL`, 'SyntaxError')
  }
}
