/**
 * The platform of pages, workers and Electron's renderer. A page sees little: refused, unknown name, reset and wrong
 * certificate are one error without a reason (measured in Chromium), so almost every failure here is `opaque` and what
 * was sent is never known.
 */
import type { NetworkFailure } from '../../core/road'
import { exchangeOver, fetchOver, streamOver, type FetchBackend } from '../fetch-exchange'
import { createLiveSet, type LiveSet } from '../live-set'
import type { Platform, Store } from '../platform'
import { openWebSocket, type SocketConstructor } from '../web-socket'
import { watchContentPolicy, type ContentPolicyWatch } from './content-policy'
import { pageScope, watchPage } from './page-events'

/**
 * The library's own requests are simple CORS requests as far as they can be: no cookies, so that
 * `Access-Control-Allow-Origin: *` will do; no cache, because yesterday's readiness is no readiness.
 */
const OWN_INIT: RequestInit = { credentials: 'omit', cache: 'no-store', redirect: 'error' }

/**
 * To see whether somebody answers. Our own origin may send us to a sign-in page: that redirect is an answer. What
 * others say without CORS is hidden from us, but not that they said it (`no-cors` knows no other redirect mode).
 */
const OWN_ORIGIN_ANSWERS: RequestInit = { redirect: 'manual' }
const ANYBODY_ANSWERS: RequestInit = { mode: 'no-cors', redirect: 'follow' }

const STORE_PREFIX = 'failover-client:'
const ID_BYTES = 16

function blockedBy(directive: string, cause: unknown): NetworkFailure {
  const message = `the Content-Security-Policy of this page (${directive}) blocks it`
  return { kind: 'blocked', sent: 'no', code: 'CSP', message, cause }
}

function isNamed(error: unknown, name: string): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === name
}

function classify(error: unknown, url: string, policy: ContentPolicyWatch): NetworkFailure {
  if (isNamed(error, 'AbortError')) return { kind: 'aborted', sent: 'maybe', message: 'aborted', cause: error }
  if (isNamed(error, 'TimeoutError')) return { kind: 'timeout', sent: 'maybe', message: 'timed out', cause: error }
  const directive = policy.blocked(url)
  if (directive !== undefined) return blockedBy(directive, error)
  const message = error instanceof Error && error.message !== '' ? error.message : 'the browser gives no reason'
  return { kind: 'opaque', sent: 'maybe', message, cause: error }
}

/** Lets the browser's own events of a failure arrive: the violation event may come after the rejection. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0)
  })
}

function withSignal(init: RequestInit, closing: AbortSignal): RequestInit {
  if (typeof AbortSignal.any !== 'function') return init
  return { ...init, signal: AbortSignal.any(init.signal ? [init.signal, closing] : [closing]) }
}

function createBackend(live: LiveSet, policy: ContentPolicyWatch, closing: AbortSignal): FetchBackend {
  return {
    ownInit: OWN_INIT,
    anyHeader: false,
    anyAnswerInit: (url) => (new URL(url).origin === ownOrigin() ? OWN_ORIGIN_ANSWERS : ANYBODY_ANSWERS),
    url: (road, path) => road.url + path,
    setTimer: live.setTimer,
    track: live.track,
    start(_road, url, init) {
      const begin = async (): Promise<Response> => {
        try {
          // A response body handed to a caller ends with the platform too.
          return await fetch(url, withSignal(init, closing))
        } catch (error) {
          if (!live.closed) await nextTask()
          throw error
        }
      }
      return {
        response: begin(),
        classify: (error) => classify(error, url, policy),
        timedOut: (timeoutMs) => ({ kind: 'timeout', sent: 'maybe', message: `no answer within ${timeoutMs} ms` }),
      }
    },
  }
}

/**
 * localStorage, where there is one (workers have none). Reading the property alone may throw (opaque origins, blocked
 * cookies): like a full one, that is told by whoever uses it and stops nothing.
 */
function localStore(): Store | undefined {
  const storage = (): Pick<Storage, 'getItem' | 'setItem'> | null | undefined => pageScope().localStorage
  try {
    if (!storage()) return undefined
  } catch {
    // It throws again when it is used.
  }
  return {
    load: (key) => storage()?.getItem(STORE_PREFIX + key) ?? undefined,
    save: (key, value) => storage()?.setItem(STORE_PREFIX + key, value),
  }
}

/** `randomUUID` exists in secure contexts only; an on-premises http page has `getRandomValues`. */
function randomId(): string {
  const source: { randomUUID?: () => string; getRandomValues(bytes: Uint8Array<ArrayBuffer>): unknown } = crypto
  if (source.randomUUID !== undefined) return source.randomUUID()
  const bytes = new Uint8Array(ID_BYTES)
  source.getRandomValues(bytes)
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function ownOrigin(): string | undefined {
  const location = pageScope().location
  return location !== undefined && /^https?:$/.test(location.protocol) ? location.origin : undefined
}

/** The page's class of this moment, so that a test's replacement is seen; isomorphic-ws where there is none. */
function socketClass(): { socketClass?: SocketConstructor } {
  const found = (globalThis as { WebSocket?: unknown }).WebSocket
  return found === undefined ? {} : { socketClass: found as SocketConstructor }
}

/** Makes the platform of a page or worker. Each client closes its own. */
export function browserPlatform(): Platform {
  const live = createLiveSet()
  const now = (): number => performance.now()
  const policy = watchContentPolicy(now)
  const closing = new AbortController()
  const backend = createBackend(live, policy, closing.signal)
  const origin = ownOrigin()
  const store = localStore()
  return {
    name: 'browser',
    can: { pinAddress: false, proveUnsent: false, inspectRedirects: false },
    now,
    wallClock: () => Date.now(),
    random: () => Math.random(),
    randomId,
    setTimer: live.setTimer,
    exchange: (request, done) => exchangeOver(backend, request, done),
    fetch: (request, done) => fetchOver(backend, request, done),
    stream: (request, handlers) => streamOver(backend, request, handlers),
    openSocket(request, handlers) {
      const url = (request.road.url + request.path).replace(/^http/, 'ws')
      return openWebSocket(
        url,
        request,
        {
          classify: (error) => classify(error, url, policy),
          setTimer: live.setTimer,
          track: live.track,
          ...socketClass(),
        },
        handlers,
      )
    },
    watchSignals(listener) {
      const stop = watchPage(listener)
      const untrack = live.track(stop)
      return () => {
        stop()
        untrack()
      }
    },
    ...(origin === undefined ? {} : { ownOrigin: origin }),
    // The browser keeps its own connections, and the name is all a page may say.
    releaseRoad: () => undefined,
    ...(store === undefined ? {} : { store }),
    close() {
      live.close()
      policy.stop()
      closing.abort()
    },
  }
}
