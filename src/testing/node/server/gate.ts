/** The listening side of a server: sockets in, faults on them, requests handed on. */
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { Server as NetServer } from 'node:net'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CORS } from '../../server/http-answers'
import type { ServerState } from '../../server/server-state'
import type { ProcessConfig } from '../ipc'
import { noteRequest, sendJson, serveHttp } from './http'
import { LiveConnections } from './live'

const LISTEN_RETRIES = 40
const LISTEN_RETRY_MS = 50

export class Gate {
  readonly live: LiveConnections
  readonly #state: ServerState
  readonly #config: ProcessConfig
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(state: ServerState, config: ProcessConfig) {
    this.#state = state
    this.#config = config
    this.live = new LiveConnections(state)
    const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#request(request, response)
    const { tls } = config
    // Kept alive longer than any client keeps an idle socket: a reuse race is no fault that was asked for.
    const options = { keepAliveTimeout: 120_000 }
    this.#server =
      tls === undefined ? createHttpServer(options, onRequest) : createHttpsServer({ ...options, ...tls }, onRequest)
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.setNoDelay(true)
      state.host.note({ note: 'dial', kind: 'tcp', at: Date.now() })
    })
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    this.#server.on('clientError', (_error, socket) => socket.destroy())
  }

  /** Listens; a port still held by a predecessor is waited for briefly. */
  async listen(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#tryListen()
      } catch (error) {
        const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
        if (!isTaken || attempt === LISTEN_RETRIES) throw error
        await new Promise((resolve) => setTimeout(resolve, LISTEN_RETRY_MS))
      }
    }
  }

  /** Stops listening: new connections are refused, existing ones live on. */
  refuse(): Promise<void> {
    if (!this.#server.listening) return Promise.resolve()
    // The close of `http.Server` would end idle keep-alive connections too. It calls back when the last socket has
    // gone, which is not what is waited for: the kernel refuses at once.
    NetServer.prototype.close.call(this.#server)
    return Promise.resolve()
  }

  async accept(): Promise<void> {
    if (!this.#server.listening) await this.listen()
  }

  /** Breaks every connection with RST. */
  reset(): void {
    for (const socket of this.#sockets) {
      try {
        socket.resetAndDestroy()
      } catch {
        // A socket whose handle TLS has taken over cannot send RST by itself.
        socket.destroy()
      }
    }
  }

  #tryListen(): Promise<void> {
    const { port, address } = this.#config
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ port, host: address, backlog: 4096 }, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined)
    const url = targetOf(request)
    if (url === undefined) {
      noteRequest(this.#state, request, 'http')
      sendJson(response, 400, { error: 'the request target is no URL' }, CORS)
      return
    }
    const exchange = { state: this.#state, request, response, url, path: this.#path(url) }
    try {
      await serveHttp(exchange, this.live)
    } catch (error) {
      if (!response.headersSent) sendJson(response, 500, { error: String(error) })
      else response.destroy()
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    noteRequest(this.#state, request, 'upgrade')
    // From here on Node watches this socket no more: a reset must not end the process.
    socket.on('error', () => undefined)
    const url = targetOf(request)
    if (url === undefined) {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const path = this.#path(url)
    const proceed = (): void => {
      if (!socket.destroyed) this.live.upgrade(request, socket, head, path)
    }
    const { slowMs } = this.#state.faults
    if (slowMs > 0) setTimeout(proceed, slowMs)
    else proceed()
  }

  #path({ pathname }: URL): string {
    const { basePath } = this.#config
    if (basePath === '') return pathname
    return pathname.startsWith(`${basePath}/`) ? pathname.slice(basePath.length) : ''
  }
}

/** Where the request points; nothing for a target such as `//`, which anybody on the network can send. */
function targetOf(request: IncomingMessage): URL | undefined {
  try {
    return new URL(request.url ?? '/', 'http://server')
  } catch {
    return undefined
  }
}
