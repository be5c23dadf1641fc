/** A real server that speaks HTTP/2 and, as WebSockets need it, HTTP/1.1 on one TLS port; with what reached it. */
import { createSecureServer, type Http2SecureServer, type Http2Session, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { WebSocketServer } from 'ws'
import { TEST_CERTIFICATE, TEST_KEY } from './certificate'

/** One request as the server saw it. */
export interface SeenRequest {
  /** `2.0` or `1.1`. */
  readonly version: string
  readonly method: string
  readonly path: string
  /** `:authority` or Host. */
  readonly host: string | undefined
  readonly sni: string | undefined
}

export type Http2Server = Awaited<ReturnType<typeof startHttp2Server>>

/** The connection a request came by. */
export interface Connection {
  readonly session: Http2Session | undefined
  /** Resets it. */
  readonly reset: () => void
}

/**
 * @param answer What to do with a request; `reply` answers it with 200. Without it each is answered with `name`.
 */
export async function startHttp2Server(
  name: string,
  answer: (request: SeenRequest, reply: () => void, connection: Connection) => void = (_request, reply) => reply(),
  address = '127.0.0.1',
) {
  const seen: SeenRequest[] = []
  const sockets = new Set<Socket>()
  const sessions = new Set<ServerHttp2Session>()
  const server: Http2SecureServer = createSecureServer(
    { key: TEST_KEY, cert: TEST_CERTIFICATE, allowHTTP1: true },
    (request, response) => {
      const socket = request.httpVersion === '2.0' ? request.stream.session?.socket : request.socket
      const servername = (socket as Partial<TLSSocket> | undefined)?.servername
      const one: SeenRequest = {
        version: request.httpVersion,
        method: request.method,
        path: request.url,
        host: request.headers[':authority']?.toString() ?? request.headers.host,
        sni: typeof servername === 'string' ? servername : undefined,
      }
      seen.push(one)
      request.on('error', () => undefined)
      response.on('error', () => undefined)
      const session = request.httpVersion === '2.0' ? request.stream.session : undefined
      const port = socket?.remotePort
      const reset = (): void => {
        for (const each of sockets) if (each.remotePort === port) each.resetAndDestroy()
      }
      answer(one, () => void (response.writableEnded || response.end(name)), { session, reset })
    },
  )
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
  })
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => undefined).on('close', () => sessions.delete(session))
  })
  server.on('error', () => undefined)
  const upgrades = new WebSocketServer({ server: server as never })
  upgrades.on('connection', (peer) => peer.send(name))
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  let isOpen = true
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    /** Sessions of HTTP/2 that are open. */
    sessions,
    /** TCP connections that are open. */
    sockets,
    /** As when the process is killed: every connection is reset, new ones are refused. */
    kill(): void {
      if (isOpen) server.close()
      isOpen = false
      for (const socket of sockets) socket.resetAndDestroy()
    },
  }
}
