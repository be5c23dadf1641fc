/** One connection, seen from the server's process: HTTP, and what an upgrade makes of it. */
import { SUBPROTOCOL } from '../core/wire'
import { answerApp } from './server/app-routes'
import type { Carrier } from './server/carrier'
import { tokenRefusal } from './server/frames'
import type { HttpAnswer } from './server/http-answers'
import {
  answerCommand,
  bearerToken,
  CORS,
  dialKind,
  jsonAnswer,
  readinessAnswer,
  withToken,
} from './server/http-answers'
import type { ServerState } from './server/server-state'
import type { DialKind } from './server/server-types'
import { Session } from './server/session'
import type { Segment, WireRequest } from './segments'
import type { ServerProcess } from './server-process'
import type { End, EndHandlers } from './tcp'
import type { SimulatedHttp } from './world-types'

const ABNORMAL = 1006
const NORMAL = 1000
/** How long `ws` waits for the other side's close. */
const CLOSE_WAIT_MS = 30_000

export class ServerLine implements EndHandlers {
  readonly #process: ServerProcess
  readonly #state: ServerState
  readonly #end: End
  readonly #http: SimulatedHttp | undefined
  #session: Session | undefined
  /** A plain WebSocket that sends back what it gets. */
  #echo: { end(): void } | undefined
  /** What came while nothing was read. */
  #held: Segment[] | undefined
  #isClosing = false

  constructor(process: ServerProcess, end: End, http: SimulatedHttp | undefined) {
    this.#process = process
    this.#state = process.state
    this.#end = end
    this.#http = http
    process.ends.add(end)
    process.run(() => this.#note('tcp'))
  }

  data(segment: Segment): void {
    this.#process.run(() => this.#take(segment))
  }

  ended(): void {
    this.#leave(() => undefined)
    this.#process.run(() => this.#session?.ended(ABNORMAL, ''))
  }

  #take(segment: Segment): void {
    if (this.#held !== undefined) {
      this.#held.push(segment)
      return
    }
    if (segment.is === 'client-hello') this.#end.send({ is: 'server-hello' })
    else if (segment.is === 'request') this.#request(segment.request)
    else if (segment.is === 'upgrade') this.#later(() => this.#upgrade(segment.request, segment.protocols))
    else if (segment.is === 'message') this.#message(segment)
    else if (segment.is === 'bytes' && this.#echo !== undefined) this.#end.send(segment)
    else if (segment.is === 'bytes') this.#session?.reject('invalid', 'frames are text')
    else if (segment.is === 'close') this.#closed(segment.code, segment.reason)
  }

  #message(segment: Extract<Segment, { is: 'message' }>): void {
    if (this.#echo !== undefined) this.#end.send(segment)
    else this.#session?.receiveText(segment.text)
  }

  #closed(code: number, reason: string): void {
    if (!this.#isClosing) this.#end.send({ is: 'close', code, reason: '' })
    this.#leave(() => this.#end.close())
    this.#session?.ended(code, reason)
  }

  #leave(how: () => void): void {
    this.#process.ends.delete(this.#end)
    if (this.#echo !== undefined) this.#state.plainStreams.delete(this.#echo)
    how()
  }

  #upgrade(request: WireRequest, protocols: readonly string[]): void {
    this.#noteRequest('upgrade', request)
    const { path, query } = read(request)
    if (this.#state.runtime.refuseUpgrades) return this.#refuse(403)
    if (path === '/ws/echo') {
      this.#echo = { end: () => this.#closeSocket(NORMAL, '') }
      this.#state.plainStreams.add(this.#echo)
      this.#end.send({ is: 'upgraded', protocol: '' })
      const greeting = JSON.stringify({ server: this.#state.config.name })
      if (query.has('greet')) this.#end.send({ is: 'message', text: greeting })
      return
    }
    if (path !== '/failover/stream') return this.#refuse(404)
    if (!protocols.includes(SUBPROTOCOL)) return this.#refuse(400)
    this.#end.send({ is: 'upgraded', protocol: SUBPROTOCOL })
    this.#session = new Session(this.#state, this.#socketCarrier(), 'websocket')
  }

  #refuse(status: number): void {
    this.#end.send({ is: 'response', status, headers: {}, text: '', isWhole: true })
    this.#leave(() => this.#end.close())
  }

  #socketCarrier(): Carrier {
    return {
      send: (text, sent) => {
        this.#end.send({ is: 'message', text })
        sent?.()
      },
      close: (code, reason) => this.#closeSocket(code, reason),
      destroy: () => this.#destroy(),
      backlogBytes: () => this.#end.backlogBytes,
      hold: (on) => this.#hold(on),
    }
  }

  #closeSocket(code: number, reason: string): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#end.send({ is: 'close', code, reason })
    this.#process.after(CLOSE_WAIT_MS, () => this.#destroy())
  }

