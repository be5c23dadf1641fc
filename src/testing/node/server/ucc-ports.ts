/** The TCP ports of a server's UCCs: open while the UCC runs. A load balancer's check looks at nothing else. */
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import type { ServerState } from '../../server/server-state'
import type { ProcessConfig } from '../ipc'

export class UccPorts {
  readonly #state: ServerState
  readonly #config: ProcessConfig
  readonly #open = new Map<string, Server>()
  #following: Promise<void> = Promise.resolve()

  constructor(state: ServerState, config: ProcessConfig) {
    this.#state = state
    this.#config = config
  }

  /** Opens and closes what the UCCs' states ask for by now; resolves when that is so. */
  follow(): Promise<void> {
    this.#following = this.#following.then(() => this.#follow())
    return this.#following
  }

  async #follow(): Promise<void> {
    for (const [name, port] of Object.entries(this.#config.uccPorts)) {
      const open = this.#open.get(name)
      const runs = this.#state.uccs.get(name)?.runs === true
      if (runs && open === undefined) this.#open.set(name, await listen(port, this.#config.address))
      if (runs || open === undefined) continue
      this.#open.delete(name)
      // It would call back when the last connection has gone; the kernel refuses new ones at once.
      open.close()
    }
  }
}

function listen(port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      // With a FIN: an RST could overtake the news that the connection was made.
      socket.end()
    })
    server.once('error', reject)
    server.listen({ port, host }, () => resolve(server))
  })
}
