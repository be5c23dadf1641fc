/** A made-up platform, where its calls end up: the newest stream and exchange, and what to do when its timers fire. */
import type {
  ExchangeOutcome,
  ExchangeRequest,
  Platform,
  StreamHandlers,
  StreamRequest,
} from '../../src/platform/platform'
import type { LinkRequest } from '../../src/transports/live-transport'
import { must } from './expect'

export const LINK_REQUEST: LinkRequest = {
  road: { endpointId: 'e', generation: 1, url: 'https://srv1.contoso.com' },
  paths: { stream: '/s', events: '/e', command: '/c' },
  maxFrameBytes: 1024,
  timeoutMs: 5000,
}

export class Wire {
  request: StreamRequest | undefined
  handlers: StreamHandlers | undefined
  cancelled = false
  /** Every exchange that was begun; at most the newest one is under way. */
  readonly posted: ExchangeRequest[] = []
  #exchange: ((outcome: ExchangeOutcome) => void) | undefined
  readonly #timers = new Map<() => void, number>()

  readonly platform = {
    now: () => 0,
    wallClock: () => 1_767_225_600_000,
    random: () => 0.5,
    setTimer: (delayMs: number, callback: () => void) => {
      must(delayMs >= 0 && delayMs <= 86_400_000, `a timer of ${delayMs} ms`)
      this.#timers.set(callback, delayMs)
      return () => void this.#timers.delete(callback)
    },
    exchange: (request: ExchangeRequest, done: (outcome: ExchangeOutcome) => void) => {
      this.#exchange = done
      this.posted.push(request)
      return () => void (this.#exchange = undefined)
    },
    stream: (request: StreamRequest, handlers: StreamHandlers) => {
      Object.assign(this, { request, handlers, cancelled: false })
      return () => void (this.cancelled = true)
    },
  } as unknown as Platform

  /** Lets the time pass. Those without delay carry the link on; the others are waits and deadlines. */
  pass(ms: number): void {
    for (const [callback, delayMs] of this.#timers) {
      if (delayMs > ms) continue
      this.#timers.delete(callback)
      callback()
    }
  }

  /** The answer, as a platform tells it: nothing any more after the stream was cancelled. */
  answer(status: number, headers: Readonly<Record<string, string>>, chunks: readonly string[]): void {
    const { handlers } = this
    if (handlers === undefined || this.cancelled) return
    handlers.head(status, (name) => headers[name.toLowerCase()])
    for (const chunk of chunks) {
      if (this.cancelled || this.handlers !== handlers) return
      handlers.text(chunk)
    }
    if (this.cancelled || this.handlers !== handlers) return
    this.cancelled = true
    handlers.end()
  }

  /** Answers the exchange under way, if there is one. */
  reply(status: number, body: string): void {
    const done = this.#exchange
    this.#exchange = undefined
    done?.({ ok: true, status, header: () => undefined, body })
  }
}
