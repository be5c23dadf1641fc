/** Where the servers listen: an address each, one port for all. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'

/** A random block in 127.0.0.0/8, so that clusters of parallel test files do not meet. */
export function pickAddresses(count: number): readonly string[] {
  const block = `127.${randomInt(1, 255)}.${randomInt(0, 256)}`
  return Array.from({ length: count }, (_unused, index) => `${block}.${index + 1}`)
}

/** A port that is free on all of them right now. Rejects when an address cannot be listened on at all. */
export async function pickPort(addresses: readonly string[]): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const held: Server[] = []
    try {
      let port = 0
      for (const address of addresses) {
        const server = await hold(address, port)
        held.push(server)
        port = (server.address() as AddressInfo).port
      }
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === 20) throw error
    } finally {
      await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
    }
  }
}

function hold(address: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, address, () => resolve(server))
  })
}
