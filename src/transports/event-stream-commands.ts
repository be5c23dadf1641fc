/**
 * The commands of one event-stream link: `POST /failover/command`, one at a time, because two requests under way may
 * arrive in either order and "away, then ready" must not become "ready, then away".
 */
import { readFrame } from '../core/parse-frame'
import { CLOSE, type ClientIdentity, type CommandFrame, type ServerFrame } from '../core/wire'
import type { Cancel, ExchangeOutcome, Platform } from '../platform/platform'
import type { LinkClose, LinkHandlers, LinkRequest } from './live-transport'

/** A command may take its time; the link's beats tell earlier whether anybody is there. */
const COMMAND_CEILING_MS = 30_000
const ABNORMAL = 1006

/** What a command carries beside its frame. */
export interface CommandContext {
  readonly client: ClientIdentity
  readonly ucc?: string
  readonly token?: string
}

/** The link's side of the lane. */
export interface CommandHandlers {
  frame(frame: ServerFrame): void
  problem: LinkHandlers['problem']
  /** The link is lost, as a WebSocket would be: a command's outcome is unknown, or the token was refused. */
  lost(close: LinkClose): void
  /** The last command was answered. */
  idle(): void
  context(): CommandContext
}

/** Headers of the library's own POSTs. */
export function postHeaders(accept: string, token: string | undefined): Record<string, string> {
  return {
    Accept: accept,
    'Content-Type': 'application/json',
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Sends commands in order. */
export class CommandLane {
  #waiting: CommandFrame[] = []
  #current: CommandFrame | undefined
  #cancel: Cancel = () => undefined
  /** `resting`: one was given up in this turn, which may bring the end of those behind it: nothing is posted in it. */
  #state: 'open' | 'resting' | 'ended' = 'open'

  constructor(
    private readonly platform: Platform,
    private readonly request: LinkRequest,
    private readonly handlers: CommandHandlers,
  ) {}

  /** Nothing is under way or waiting. */
  get idle(): boolean {
    return this.#current === undefined && this.#waiting.length === 0
  }

  /** Queues a command. */
  push(frame: CommandFrame): void {
    this.#waiting.push(frame)
    this.#next()
  }

  /**
   * Not posted any more, if it was not yet. One under way is given up behind its deadline, when the server was told of
   * it: nothing of it happens any more, so what waits cannot overtake it. Else a server that swallowed it would hold up
   * all that waits, and at the ceiling cost a link that is well.
   */
  withdraw(id: number, expired: boolean): void {
    this.#waiting = this.#waiting.filter((frame) => frame.id !== id)
    if (!expired || this.#current?.id !== id || this.#current.notAfter === undefined) return
    this.#cancel()
    this.#current = undefined
    if (this.#state !== 'open') return
    this.#state = 'resting'
    // No timer: those of a hidden page are late, and what waits here has a deadline too.
    queueMicrotask(() => {
      if (this.#state !== 'resting') return
      this.#state = 'open'
      this.#done()
    })
  }

  /** Commands that were never posted: certainly not executed. Empties the lane and drops what is under way. */
  end(): readonly CommandFrame[] {
    this.#cancel()
    this.#state = 'ended'
    this.#current = undefined
    return this.#waiting.splice(0)
  }

  #next(): void {
    if (this.#current !== undefined || this.#state !== 'open') return
    const frame = this.#waiting.shift()
    if (frame === undefined) return
    this.#current = frame
    const { client, ucc, token } = this.handlers.context()
    const query = ucc === undefined ? '' : `?ucc=${encodeURIComponent(ucc)}`
    this.#cancel = this.platform.exchange(
      {
        road: this.request.road,
        path: this.request.paths.command + query,
        method: 'POST',
        headers: postHeaders('application/json', token),
        body: JSON.stringify({ ...frame, client }),
        timeoutMs: Math.max(COMMAND_CEILING_MS, this.request.timeoutMs),
        maxBytes: this.request.maxFrameBytes,
      },
      (outcome) => this.#answered(frame, outcome),
    )
  }

  #answered(frame: CommandFrame, outcome: ExchangeOutcome): void {
    if (!outcome.ok) {
      if (outcome.failure.kind === 'too-large') {
        this.handlers.problem({ reason: 'too-large', detail: outcome.failure.message, id: frame.id })
        return this.#done()
      }
      // Provably unsent: it goes back to those that were never posted.
      if (outcome.failure.sent === 'no') this.#waiting.unshift(frame)
      return this.handlers.lost({ code: ABNORMAL, reason: '', clean: false, failure: outcome.failure })
    }
    const body = parseJson(outcome.body)
    // A proxy's page, or a server without this path: the command may have been executed or not.
    if (body === undefined) {
      return this.handlers.lost({ code: ABNORMAL, reason: '', clean: false, status: outcome.status })
    }
    const parsed = readFrame(body)
    if (parsed.ok && parsed.frame?.type === 'reject' && parsed.frame.code === 'unauthorized') {
      // The token is no longer good here, as a WebSocket would have been closed with it. The command was not executed.
      this.#waiting.unshift(frame)
      return this.handlers.lost({ code: CLOSE.unauthorized, reason: 'unauthorized', clean: true })
    }
    if (parsed.ok && (parsed.frame?.type === 'result' || parsed.frame?.type === 'reject')) {
      this.handlers.frame({ ...parsed.frame, id: frame.id })
      return this.#done()
    }
    if (outcome.status !== 200) {
      return this.handlers.lost({ code: ABNORMAL, reason: '', clean: false, status: outcome.status })
    }
    const detail = parsed.ok ? 'the answer to a command is a result' : parsed.problem.detail
    this.handlers.problem({ reason: 'malformed', detail, id: frame.id })
    this.#done()
  }

  #done(): void {
    this.#current = undefined
    this.#next()
    if (this.idle) this.handlers.idle()
  }
}
