/** The two transports of the live connection: WebSocket, and event stream for networks that strip upgrades. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { SUBPROTOCOL } from '../../../core/wire'
import type { Carrier } from '../../server/carrier'
import { bearerToken, withToken } from '../../server/http-answers'
import type { ServerState } from '../../server/server-state'
import { Session } from '../../server/session'
import { readJson } from './body'

const MAX_FRAME_BYTES = 1_048_576

export class LiveConnections {
  readonly #state: ServerState
  readonly #stream = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  })
  readonly #echo = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  /** Plain WebSockets (`/ws/echo`): they hear of faults, but speak no contract. */
  readonly echoes = new Set<WebSocket>()

  constructor(state: ServerState) {
    this.#state = state
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, path: string): void {
    // The peer may vanish in the middle of a handshake.
    socket.on('error', () => socket.destroy())
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
    if (this.#state.runtime.refuseUpgrades) refuseUpgrade(socket, 403, 'Forbidden')
    else if (path === '/ws/echo') this.#upgradeEcho(request, socket, head)
    else if (path !== '/failover/stream') refuseUpgrade(socket, 404, 'Not Found')
    else if (!offered.includes(SUBPROTOCOL)) refuseUpgrade(socket, 400, 'Bad Request')
    else this.#stream.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket))
  }

  /** `POST /failover/events`: the frames in the body, the answer an event stream of the server's frames. */
  async events(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const frames = await readJson(request)
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.flushHeaders()
    let code = 1006
    const carrier: Carrier = {
      send: (text, sent) => void response.write(`data: ${text.replaceAll('\n', '\ndata: ')}\n\n`, () => sent?.()),
      close: (closeCode) => {
        code = closeCode
        response.end()
      },
      destroy: () => request.socket.destroy(),
      backlogBytes: () => response.writableLength,
      hold: () => undefined,
    }
    const session = new Session(this.#state, carrier, 'events')
    response.on('close', () => session.ended(code, ''))
    if (!Array.isArray(frames) || frames.length === 0)
      return session.reject('invalid', 'the body is an array of frames')
    const token = bearerToken(request.headers.authorization)
    for (const frame of frames as readonly unknown[]) session.receive(withToken(frame, token))
  }

  #serve(webSocket: WebSocket): void {
    const carrier: Carrier = {
      send: (text, sent) => {
        if (webSocket.readyState === WebSocket.OPEN) webSocket.send(text, () => sent?.())
      },
      close: (code, reason) => webSocket.close(code, reason),
      destroy: () => webSocket.terminate(),
      backlogBytes: () => webSocket.bufferedAmount,
      hold: (on) => (on ? webSocket.pause() : webSocket.resume()),
    }
    const session = new Session(this.#state, carrier, 'websocket')
    webSocket.on('message', (data, isBinary) => {
      if (isBinary) session.reject('invalid', 'frames are text')
      else session.receiveText(String(data as Buffer))
    })
    webSocket.on('close', (code, reason) => session.ended(code, reason.toString()))
    webSocket.on('error', () => undefined)
  }

  #upgradeEcho(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#echo.handleUpgrade(request, socket, head, (webSocket) => {
      this.echoes.add(webSocket)
      webSocket.on('close', () => this.echoes.delete(webSocket))
      webSocket.on('error', () => undefined)
      webSocket.on('message', (data, isBinary) => webSocket.send(data as Buffer, { binary: isBinary }))
      if (new URL(request.url ?? '/', 'http://server').searchParams.has('greet')) {
        webSocket.send(JSON.stringify({ server: this.#state.config.name }))
      }
    })
  }
}

function refuseUpgrade(socket: Duplex, status: number, text: string): void {
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
