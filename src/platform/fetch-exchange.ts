/**
 * The HTTP half of a platform, written once over whatever `fetch` the platform has. Three shapes: a small exchange read
 * whole, a user's request, and a body read as it comes. Each keeps the platform's promise: no callback before the
 * method has returned, none after the cancel function ran, and a response that comes too late has its body cancelled,
 * because an unread body keeps its connection busy.
 */
import type { NetworkFailure, Road } from '../core/road'
import type {
  Cancel,
  ExchangeOutcome,
  ExchangeRequest,
  FetchOutcome,
  RoutedRequest,
  StreamHandlers,
  StreamRequest,
} from './platform'

/** One request under way, and the platform's knowledge of it. */
export interface FetchCall {
  readonly response: Promise<Response>
  /** Puts an error of `fetch` or of the body into the words of the judge. */
  classify(error: unknown): NetworkFailure
  /** The failure to report when our own deadline passed. */
  timedOut(timeoutMs: number): NetworkFailure
  /** Proof that it still waits for a connection: nothing of it has left. Absent where there is none. */
  isWaiting?(): boolean
}

/** What not every request wants. */
export interface HowToStart {
  /** Called when the answer of `isWaiting` has changed, possibly before `start` has returned. */
  readonly progressed?: () => void
  /** Over a connection of its own, where that can be had. */
  readonly fresh?: boolean
}

/** What a platform adds to `fetch`: how a road is dialled, its clock, and the list of what is alive. */
export interface FetchBackend {
  /** Absolute URL of `path` on the road. */
  url(road: Road, path: string): string
  start(road: Road, url: string, init: RequestInit, how?: HowToStart): FetchCall
  /** The members of `init` with which the library's own requests are made (readiness, events, command). */
  readonly ownInit: RequestInit
  /** May a request of our own carry any header without further ado? */
  readonly anyHeader: boolean
  /** What `anyAnswer` changes of that, where answers can be hidden from us. */
  anyAnswerInit?(url: string): RequestInit
  setTimer(delayMs: number, callback: () => void): Cancel
  /** Registers something that lives until it ends or the platform closes; returns how to say that it ended. */
  track(cancel: Cancel): () => void
}

const noop = (): void => undefined

/** Lets go of a response nobody will read. Never throws, never rejects. */
export function discardResponse(response: Response): void {
  // A locked or disturbed body belongs to its reader, who ends it by the abort signal.
  if (response.body !== null && !response.body.locked) response.body.cancel().catch(noop)
}

function readHeader(response: Response): (name: string) => string | undefined {
  return (name) => response.headers.get(name) ?? undefined
}

/** `AbortSignal.any` with a fallback for engines before 2024 (Safari 17.3). */
function eitherSignal(
  ours: AbortSignal,
  theirs: AbortSignal | null | undefined,
  controller: AbortController,
): AbortSignal {
  if (theirs === null || theirs === undefined) return ours
  if (typeof AbortSignal.any === 'function') return AbortSignal.any([ours, theirs])
  if (theirs.aborted) controller.abort(theirs.reason)
  else theirs.addEventListener('abort', () => controller.abort(theirs.reason), { once: true })
  return ours
}

/** The body grew beyond what its reader allows. */
function tooLarge(maxBytes: number): NetworkFailure {
  return { kind: 'too-large', sent: 'maybe', message: `the body is longer than ${maxBytes} bytes` }
}

/** Reads a body whole, up to a limit that counts decoded bytes, so that a compressed bomb is stopped too. */
async function readBody(response: Response, maxBytes: number): Promise<string | undefined> {
  if (response.body === null) return ''
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    bytes += value.byteLength
    if (bytes > maxBytes) {
      reader.cancel().catch(noop)
      return undefined
    }
    text += decoder.decode(value, { stream: true })
  }
}

/** One small exchange; its deadline covers the body. */
export function exchangeOver(
  backend: FetchBackend,
  request: ExchangeRequest,
  done: (outcome: ExchangeOutcome) => void,
): Cancel {
  const controller = new AbortController()
  const url = backend.url(request.road, request.path)
  const init = {
    ...backend.ownInit,
    ...(request.anyAnswer === true ? backend.anyAnswerInit?.(url) : {}),
    ...ownRequest(request),
    ...(request.knownTag === undefined || !backend.anyHeader
      ? {}
      : { headers: conditional(request, request.knownTag) }),
    signal: controller.signal,
  }
  const call = backend.start(request.road, url, init, { fresh: request.fresh === true })
  let over = false
  const finish = (): boolean => {
    if (over) return false
    over = true
    stopTimer()
    untrack()
    return true
  }
  const cancel = (): void => {
    if (finish()) controller.abort()
  }
  const fail = (failure: NetworkFailure): void => {
    if (!finish()) return
    controller.abort()
    emit(() => done({ ok: false, failure }))
  }
  const stopTimer = backend.setTimer(request.timeoutMs, () => fail(call.timedOut(request.timeoutMs)))
  const untrack = backend.track(cancel)
  const receive = async (response: Response): Promise<void> => {
    if (over) return discardResponse(response)
    const body = await readBody(response, request.maxBytes)
    if (body === undefined) return fail(tooLarge(request.maxBytes))
    if (finish()) emit(() => done({ ok: true, status: response.status, header: readHeader(response), body }))
  }
  call.response.then(receive).catch((error: unknown) => fail(call.classify(error)))
  return cancel
}

