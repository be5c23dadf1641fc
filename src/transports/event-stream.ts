/**
 * The wire contract without WebSocket: server frames as an event stream, commands as POSTs.
 *
 * A request carries the whole set of topics and the token, so every change of either *reopens* the stream: the new one
 * is asked for with the positions reached, the old one is read on until the new one's first frame, and from then on
 * only the new one counts. To the session it is one link: the repeated `welcome` and the repeated `subscribed` of a
 * reopen are kept from it, unless they say something new (another server, a new term, a resync).
 */
import { createParser, type EventSourceParser } from 'eventsource-parser'
import { parseFrame } from '../core/parse-frame'
import {
  CLOSE,
  type ClientFrame,
  type HelloFrame,
  type RejectFrame,
  type ServerFrame,
  type WelcomeFrame,
} from '../core/wire'
import type { Cancel, Platform } from '../platform/platform'
import { CommandLane, postHeaders } from './event-stream-commands'
import { TopicPositions } from './event-stream-positions'
import { exceedsBytes } from './frame-size'
import { lineEnds } from './line-ends'
import type { LinkClose, LinkHandlers, LinkRequest, LiveLink, LiveTransport } from './live-transport'

const EVENT_STREAM = 'text/event-stream'
/** Room for what surrounds a frame in the parser's buffer: field names, line ends. */
const PARSER_SLACK = 1024

/** Close codes of a refusal, as a WebSocket would have closed (rule 10 of the contract). */
const REJECT_CLOSE: ReadonlyMap<string, number> = new Map<string, number>([
  ['unauthorized', CLOSE.unauthorized],
  ['forbidden', CLOSE.forbidden],
  ['unknown-ucc', CLOSE.unknownUcc],
  ['unsupported-version', CLOSE.invalid],
  ['invalid', CLOSE.invalid],
  ['overloaded', CLOSE.tryLater],
])

/** Makes the transport. Stateless: each `open` is one link, of one or more streams in turn. */
export function eventStreamTransport(platform: Platform): LiveTransport {
  return { kind: 'event-stream', open: (request, handlers) => new EventStreamLink(platform, request, handlers) }
}

type Farewell = Pick<LinkClose, 'code' | 'reason'>

/** One POST of the set of topics, and its answer. */
interface Stream {
  readonly parser: EventSourceParser
  cancel: Cancel
  stopDeadline: Cancel
  /** Nothing of it counts any more. */
  dropped: boolean
  /** How the server announced the end, if it did. */
  farewell: Farewell | undefined
}

class EventStreamLink implements LiveLink {
  readonly transport = 'event-stream'
  readonly #positions = new TopicPositions()
  readonly #commands: CommandLane
  #over = false
  #abandoned = false
  #hello: HelloFrame | undefined
  #welcome: WelcomeFrame | undefined
  /** The stream that is read, and the one that shall replace it at its first frame. */
  #current: Stream | undefined
  #next: Stream | undefined
  #stopFlush: Cancel | undefined
  #stopOpening: Cancel
  /** Announced by the server for the whole link, reopened streams included. */
  #goaway: Farewell | undefined
  /** Asked to leave: ends when the commands under way are answered. */
  #leaving: Farewell | undefined

  constructor(
    private readonly platform: Platform,
    private readonly request: LinkRequest,
    private readonly handlers: LinkHandlers,
  ) {
    this.#commands = new CommandLane(platform, request, {
      frame: (frame) => this.handlers.frame(frame),
      problem: (problem) => this.handlers.problem(problem),
      lost: (close) => this.#end(close),
      idle: () => this.#endIfLeft(),
      context: () => ({ client: this.#hello?.client ?? { id: '' }, ...helloContext(this.#hello) }),
    })
    this.#stopOpening = platform.setTimer(0, () => handlers.opened())
  }

