/** Several sources of one kind: each replaces its own word only. */
import { describe, expect, test } from 'vitest'
import type { EndpointSource } from '../../src/core/pool-protocol'
import { Loop } from '../../src/driver/loop'
import { PoolDriver } from '../../src/driver/pool-driver'
import type { Platform } from '../../src/platform/platform'
import { PoolWorld, seed, settings } from './pool-world'

function present(world: PoolWorld): string[] {
  return world.machine.judge.roster.present().map(({ id }) => id)
}

describe('in the pool', () => {
  test.each(['dns', 'topology', 'peers'] as const)('two of the kind %s unite; events tell the kind', (source) => {
    const world = new PoolWorld(['srv1'])
    const say = (name: string, ...ids: string[]): void =>
      world.feed({ type: 'endpoints', source, name, seeds: ids.map((id, rank) => seed(id, 100 + rank)) })
    say('one', 'a', 'b')
    say('two', 'b', 'c')
    expect(present(world)).toEqual(['srv1', 'a', 'b', 'c'])
    say('one', 'a')
    expect(present(world)).toEqual(['srv1', 'a', 'b', 'c'])
    say('two', 'c')
    expect(present(world)).toEqual(['srv1', 'a', 'c'])
    const kinds: readonly EndpointSource[] = world.all('topology-changed').map((effect) => effect.source)
    expect(kinds).toEqual(['configured', source, source, source])
  })

  test('two that disagree on the rank change nothing by saying so again', () => {
    const world = new PoolWorld(['srv1'])
    const ranks = (): (number | undefined)[] => ['a', 'b'].map((id) => world.machine.judge.roster.get(id)?.seed.rank)
    for (let round = 0; round < 3; round += 1) {
      world.feed({ type: 'endpoints', source: 'dns', name: 'one', seeds: [seed('a', 100), seed('b', 101)] })
      expect(ranks()).toEqual([100, 101])
      world.feed({ type: 'endpoints', source: 'dns', name: 'two', seeds: [seed('b', 100), seed('a', 101)] })
      expect(ranks()).toEqual([100, 101])
    }
    // The first one itself may change its mind, and a better source outvotes it.
    world.feed({ type: 'endpoints', source: 'dns', name: 'one', seeds: [seed('a', 105), seed('b', 101)] })
    expect(ranks()).toEqual([105, 101])
    world.feed({ type: 'endpoints', source: 'topology', name: 'doc', seeds: [seed('b', 7)] })
    world.feed({ type: 'endpoints', source: 'dns', name: 'one', seeds: [seed('a', 105), seed('b', 101)] })
    expect(ranks()).toEqual([105, 7])
  })
})

interface Driven {
  readonly driver: PoolDriver
  at: (ms: number) => void
  says: (server: string, ...peers: string[]) => string[]
  hear: (server: string) => void
}

/** The driver alone: nobody is asked, and time stands still but for `at`. */
function driven(): Driven {
  let now = 0
  const platform = {
    now: () => now,
    wallClock: () => now,
    random: () => 0.5,
    setTimer: () => () => undefined,
    watchSignals: () => () => undefined,
    releaseRoad: () => undefined,
  } as unknown as Platform
  const loop = new Loop(platform, () => undefined)
  const driver: PoolDriver = new PoolDriver(loop, platform, settings(), {
    probe: () => () => undefined,
    acceptPeers: (_server, peers) => peers.map(({ url }, rank) => seed(url, 100 + rank)),
    tripped: () => undefined,
  })
  const hear = (server: string): void => {
    driver.merge('configured', [seed(server, 0)], server)
    const endpoint = driver.endpoint(server)
    if (endpoint === undefined) return
    endpoint.server = server
    endpoint.liveness = { is: 'up', at: now }
  }
  const says = (server: string, ...peers: string[]): string[] => {
    driver.peers(
      server,
      peers.map((url) => ({ url, server: url })),
    )
    return driver.machine.judge.roster
      .present()
      .map(({ id }) => id)
      .filter((id) => id.startsWith('p'))
  }
  return { driver, at: (ms) => (now = ms), says, hear }
}

describe('peers', () => {
  test('of two servers unite, in whatever order and however often they are said', () => {
    const { says } = driven()
    for (let round = 0; round < 3; round += 1) {
      says('s1', 'p1', 'p2')
      expect(says('s2', 'p3')).toEqual(['p1', 'p2', 'p3'])
    }
    expect(says('s1', 'p1')).toEqual(['p1', 'p3'])
    expect(says('s1')).toEqual(['p1', 'p3'])
  })

  test('of a server long gone lapse once another one speaks; those of a living one hold', () => {
    const { at, says, hear } = driven()
    hear('s2')
    says('gone', 'p1', 'p2')
    says('s2', 'p2', 'p3')
    at(1000)
    hear('s3')
    says('s3', 'p3')
    at(599_000)
    expect(says('s3', 'p3')).toEqual(['p1', 'p2', 'p3'])
    at(602_000)
    expect(says('s3', 'p3')).toEqual(['p2', 'p3'])
  })

  test('of more servers than any pool has: the ones not heard for longest are forgotten', () => {
    const { says } = driven()
    let named: string[] = []
    for (let count = 0; count < 200; count += 1) named = says(`s${count}`, `p${count % 100}`)
    expect(named.length).toBeLessThanOrEqual(64)
  })
})