/**
 * Calls back from inside a promise. What a callback throws is a defect of its owner: it surfaces as an uncaught error,
 * as from a timer, and is never taken for a failure of the network.
 */
function emit(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

function conditional(request: ExchangeRequest, tag: string): Record<string, string> {
  return { ...request.headers, 'If-None-Match': tag }
}

function ownRequest(request: ExchangeRequest | StreamRequest): RequestInit {
  return {
    method: request.method,
    ...(request.headers === undefined ? {} : { headers: { ...request.headers } }),
    ...(request.body === undefined ? {} : { body: request.body }),
  }
}

/** A user's request. Once the response is handed over its body belongs to the signal in `init`. */
export function fetchOver(
  backend: FetchBackend,
  request: RoutedRequest,
  done: (outcome: FetchOutcome) => void,
): Cancel {
  const controller = new AbortController()
  const theirs = request.init.signal
  const { waits, connectTimeoutMs } = request
  const tell = (): void => {
    const isWaiting = call.isWaiting?.()
    if (!over && isWaiting !== undefined) emit(() => waits?.(isWaiting))
  }
  let hasReturned = false
  const init = { ...request.init, signal: eitherSignal(controller.signal, theirs, controller) }
  const progressed = (): void => {
    // At once: what is being written now must not be taken for unsent by anything that runs before the next turn.
    if (hasReturned) tell()
    else queueMicrotask(tell)
  }
  const call = backend.start(request.road, request.url, init, { progressed })
  let over = false
  const finish = (): boolean => {
    if (over) return false
    over = true
    stopTimer()
    untrack()
    return true
  }
  const cancel = (): void => {
    if (finish()) controller.abort()
  }
  const untrack = backend.track(cancel)
  const stopTimer = connectTimeoutMs === undefined ? noop : backend.setTimer(connectTimeoutMs, () => connectTimedOut())
  const connectTimedOut = (): void => {
    if (connectTimeoutMs === undefined || call.isWaiting?.() !== true || !finish()) return
    controller.abort()
    emit(() => done({ ok: false, failure: call.timedOut(connectTimeoutMs) }))
  }
  const succeed = (response: Response): void => {
    if (finish()) emit(() => done({ ok: true, response }))
    else discardResponse(response)
  }
  const fail = (error: unknown): void => {
    // The signal's reason is whatever the user gave: it must not be read as a network error.
    const failure: NetworkFailure =
      theirs?.aborted === true
        ? { kind: 'aborted', sent: call.classify(error).sent, message: 'aborted by its signal', cause: error }
        : call.classify(error)
    if (finish()) emit(() => done({ ok: false, failure }))
  }
  call.response.then(succeed, fail)
  hasReturned = true
  return cancel
}

/** A body read as it comes, as text. The deadline ends with the response head. */
export function streamOver(backend: FetchBackend, request: StreamRequest, handlers: StreamHandlers): Cancel {
  const controller = new AbortController()
  const call = backend.start(request.road, backend.url(request.road, request.path), {
    ...backend.ownInit,
    ...ownRequest(request),
    signal: controller.signal,
  })
  let over = false
  const finish = (): boolean => {
    if (over) return false
    over = true
    stopTimer()
    untrack()
    return true
  }
  const cancel = (): void => {
    if (finish()) controller.abort()
  }
  const fail = (failure: NetworkFailure): void => {
    if (!finish()) return
    controller.abort()
    emit(() => handlers.end(failure))
  }
  const stopTimer = backend.setTimer(request.timeoutMs, () => fail(call.timedOut(request.timeoutMs)))
  const untrack = backend.track(cancel)
  const receive = async (response: Response): Promise<void> => {
    if (over) return discardResponse(response)
    stopTimer()
    emit(() => handlers.head(response.status, readHeader(response)))
    const isOver = (): boolean => over
    await readText(response, isOver, (chunk) => emit(() => handlers.text(chunk)))
    if (finish()) emit(() => handlers.end())
  }
  call.response.then(receive).catch((error: unknown) => fail(call.classify(error)))
  return cancel
}

/** Feeds decoded text to `sink` until the body ends or the reader is over. */
async function readText(response: Response, isOver: () => boolean, sink: (chunk: string) => void): Promise<void> {
  if (isOver()) return discardResponse(response)
  if (response.body === null) return
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  while (!isOver()) {
    const { done, value } = await reader.read()
    if (isOver()) break
    const text = done ? decoder.decode() : decoder.decode(value, { stream: true })
    if (text !== '') sink(text)
    if (done) return
  }
  reader.cancel().catch(noop)
}
