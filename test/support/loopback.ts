/** Real servers on loopback for the contract tests, and waiting for conditions instead of for time. */
import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TEST_CERTIFICATE, TEST_KEY } from './certificate'

/** How long a condition may take before the test fails. */
const PATIENCE_MS = 10_000
const POLL_MS = 2

/** Waits until the condition holds; fails with its name when it does not. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const start = performance.now()
  while (!condition()) {
    if (performance.now() - start > PATIENCE_MS) throw new Error(`still not: ${what}`)
    await sleep(POLL_MS)
  }
}

/** Servers of one test file; `close()` cuts every connection. */
export class Loopback {
  readonly #servers = new Set<Server>()
  readonly #sockets = new Set<Socket>()

  /** An HTTP server; `secure` for TLS with the test certificate. */
  async http(
    listener: RequestListener,
    secure = false,
  ): Promise<{ readonly server: HttpServer; readonly port: number }> {
    const server = secure
      ? createHttpsServer({ key: TEST_KEY, cert: TEST_CERTIFICATE }, listener)
      : createHttpServer(listener)
    return { server, port: await this.#listen(server) }
  }

  /** A TCP server that does what it is told with each connection. */
  async tcp(onSocket: (socket: Socket) => void): Promise<number> {
    return this.#listen(createTcpServer(onSocket))
  }

  /** A port where nobody listens. */
  async deadPort(): Promise<number> {
    const server = createTcpServer()
    const port = await this.#listen(server)
    await new Promise((resolve) => server.close(resolve))
    return port
  }

  /** Connections open now, on all servers. */
  get connections(): number {
    return this.#sockets.size
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all([...this.#servers].map((server) => new Promise((resolve) => server.close(resolve))))
    this.#servers.clear()
  }

  async #listen(server: Server): Promise<number> {
    this.#servers.add(server)
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }
}
