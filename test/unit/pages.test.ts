/** Pages as browsers have them: several tabs of one application, and servers that do not let a page read them. */
import { describe, expect, it } from 'vitest'
import type { FailoverClient } from '../../src/client/failover-client-types'
import type { Platform } from '../../src/platform/platform'
import { SimulatedWorld, type SimulatedServer } from '../../src/testing/index'

const LOG = 'ucc/helpdesk/log'

interface Tab {
  readonly client: FailoverClient
  readonly platform: Platform
  /** Keys of the messages, as they came. */
  readonly keys: string[]
  /** Everything that happened to its connection. */
  readonly events: string[]
}

/** A tab of the application, with the storage that all tabs of an origin share. */
function openTab(world: SimulatedWorld, name: string, storage: Map<string, string>): Tab {
  const device = world.device({ name, kind: 'page' })
  const platform = device.platform()
  const store = {
    load: (key: string): string | undefined => storage.get(key),
    save: (key: string, value: string): void => void storage.set(key, value),
  }
  const client = device.connect({ platform, store, client: { id: name } })
  const [keys, events]: [string[], string[]] = [[], []]
  const log = client.subscribe(LOG)
  log.on('batch', (changes) => keys.push(...changes.map((one) => (one.op === 'gap' ? 'gap' : one.key))))
  client.on('stateChange', ({ to }) => events.push(to))
  for (const kind of ['failover', 'switchover', 'failback'] as const) client.on(kind, () => events.push(kind))
  return { client, platform, keys, events }
}

function openOn(server: SimulatedServer): readonly (string | undefined)[] {
  const open = server.connections().filter(({ closedAt }) => closedAt === undefined)
  return open.map(({ client }) => client).sort()
}

/** How a tab ends: it says goodbye, or its process is gone. */
const ENDINGS: readonly (readonly [string, (tab: Tab, world: SimulatedWorld) => Promise<void>])[] = [
  ['is closed', (tab, world) => world.settle(tab.client.close())],
  ['is gone without a word', ({ platform }) => Promise.resolve(platform.close())],
]

describe('two tabs of one application', () => {
  // fault-matrix: 37
  it.each(ENDINGS)('have a connection each: the first %s, and the other one notices nothing', async (_, end) => {
    const world = new SimulatedWorld({ uccs: ['helpdesk'] })
    const storage = new Map<string, string>()
    const [first, second] = [openTab(world, 'first', storage), openTab(world, 'second', storage)]
    await world.runUntil(() => [first, second].every(({ client }) => client.state === 'connected'), 5000)
    const generation = world.generate({ topic: LOG, perSecond: 20 })
    await world.run(3000)
    expect(openOn(world.server('srv1'))).toEqual(['first', 'second'])
    const before = second.events.length
    await end(first, world)
    await world.run(60_000)
    expect(openOn(world.server('srv1'))).toEqual(['second'])
    expect(second.events.slice(before)).toEqual([])
    expect(second.client.state).toBe('connected')
    // Nor does it need the other one to get away from a server that dies.
    world.server('srv1').kill()
    await world.run(5000)
    expect(second.client.active?.server).toBe('srv2')
    const published = generation.stop()
    await world.run(2000)
    expect(second.keys).toEqual(published.map(({ key }) => key))
    await world.settle(second.client.close())
    world.close()
  })
})

describe('a standby that sends no CORS headers', () => {
  /** As a proxy in front of it that knows nothing of pages. */
  function withoutCors(server: SimulatedServer): void {
    const body = { server: server.name, versions: [1], ucc: 'helpdesk', state: 'stopped', draining: false }
    const headers = { 'Access-Control-Allow-Origin': '' }
    server.serveReadiness({ contentType: 'application/json', body: JSON.stringify(body), headers })
  }

  async function warningsAtTheStart(kind: 'node' | 'page'): Promise<readonly [string, string | undefined][]> {
    const world = new SimulatedWorld({ uccs: ['helpdesk'] })
    withoutCors(world.server('srv2'))
    const client = world.device({ kind }).connect()
    const warnings: [string, string | undefined][] = []
    client.on('warning', ({ code, endpoint }) => warnings.push([code, endpoint?.url]))
    client.subscribe(LOG)
    await world.run(5000)
    expect([client.state, client.active?.server]).toEqual(['connected', 'srv1'])
    const told = [...warnings]
    await world.run(300_000)
    expect(warnings).toEqual(told)
    await world.settle(client.close())
    world.close()
    return told
  }

  // fault-matrix: 41
  it('is told to a page at the start, once: it could not take over', async () => {
    expect(await warningsAtTheStart('page')).toEqual([['STANDBY_UNREACHABLE', 'https://srv2.contoso.example']])
  })

  it('is nothing to Node, which reads it all the same', async () => {
    expect(await warningsAtTheStart('node')).toEqual([])
  })
})
