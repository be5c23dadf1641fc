// Starts plain-server.mjs and says where it listens.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export async function startPlainServer(address = '127.0.0.1') {
  const child = fork(fileURLToPath(new URL('plain-server.mjs', import.meta.url)), [address], { stdio: 'inherit' })
  const [port] = await once(child, 'message')
  return {
    url: `http://${address}:${port}`,
    stop: async () => {
      child.kill()
      await once(child, 'exit')
    },
  }
}
