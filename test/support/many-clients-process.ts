/** Creates, uses and closes many clients in one process that must then end by itself. Run with `--expose-gc`. */
import { createFailoverClient, type FailoverClient } from 'failover-client'

export interface ManyClientsSetup {
  readonly hostname: string
  readonly endpoints: readonly string[]
  readonly ucc: string
  readonly clients: number
  readonly batch: number
}

/** What it tells its parent. */
export type ManyClientsNews =
  | {
      readonly type: 'batch'
      readonly closed: number
      readonly heapBytes: number
      readonly resources: readonly string[]
    }
  | { readonly type: 'done'; readonly closeMs: readonly number[] }
  | { readonly type: 'failed'; readonly why: string }

const setup = JSON.parse(process.argv[2] ?? '{}') as ManyClientsSetup
const { gc } = globalThis as { gc?: () => void }
const closeMs: number[] = []

const tell = (news: ManyClientsNews): Promise<void> =>
  new Promise((resolve) => void process.send?.(news, undefined, undefined, () => resolve()))

async function useOne(index: number): Promise<void> {
  const { hostname, endpoints, ucc } = setup
  const client: FailoverClient = createFailoverClient({ hostname, endpoints, ucc, token: () => 'a-token' })
  client.on('stateChange', () => undefined)
  const agents = client.subscribe<object>('ucc/helpdesk/agents')
  const changes = agents[Symbol.asyncIterator]()
  await changes.next()
  await client.command('echo', { index }, { safety: 'keyed' })
  const response = await client.fetch('/api/whoami')
  await response.text()
  const socket = new client.WebSocket(client.url('/ws/echo', 'ws'))
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = reject
  })
  const started = performance.now()
  await client.close()
  closeMs.push(performance.now() - started)
}

/** What is in use when everything that can go is gone. */
async function heapBytes(): Promise<number> {
  for (let round = 0; round < 4; round += 1) {
    gc?.()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return process.memoryUsage().heapUsed
}

/** What is alive; destroyed sockets have a second to be gone. */
async function aliveStill(): Promise<readonly string[]> {
  const isOurs = (name: string): boolean => name === 'Timeout' || name === 'TCPSocketWrap'
  const deadline = performance.now() + 1000
  while (process.getActiveResourcesInfo().some(isOurs) && performance.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.getActiveResourcesInfo().filter(isOurs)
}

async function run(): Promise<void> {
  if (gc === undefined) throw new Error('run with --expose-gc')
  for (let closed = 0; closed < setup.clients; closed += setup.batch) {
    await Promise.all(Array.from({ length: setup.batch }, (_unused, index) => useOne(closed + index)))
    const bytes = await heapBytes()
    await tell({ type: 'batch', closed: closed + setup.batch, heapBytes: bytes, resources: await aliveStill() })
  }
  await tell({ type: 'done', closeMs })
}

// Nothing below ends the process: without the channel to the parent nothing may keep it alive.
run()
  .catch((error: unknown) =>
    tell({ type: 'failed', why: error instanceof Error ? (error.stack ?? '') : String(error) }),
  )
  .finally(() => process.disconnect())