  send(frame: ClientFrame): void {
    if (this.#over || this.#leaving !== undefined) return
    switch (frame.type) {
      case 'hello':
        this.#hello = frame
        return this.#changed()
      case 'authorize':
        if (this.#hello !== undefined) this.#hello = { ...this.#hello, token: frame.token }
        return this.#changed()
      case 'subscribe':
        this.#positions.subscribe(frame)
        return this.#changed()
      case 'unsubscribe':
        if (this.#positions.remove(frame.id)) this.#changed()
        return
      case 'command':
        return this.#commands.push(frame)
      case 'leave':
        return this.close(CLOSE.normal, frame.reason)
      case 'ping':
        // Nothing to send it on; the session reads missed beats instead.
        return
    }
  }

  withdraw(id: number, expired: boolean): void {
    this.#commands.withdraw(id, expired)
  }

  close(code: number, reason: string): void {
    if (this.#over || this.#leaving !== undefined) return
    this.#leaving = { code, reason }
    this.#stopFlush?.()
    // Not in this turn: `closed` must not be called from inside `close()`.
    this.#stopFlush = this.platform.setTimer(0, () => this.#endIfLeft())
  }

  abandon(): void {
    this.#abandoned = true
    this.#stop()
  }

  /** Frames of one turn leave in one request. */
  #changed(): void {
    this.#stopFlush ??= this.platform.setTimer(0, () => {
      this.#stopFlush = undefined
      this.#reopen()
    })
  }

  #endIfLeft(): void {
    if (this.#leaving !== undefined && this.#commands.idle) this.#end({ ...this.#leaving, clean: true })
  }

  #reopen(): void {
    if (this.#hello === undefined || this.#over) return
    if (this.#next !== undefined) drop(this.#next)
    this.#next = this.#openStream(JSON.stringify([this.#hello, ...this.#positions.frames()]), this.#hello.token)
  }

  #openStream(body: string, token: string | undefined): Stream {
    const { road, paths, timeoutMs, maxFrameBytes } = this.request
    const unify = lineEnds()
    const stream: Stream = {
      parser: createParser({
        maxBufferSize: maxFrameBytes + PARSER_SLACK,
        onEvent: ({ data }) => this.#received(stream, data),
        onError: (error) => {
          if (error.type === 'max-buffer-size-exceeded') this.#tooLarge(stream)
        },
      }),
      cancel: () => undefined,
      // The head alone proves little: proxies answer it and then buffer. The first frame counts.
      stopDeadline: this.platform.setTimer(timeoutMs, () => {
        const message = `no frame of the event stream within ${timeoutMs} ms`
        if (!stream.dropped) this.#end(lost({ failure: { kind: 'timeout', sent: 'maybe', message } }))
      }),
      dropped: false,
      farewell: undefined,
    }
    stream.cancel = this.platform.stream(
      { road, path: paths.events, method: 'POST', headers: postHeaders(EVENT_STREAM, token), body, timeoutMs },
      {
        head: (status, header) => this.#answered(stream, status, header('content-type')),
        text: (chunk) => {
          if (!stream.dropped) stream.parser.feed(unify(chunk))
        },
        end: (failure) => this.#ended(stream, failure === undefined ? {} : { failure }),
      },
    )
    return stream
  }

  #answered(stream: Stream, status: number, contentType: string | undefined): void {
    if (stream.dropped) return
    const isStream = contentType?.split(';', 1)[0]?.trim().toLowerCase() === EVENT_STREAM
    if (status !== 200 || !isStream) this.#end(lost({ status }))
  }

