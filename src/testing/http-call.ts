/** One HTTP request of a client, from the wish to its end, with its deadlines. */
import type { NetworkFailure, Road } from '../core/road'
import type { Cancel } from '../platform/platform'
import type { HttpLines } from './http-lines'
import type { WireRequest } from './segments'
import type { PlatformDevice } from './simulated-platform'
import type { AnswerSegment } from './web-http'

export interface CallLimits {
  /** To the head of the response. */
  readonly timeoutMs?: number
  /** To a connection, where the platform can prove that nothing was sent. */
  readonly connectTimeoutMs?: number | undefined
  /** On a connection of its own, where the platform can. */
  readonly isFresh?: boolean
}

export interface CallEvents {
  waits?(isWaiting: boolean): void
  answered(response: AnswerSegment): void
  text?(text: string): void
  end?(): void
  failed(failure: NetworkFailure): void
}

export class HttpCall {
  readonly #device: PlatformDevice
  readonly #lines: HttpLines
  readonly #limits: CallLimits
  readonly #on: CallEvents
  readonly #ended: () => void
  readonly #canProveUnsent: boolean
  #cancels: Cancel[] = []
  #isSent = false
  #isAnswered = false

  constructor(device: PlatformDevice, lines: HttpLines, limits: CallLimits, on: CallEvents, ended: () => void) {
    this.#device = device
    this.#lines = lines
    this.#limits = limits
    this.#on = on
    this.#ended = ended
    this.#canProveUnsent = device.kind === 'node'
  }

  start(road: Road, request: WireRequest): Cancel {
    const { timeoutMs, connectTimeoutMs } = this.#limits
    this.#arm(timeoutMs, () => !this.#isAnswered)
    if (this.#canProveUnsent) this.#arm(connectTimeoutMs, () => !this.#isSent)
    this.#cancels.push(this.#device.setTimer(0, () => this.#send(road, request)))
    return () => this.#stop()
  }

  #arm(delayMs: number | undefined, applies: () => boolean): void {
    if (delayMs === undefined) return
    const expire = (): void => {
      if (applies()) this.#fail('timeout', 'ETIMEDOUT')
    }
    this.#cancels.push(this.#device.setTimer(delayMs, expire))
  }

  #send(road: Road, request: WireRequest): void {
    if (this.#canProveUnsent) this.#on.waits?.(true)
    const cancel = this.#lines.call(road, request, this.#canProveUnsent && this.#limits.isFresh === true, {
      sends: () => {
        this.#isSent = true
        if (this.#canProveUnsent) this.#on.waits?.(false)
      },
      response: (response) => {
        this.#isAnswered = true
        if (response.isWhole) this.#finish()
        this.#on.answered(response)
      },
      body: (text) => this.#on.text?.(text),
      bodyEnd: () => {
        this.#finish()
        this.#on.end?.()
      },
      failed: (kind, code) => this.#fail(kind, code),
    })
    this.#cancels.push(cancel)
  }

  #fail(kind: NetworkFailure['kind'], code: string): void {
    this.#finish()
    this.#on.failed(this.#device.failures(kind, this.#isSent, code))
  }

  #finish(): void {
    this.#ended()
    this.#stop()
  }

  #stop(): void {
    for (const cancel of this.#cancels) cancel()
    this.#cancels = []
  }
}