  #destroy(): void {
    if (!this.#end.isOpen) return
    this.#leave(() => this.#end.abort())
    this.#session?.ended(ABNORMAL, '')
  }

  #hold(on: boolean): void {
    if (on) {
      this.#held ??= []
      return
    }
    const held = this.#held ?? []
    this.#held = undefined
    for (const segment of held) this.#take(segment)
  }

  #request(request: WireRequest): void {
    const { path } = read(request)
    this.#noteRequest(dialKind(path), request)
    this.#later(() => this.#route(request))
  }

  #route(request: WireRequest): void {
    const state = this.#state
    const { path, query } = read(request)
    const answer = (given: HttpAnswer): void => this.#answer(given)
    const ucc = query.get('ucc') ?? undefined
    const token = bearerToken(request.headers['authorization'])
    if (path === '/failover/ready') return answer(readinessAnswer(state, ucc))
    if (path === '/failover/events' && request.method === 'POST') return this.#events(request.body, token)
    if (path === '/failover/command' && request.method === 'POST') {
      return answerCommand(state, { ucc, token, body: parse(request.body) }, answer)
    }
    if (token !== undefined) state.host.note({ note: 'token', token, where: 'header', at: state.host.wallClock() })
    const refusal = tokenRefusal(state.runtime, token)
    if (refusal !== undefined) return answer(jsonAnswer(refusal === 'forbidden' ? 403 : 401, { error: refusal }))
    const { overload } = state.faults
    if (overload !== undefined) {
      const retryAfter = { 'Retry-After': String(Math.ceil(overload.retryAfterMs / 1000)) }
      return answer(jsonAnswer(503, { error: 'overloaded' }, retryAfter))
    }
    this.#application(request, path, query)
  }

  #application(request: WireRequest, path: string, query: URLSearchParams): void {
    const state = this.#state
    const { method, target, headers, body } = request
    const named = /^\/api\/ucc\/([^/]+)\//.exec(path)?.[1]
    const ucc = state.owner(`ucc/${named === undefined ? '' : decodeURIComponent(named)}/`)
    const asked = { method, path: target, headers, body, server: state.config.name }
    const own = this.#http?.({ ...asked, state: ucc?.readiness ?? 'unknown' })
    if (own === undefined) {
      return answerApp(state, { method, path, query, headers, body }, (answer) => this.#answer(answer))
    }
    const { status = 200, headers: more = {}, body: content = '', afterMs = 0 } = own
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    const type = typeof content === 'string' ? 'text/plain' : 'application/json'
    const answer = { status, headers: { 'Content-Type': type, ...more }, body: text }
    if (afterMs > 0) this.#process.after(afterMs, () => this.#answer(answer))
    else this.#answer(answer)
  }

  #answer({ status, headers, body }: HttpAnswer): void {
    const all = { ...CORS, 'X-Server': this.#state.config.name, ...headers }
    this.#end.send({ is: 'response', status, headers: all, text: body, isWhole: true })
  }

  /** `POST /failover/events`: the frames in the body, the answer an event stream of the server's frames. */
  #events(body: string, token: string | undefined): void {
    const frames = parse(body)
    const headers = { ...CORS, 'Content-Type': 'text/event-stream' }
    this.#end.send({ is: 'response', status: 200, headers, text: '', isWhole: false })
    const session = new Session(this.#state, this.#eventCarrier(), 'events')
    this.#session = session
    if (!Array.isArray(frames) || frames.length === 0)
      return session.reject('invalid', 'the body is an array of frames')
    for (const frame of frames as readonly unknown[]) session.receive(withToken(frame, token))
  }

  #eventCarrier(): Carrier {
    return {
      send: (text, sent) => {
        this.#end.send({ is: 'body', text: `data: ${text.replaceAll('\n', '\ndata: ')}\n\n` })
        sent?.()
      },
      close: (code, reason) => {
        this.#end.send({ is: 'body-end' })
        const session = this.#session
        // The connection is kept alive for the next request.
        this.#session = undefined
        session?.ended(code, reason)
      },
      destroy: () => this.#destroy(),
      backlogBytes: () => this.#end.backlogBytes,
      hold: () => undefined,
    }
  }

  #later(action: () => void): void {
    const { slowMs } = this.#state.faults
    if (slowMs > 0) this.#process.after(slowMs, action)
    else action()
  }

  #note(kind: DialKind): void {
    const { host } = this.#state
    host.note({ note: 'dial', kind, at: host.wallClock() })
  }

  #noteRequest(kind: DialKind, { method, target, headers }: WireRequest): void {
    const { host } = this.#state
    this.#note(kind)
    host.note({ note: 'request', method, url: target, headers, at: host.wallClock() })
  }
}

function read({ target }: WireRequest): { readonly path: string; readonly query: URLSearchParams } {
  const question = target.indexOf('?')
  if (question === -1) return { path: target, query: new URLSearchParams() }
  return { path: target.slice(0, question), query: new URLSearchParams(target.slice(question + 1)) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
