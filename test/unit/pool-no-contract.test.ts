/** Live streams, but no readiness answers: `tcpProbe`, `httpProbe`, or a proxy that strips readiness. */
import { describe, expect, test } from 'vitest'
import { PoolWorld, reset } from './pool-world'

function attached(servers: readonly string[]): PoolWorld {
  const world = new PoolWorld(servers)
  for (const name of servers) world.server(name).foreign = true
  world.open()
  world.until('attached', () => world.clients[0]?.at === 'srv1', 5000)
  world.run(20_000)
  return world
}

describe('an endpoint without readiness answers', () => {
  test('is used again after each loss of its connection', () => {
    const world = attached(['srv1'])
    for (let round = 0; round < 5; round += 1) {
      const client = world.clients[0]
      if (client !== undefined) world.lose(client, reset())
      world.until('attached again', () => world.clients[0]?.at === 'srv1', 10_000)
      world.run(60_000)
    }
    expect(world.warnings()).not.toContain('FOREIGN_READINESS')
    expect(world.warnings().filter((code) => code === 'NO_READINESS_CONTRACT')).toHaveLength(1)
  })

  test('is the last choice after a loss: nothing says that it serves although its connection broke', () => {
    const world = attached(['srv1', 'srv2'])
    const client = world.clients[0]
    if (client !== undefined) world.lose(client, reset())
    world.run(1000)
    expect(world.clients[0]?.at).toBe('srv2')
  })

  test('takes over from another one, and back', () => {
    const world = attached(['srv1', 'srv2'])
    world.kill('srv1')
    world.until('at srv2', () => world.clients[0]?.at === 'srv2', 10_000)
    world.run(30_000)
    world.server('srv1').fails = undefined
    world.run(5000)
    world.kill('srv2')
    world.until('at srv1', () => world.clients[0]?.at === 'srv1', 10_000)
  })

  test('is judged by readiness from its first readiness answer on', () => {
    const world = attached(['srv1'])
    Object.assign(world.server('srv1'), { foreign: false })
    world.run(30_000)
    expect(world.machine.judge.roster.get('srv1')?.contract).toBe('present')
  })
})
