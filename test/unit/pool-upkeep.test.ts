/** What the pool does beside deciding: asks its sources after a loss, servers afresh, and ends with its clients. */
import { describe, expect, it } from 'vitest'
import { SimulatedWorld } from '../../src/testing/index'

describe('after a loss', () => {
  it('sources that stand it are asked at once, not at their next turn', async () => {
    const world = new SimulatedWorld({ uccs: { helpdesk: {} } })
    const asked: number[] = []
    const client = world.connect({
      endpoints: undefined,
      resolver: {
        name: 'directory',
        pollMs: 600_000,
        refreshOnTrip: true,
        resolve: () => {
          asked.push(world.now)
          return Promise.resolve(world.endpoints.map((url) => ({ url })))
        },
      },
    })
    await world.settle(client.ready())
    await world.run(5000)
    expect(asked).toHaveLength(1)
    // Only the UCC stops: the server itself stays up, and no breaker opens.
    const lostAt = world.now
    world.server('srv1').stopUcc('helpdesk', { announce: 'status' })
    await world.runUntil(() => asked.length > 1, 5000)
    expect(client.active?.server).toBe('srv2')
    expect((asked[1] ?? NaN) - lostAt).toBeLessThan(3000)
    await world.settle(client.close())
    world.close()
  })
})

describe('readiness', () => {
  it('is asked of whoever the address leads to now, beside a connection that leads to the one before', async () => {
    const world = new SimulatedWorld({ uccs: { helpdesk: {} } })
    const vip = world.network.vip('lb', 'srv1')
    const client = world.connect({ endpoints: [vip.url], health: { standbyIntervalMs: 1000, activeIntervalMs: 1000 } })
    await world.settle(client.ready())
    const answered = (): string | undefined => client.endpoints[0]?.server
    expect([answered(), client.active?.server]).toEqual(['srv1', 'srv1'])
    // Requests of the application keep a connection to the old server warm.
    for (let turn = 0; turn < 3; turn += 1) {
      await world.settle(client.fetch('/api/whoami').then((response) => response.text()))
      await world.run(300)
    }
    const movedAt = world.now
    vip.point('srv2')
    world.server('srv1').stopUcc('helpdesk', { announce: 'readiness' })
    await world.runUntil(() => answered() === 'srv2', 10_000)
    expect(world.now - movedAt).toBeLessThan(3000)
    await world.settle(client.close())
    world.close()
  })
})

describe('close()', () => {
  it('ends the questions that are under way', async () => {
    const world = new SimulatedWorld({ uccs: { helpdesk: {} } })
    const device = world.device()
    // A platform of its own is ended with the client, and hides what was left.
    const client = device.connect({ platform: device.platform(), health: { standbyIntervalMs: 1000 } })
    await world.settle(client.ready())
    world.server('srv2').hang()
    const asks = (): boolean => device.leftovers().some((line) => line.includes('/failover/ready'))
    await world.runUntil(asks, 5000)
    await world.settle(client.close(), 1000)
    expect(device.leftovers()).toEqual([])
    world.close()
  })
})
