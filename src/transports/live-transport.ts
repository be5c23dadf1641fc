/**
 * One live connection speaking the wire contract, whatever carries it. Implementations: `web-socket.ts` and
 * `event-stream.ts`. They move frames and report; they decide nothing.
 */
import type { FrameProblem } from '../core/parse-frame'
import type { NetworkFailure, Road } from '../core/road'
import type { ClientFrame, ServerFrame } from '../core/wire'

export interface LinkRequest {
  readonly road: Road
  /** `/failover/stream`, `/failover/events`, `/failover/command`, as configured. */
  readonly paths: { readonly stream: string; readonly events: string; readonly command: string }
  readonly maxFrameBytes: number
  /** For HTTP steps inside the transport. */
  readonly timeoutMs: number
}

export interface LinkHandlers {
  /** Ready to take `hello`. */
  opened(): void
  frame(frame: ServerFrame): void
  /** A frame that could not be read. Known `id`: only that topic is concerned. */
  problem(problem: FrameProblem): void
  /** Exactly once, last; never after `abandon()`. */
  closed(close: LinkClose): void
}

export interface LinkClose {
  readonly code: number
  readonly reason: string
  readonly clean: boolean
  readonly failure?: NetworkFailure
  /** HTTP status that refused the upgrade or the stream, where the platform can see it. */
  readonly status?: number
}

export interface LiveLink {
  readonly transport: 'websocket' | 'event-stream'
  /** Takes the frame; frames of one synchronous turn leave in one flush where the carrier batches. */
  send(frame: ClientFrame): void
  /**
   * This command is not wanted any more: where it still waits, it does not leave. `expired`: its deadline has passed,
   * so where others wait for its answer, they do not any more.
   */
  withdraw(id: number, expired: boolean): void
  /** Ordinary close; `closed` follows in bounded time (the caller has its own deadline and may `abandon`). */
  close(code: number, reason: string): void
  /** Drops everything now, silently; late events are absorbed. */
  abandon(): void
}

export interface LiveTransport {
  readonly kind: LiveLink['transport']
  open(request: LinkRequest, handlers: LinkHandlers): LiveLink
}
