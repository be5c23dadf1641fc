/** HTTP/1.1 of one platform: lines that are kept alive for each generation of a road, one request at a time on each. */
import type { FailureKind, Road } from '../core/road'
import type { Cancel } from '../platform/platform'
import { openLine, type LineDevice } from './line'
import type { Segment, WireRequest } from './segments'
import type { End } from './tcp'

/** undici's own. */
const KEEP_ALIVE_MS = 4000

export interface CallHandlers {
  /** It is about to be written. */
  sends(): void
  response(response: Extract<Segment, { is: 'response' }>): void
  body(text: string): void
  /** Of a body that came in pieces. */
  bodyEnd(): void
  failed(kind: FailureKind, code: string): void
}

interface Line {
  readonly road: Road
  /** For one request. */
  readonly isFresh: boolean
  end: End | undefined
  user: CallHandlers | undefined
  /** Sits in the pool since. */
  stopIdling: Cancel | undefined
  drop: Cancel
}

export interface HttpDevice extends LineDevice {
  setTimer(delayMs: number, callback: () => void): Cancel
  /** Something that must not survive `close()`; returns how to say that it has ended. */
  track(what: string): () => void
}

export class HttpLines {
  readonly #device: HttpDevice
  readonly #idle: Line[] = []

  constructor(device: HttpDevice) {
    this.#device = device
  }

  /**
   * Sends a request on an idle line, or on a new one. Cancelling one that is under way drops its line.
   *
   * @param isFresh on a line of its own, which is hung up when it is answered.
   */
  call(road: Road, request: WireRequest, isFresh: boolean, handlers: CallHandlers): Cancel {
    const idle = isFresh ? undefined : this.#takeIdle(road)
    const line = idle ?? this.#open(road, request, isFresh)
    line.user = handlers
    if (idle !== undefined) this.#send(line, request)
    return () => {
      if (line.user !== handlers) return
      line.user = undefined
      line.drop()
    }
  }

  /** Only whether somebody listens: connects and hangs up. Nothing is said of a failure when all is well. */
  probe(road: Road, done: (kind: FailureKind | undefined, code: string) => void): Cancel {
    return openLine(this.#device, road, {
      ready: () => done(undefined, ''),
      failed: done,
      data: () => undefined,
      ended: () => undefined,
    })
  }

  /** Closes idle lines of this endpoint's generations below `generation`. */
  release(endpointId: string, generation = Infinity): void {
    for (const line of [...this.#idle]) {
      if (line.road.endpointId === endpointId && line.road.generation < generation) this.#dropIdle(line)
    }
  }

  close(): void {
    for (const line of [...this.#idle]) this.#dropIdle(line)
  }

  #takeIdle(road: Road): Line | undefined {
    const index = this.#idle.findLastIndex(
      (line) =>
        line.road.endpointId === road.endpointId &&
        line.road.generation === road.generation &&
        line.road.url === road.url,
    )
    const [line] = index === -1 ? [] : this.#idle.splice(index, 1)
    line?.stopIdling?.()
    return line
  }

  #open(road: Road, request: WireRequest, isFresh: boolean): Line {
    const untrack = this.#device.track(`connection to ${road.url}`)
    const line: Line = { road, isFresh, end: undefined, user: undefined, stopIdling: undefined, drop: () => undefined }
    const gone = (kind: FailureKind, code: string): void => {
      untrack()
      this.#forget(line)
      const { user } = line
      line.user = undefined
      user?.failed(kind, code)
    }
    const cancel = openLine(this.#device, road, {
      ready: (end) => {
        line.end = end
        this.#send(line, request)
      },
      failed: gone,
      data: (segment) => this.#take(line, segment),
      ended: () => gone('reset', 'ECONNRESET'),
    })
    line.drop = () => {
      untrack()
      cancel()
    }
    return line
  }

  #send(line: Line, request: WireRequest): void {
    line.user?.sends()
    line.end?.send({ is: 'request', request })
  }

  #take(line: Line, segment: Segment): void {
    const { user } = line
    if (user === undefined) return
    if (segment.is === 'body') return user.body(segment.text)
    if (segment.is === 'body-end') {
      this.#keep(line)
      return user.bodyEnd()
    }
    if (segment.is !== 'response') return
    if (segment.isWhole) this.#keep(line)
    user.response(segment)
  }

  /** Answered whole: the line waits for the next request. */
  #keep(line: Line): void {
    line.user = undefined
    if (line.isFresh) return this.#dropIdle(line)
    this.#idle.push(line)
    line.stopIdling = this.#device.setTimer(KEEP_ALIVE_MS, () => this.#dropIdle(line))
  }

  #dropIdle(line: Line): void {
    this.#forget(line)
    line.end?.close()
    line.drop()
  }

  #forget(line: Line): void {
    line.stopIdling?.()
    const index = this.#idle.indexOf(line)
    if (index !== -1) this.#idle.splice(index, 1)
  }
}
