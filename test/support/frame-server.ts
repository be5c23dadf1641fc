/**
 * A server of the wire contract that does only what a test tells it to: it gathers what clients send and answers by
 * hand, over WebSocket and event stream alike.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { WebSocketServer } from 'ws'
import type { ClientFrame } from '../../src/core/wire'
import type { Loopback } from './loopback'

/** Any frame, right or wrong; text goes out as it is. */
export type Out = object | string

/** One live connection: a WebSocket, or one answer of the event stream. */
export interface Peer {
  readonly received: ClientFrame[]
  readonly authorization: string | undefined
  send(...frames: Out[]): void
  /** Ends it in order: a close frame, or the end of the body. */
  end(code: number): void
  /** Cuts the TCP connection. */
  cut(): void
  readonly closed: boolean
}

/** A command that came by POST. */
export interface PostedCommand {
  readonly url: string
  readonly authorization: string | undefined
  readonly body: Record<string, unknown>
  answer(status: number, body: Out): void
  cut(): void
}

function encode(frame: Out): string {
  return typeof frame === 'string' ? frame : JSON.stringify(frame)
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string
  return text
}

function streamPeer(request: IncomingMessage, response: ServerResponse, body: string): Peer {
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' }).flushHeaders()
  let closed = false
  response.once('close', () => (closed = true))
  return {
    received: JSON.parse(body) as ClientFrame[],
    authorization: request.headers.authorization,
    send: (...frames) => void response.write(frames.map((frame) => `data: ${encode(frame)}\n\n`).join('')),
    end: () => void response.end(),
    cut: () => void response.socket?.resetAndDestroy(),
    get closed() {
      return closed
    },
  }
}

/** One such server; `start` it on the loopback of a test. */
export class FrameServer {
  /** Live connections, oldest first. */
  readonly peers: Peer[] = []
  /** Commands by POST; those of a WebSocket are among its frames. */
  readonly commands: PostedCommand[] = []
  /** Answers every upgrade and stream with this status instead. */
  refuseWith: number | undefined
  /** Selected whatever the client offers; none when undefined. */
  subprotocol: string | undefined = 'failover-stream'
  port = 0

  static async start(loopback: Loopback): Promise<FrameServer> {
    const frameServer = new FrameServer()
    const { server, port } = await loopback.http((request, response) => void frameServer.#request(request, response))
    frameServer.port = port
    const sockets = new WebSocketServer({
      server,
      verifyClient: (_info, done) => done(frameServer.refuseWith === undefined, frameServer.refuseWith),
      handleProtocols: () => frameServer.subprotocol ?? false,
    })
    sockets.on('connection', (socket, request) => {
      const received: ClientFrame[] = []
      socket.on('message', (data) => received.push(JSON.parse((data as Buffer).toString()) as ClientFrame))
      socket.on('error', () => undefined)
      frameServer.peers.push({
        received,
        authorization: request.headers.authorization,
        send: (...frames) => frames.forEach((frame) => socket.send(encode(frame))),
        end: (code) => socket.close(code),
        cut: () => void request.socket.resetAndDestroy(),
        get closed() {
          return socket.readyState === socket.CLOSED
        },
      })
    })
    return frameServer
  }

  /** The newest connection. */
  get last(): Peer {
    const peer = this.peers.at(-1)
    if (peer === undefined) throw new Error('nobody has connected')
    return peer
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    if (request.url?.startsWith('/failover/command') === true) {
      this.commands.push({
        url: request.url,
        authorization: request.headers.authorization,
        body: JSON.parse(body) as Record<string, unknown>,
        answer: (status, answer) => void response.writeHead(status).end(encode(answer)),
        cut: () => void request.socket.resetAndDestroy(),
      })
    } else if (this.refuseWith !== undefined) {
      response.writeHead(this.refuseWith, { 'Content-Type': 'text/html' }).end('<p>no</p>')
    } else {
      this.peers.push(streamPeer(request, response, body))
    }
  }
}
