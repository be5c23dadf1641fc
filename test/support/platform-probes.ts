/** Calls a platform's methods and gathers what they call back, so that a test reads as a list of expectations. */
import type {
  Cancel,
  ExchangeOutcome,
  ExchangeRequest,
  FetchOutcome,
  Platform,
  PlatformSocket,
  RoutedRequest,
  SocketData,
  SocketHandlers,
  SocketRequest,
  StreamRequest,
} from '../../src/platform/platform'
import type { NetworkFailure, Road } from '../../src/core/road'

/** A road to a loopback port, by address unless told otherwise. */
export function road(port: number, more: Partial<Road> = {}): Road {
  return { endpointId: `port-${port}`, generation: 0, url: `http://127.0.0.1:${port}`, ...more }
}

/** What was called back, in order. */
export interface Heard<T> {
  readonly outcomes: T[]
  readonly cancel: Cancel
  /** Resolves with the first outcome. */
  readonly first: Promise<T>
}

function gather<T>(start: (done: (outcome: T) => void) => Cancel): Heard<T> {
  const outcomes: T[] = []
  let returned = false
  let resolveFirst: (outcome: T) => void = () => undefined
  const first = new Promise<T>((resolve) => (resolveFirst = resolve))
  const cancel = start((outcome) => {
    if (!returned) throw new Error('called back before the method returned')
    outcomes.push(outcome)
    resolveFirst(outcome)
  })
  returned = true
  return { outcomes, cancel, first }
}

export function exchange(
  platform: Platform,
  request: Partial<ExchangeRequest> & { road: Road },
): Heard<ExchangeOutcome> {
  const whole: ExchangeRequest = { path: '/', method: 'GET', timeoutMs: 5000, maxBytes: 65_536, ...request }
  return gather((done) => platform.exchange(whole, done))
}

export function fetchRouted(platform: Platform, request: RoutedRequest): Heard<FetchOutcome> {
  return gather((done) => platform.fetch(request, done))
}

/** What a stream told, as it came. */
export interface HeardStream {
  status: number | undefined
  contentType: string | undefined
  text: string
  readonly ends: (NetworkFailure | undefined)[]
  readonly cancel: Cancel
}

export function stream(platform: Platform, request: Partial<StreamRequest> & { road: Road }): HeardStream {
  const whole: StreamRequest = { path: '/', method: 'POST', body: '[]', timeoutMs: 5000, ...request }
  const heard = {
    status: undefined,
    contentType: undefined,
    text: '',
    ends: [],
    cancel: () => undefined,
  } as HeardStream
  const cancel = platform.stream(whole, {
    head(status, header) {
      heard.status = status
      heard.contentType = header('content-type')
    },
    text(chunk) {
      heard.text += chunk
    },
    end: (failure) => void heard.ends.push(failure),
  })
  return Object.assign(heard, { cancel })
}

export type SocketClose = Parameters<SocketHandlers['closed']>[0]

/** What a socket told, as it came. */
export interface HeardSocket {
  readonly socket: PlatformSocket
  readonly opened: string[]
  readonly messages: SocketData[]
  readonly closes: SocketClose[]
}

export function openSocket(platform: Platform, request: Partial<SocketRequest> & { road: Road }): HeardSocket {
  const opened: string[] = []
  const messages: SocketData[] = []
  const closes: SocketClose[] = []
  const whole: SocketRequest = { path: '/', protocols: [], ...request }
  const socket = platform.openSocket(whole, {
    opened: ({ protocol }) => void opened.push(protocol),
    message: (data) => void messages.push(data),
    closed: (close) => void closes.push(close),
  })
  return { socket, opened, messages, closes }
}

/** The failure of an outcome that must be one. */
export function failureOf(outcome: { readonly ok: boolean; readonly failure?: NetworkFailure }): NetworkFailure {
  if (outcome.ok || outcome.failure === undefined) throw new Error('it did not fail')
  return outcome.failure
}