  #ended(stream: Stream, why: Pick<LinkClose, 'failure'>): void {
    if (stream.dropped) return
    // The old stream may end while its successor is being opened: that one decides.
    if (stream === this.#current && this.#next !== undefined) {
      drop(stream)
      this.#current = undefined
      return
    }
    const farewell = stream.farewell ?? this.#goaway
    this.#end(farewell === undefined ? lost(why) : { ...farewell, clean: true })
  }

  #tooLarge(stream: Stream): void {
    if (stream.dropped) return
    this.handlers.problem({ reason: 'too-large', detail: `a frame is longer than ${this.request.maxFrameBytes} bytes` })
    this.#end({ code: CLOSE.frameTooBig, reason: 'frame too big', clean: false })
  }

  #received(stream: Stream, data: string): void {
    if (stream.dropped) return
    if (exceedsBytes(data, this.request.maxFrameBytes)) return this.#tooLarge(stream)
    if (stream === this.#next) this.#takeOver(stream)
    const parsed = parseFrame(data)
    if (!parsed.ok) this.handlers.problem(parsed.problem)
    else if (parsed.frame !== undefined) this.#frame(stream, parsed.frame)
  }

  #takeOver(stream: Stream): void {
    stream.stopDeadline()
    if (this.#current !== undefined) drop(this.#current)
    this.#current = stream
    this.#next = undefined
  }

  #frame(stream: Stream, frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        return this.#welcomed(frame)
      case 'subscribed':
      case 'snapshot':
      case 'event': {
        const verdict = this.#positions.judge(frame)
        if (verdict === 'lost')
          return this.#end({ code: CLOSE.restart, reason: 'streams cannot be joined', clean: true })
        if (verdict === 'pass') this.handlers.frame(frame)
        return
      }
      case 'reject':
        if (frame.id === undefined) stream.farewell = rejectClose(frame)
        // Not running: the server will answer this id when it runs (rule 6), so it stays in the set.
        else if (frame.code !== 'not-running') this.#positions.remove(frame.id)
        return this.handlers.frame(frame)
      case 'goaway':
        this.#goaway = { code: CLOSE.goingAway, reason: frame.reason }
        return this.handlers.frame(frame)
      default:
        return this.handlers.frame(frame)
    }
  }

  /** The first is the link's own; later ones must come from the same server with the same memory. */
  #welcomed(frame: WelcomeFrame): void {
    const before = this.#welcome
    this.#welcome = frame
    if (before === undefined) return this.handlers.frame(frame)
    if (frame.server !== before.server || frame.keys !== before.keys) {
      return this.#end({ code: CLOSE.restart, reason: `${frame.server} answers now`, clean: true })
    }
    const { state, term } = frame
    this.handlers.frame({ type: 'status', state, ...(term === undefined ? {} : { term }) })
  }

  #end(close: LinkClose): void {
    if (this.#over) return
    const unsent = this.#stop()
    // As rule 6 says it: certainly not executed, to be sent again elsewhere within its deadline.
    const error = { code: 'not-running', message: 'the link ended before the command was sent' }
    for (const { id } of unsent) {
      if (!this.#abandoned) this.handlers.frame({ type: 'result', id, status: 'rejected', error })
    }
    if (!this.#abandoned) this.handlers.closed(close)
  }

  /** Ends everything without a word; returns the commands that were never posted. */
  #stop(): ReturnType<CommandLane['end']> {
    this.#over = true
    this.#stopOpening()
    this.#stopFlush?.()
    if (this.#current !== undefined) drop(this.#current)
    if (this.#next !== undefined) drop(this.#next)
    return this.#commands.end()
  }
}

function helloContext(hello: HelloFrame | undefined): { ucc?: string; token?: string } {
  return {
    ...(hello?.ucc === undefined ? {} : { ucc: hello.ucc }),
    ...(hello?.token === undefined ? {} : { token: hello.token }),
  }
}

function rejectClose({ code }: RejectFrame): Farewell {
  return { code: REJECT_CLOSE.get(code) ?? CLOSE.abnormal, reason: code }
}

function drop(stream: Stream): void {
  stream.dropped = true
  stream.stopDeadline()
  stream.cancel()
}

/** The stream broke: what a WebSocket reports as 1006. */
function lost(why: Pick<LinkClose, 'failure' | 'status'>): LinkClose {
  return { code: CLOSE.abnormal, reason: '', clean: false, ...why }
}
