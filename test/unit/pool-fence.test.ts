import { describe, expect, test } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { Fence } from '../../src/core/fence'
import { PoolMachine } from '../../src/core/pool'
import type { EndpointSeed, PoolInput } from '../../src/core/pool-protocol'
import { seededRandom } from '../../src/core/random'
import { PoolWorld } from './pool-world'

const WINDOW_MS = 60_000

describe('an answer to what was asked before a pause of ours', () => {
  test('brings a term, and nothing else: what it says of readiness may be long over', () => {
    const { health, breaker, detection, connect, failover, failback } = DEFAULTS
    const machine = new PoolMachine({ health, breaker, detection, connect, failover, failback }, () => 0.5)
    const seeds = [{ id: 'srv1', name: 'srv1', rank: 0, url: 'https://srv1' }] as unknown as readonly EndpointSeed[]
    machine.handle(0, { type: 'endpoints', source: 'configured', seeds })
    const priority = (): [number, number] => [0, 1]
    const seat = { seat: 1, ucc: 'helpdesk', priority, warm: false, asksCanMove: false } as const
    const asked = machine.handle(0, { type: 'seat-open', ...seat } as unknown as PoolInput)
    const attempt = asked.flatMap((effect) => (effect.type === 'probe' ? [effect.attempt] : []))[0] ?? NaN
    machine.handle(60_000, { type: 'pause', lateMs: 60_000, uncountedMs: 60_000 })
    const body = { server: 'srv1', versions: [1], ucc: 'helpdesk', state: 'running', term: 7 } as const
    const late = { type: 'probed', attempt, result: { is: 'ready', body, rttMs: 10 } } as const
    machine.handle(60_010, late)
    expect(machine.judge.fence('helpdesk').term).toBe(7)
    expect(machine.judge.book.word('srv1', 'helpdesk')).toBeUndefined()
    // Once: it is known no more.
    machine.handle(60_020, { ...late, result: { ...late.result, body: { ...body, term: 9 } } })
    expect(machine.judge.fence('helpdesk').term).toBe(7)
  })
})

describe('the fence', () => {
  test('is the highest term announced; no term is equal to all', () => {
    const fence = new Fence(WINDOW_MS)
    expect(fence.allows(1)).toBe(true)
    fence.announce(0, 'srv1', 5)
    fence.announce(10, 'srv2', 3)
    expect([fence.term, fence.allows(4), fence.allows(5), fence.allows(6), fence.allows(undefined)]).toEqual([
      5,
      false,
      true,
      true,
      true,
    ])
  })

  test('falls when nobody has announced it for the window, to the highest now announced', () => {
    const fence = new Fence(WINDOW_MS)
    fence.announce(0, 'srv1', 9)
    fence.announce(50_000, 'srv2', 2)
    expect(fence.deadline()).toBe(WINDOW_MS)
    expect(fence.expire(WINDOW_MS - 1)).toBeUndefined()
    expect(fence.expire(WINDOW_MS)).toEqual({ from: 9, to: 2 })
    expect(fence.allows(2)).toBe(true)
    expect(fence.expire(10 * WINDOW_MS)).toBeUndefined()
  })

  test('a server that comes back with a lower term cannot erase its own past before that', () => {
    const fence = new Fence(WINDOW_MS)
    fence.announce(0, 'srv1', 9)
    for (let at = 1000; at < WINDOW_MS; at += 1000) fence.announce(at, 'srv1', 1)
    expect(fence.allows(1)).toBe(false)
    expect(fence.expire(WINDOW_MS)).toEqual({ from: 9, to: 1 })
  })

  test('stands while nobody says anything, for however long; the first lower word then is enough', () => {
    const fence = new Fence(WINDOW_MS)
    fence.announce(0, 'srv1', 9)
    expect(fence.deadline()).toBe(Infinity)
    expect(fence.expire(100 * WINDOW_MS)).toBeUndefined()
    expect(fence.term).toBe(9)
    fence.announce(100 * WINDOW_MS, 'srv2', 3)
    expect(fence.deadline()).toBeLessThanOrEqual(100 * WINDOW_MS)
    expect(fence.expire(100 * WINDOW_MS)).toEqual({ from: 9, to: 3 })
  })

  test('our own pause does not count', () => {
    const fence = new Fence(WINDOW_MS)
    fence.announce(0, 'srv1', 9)
    fence.shift(WINDOW_MS)
    fence.announce(WINDOW_MS + 1000, 'srv2', 1)
    expect(fence.expire(WINDOW_MS + 1000)).toBeUndefined()
    expect(fence.expire(2 * WINDOW_MS)).toEqual({ from: 9, to: 1 })
  })

  test('whoever announces it again keeps it up', () => {
    const fence = new Fence(WINDOW_MS)
    fence.announce(0, 'srv1', 9)
    fence.announce(30_000, 'srv2', 9)
    fence.announce(31_000, 'srv1', 1)
    expect(fence.expire(WINDOW_MS)).toBeUndefined()
    expect(fence.expire(90_000)).toEqual({ from: 9, to: 1 })
  })

  test('fallen to the last word of a server with a higher past, it waits for its window again', () => {
    const fence = new Fence(WINDOW_MS)
    fence.announce(0, 'srv1', 9000)
    fence.announce(50_000, 'srv1', 2000)
    fence.announce(51_000, 'srv2', 1000)
    expect(fence.expire(WINDOW_MS)).toEqual({ from: 9000, to: 2000 })
    expect(fence.deadline()).toBe(50_000 + WINDOW_MS)
    expect(fence.expire(WINDOW_MS + 1)).toBeUndefined()
  })

  test('whatever is said: after a tick the next one lies ahead, and a fall is a fall', () => {
    const random = seededRandom(11)
    for (let run = 0; run < 200; run += 1) {
      const fence = new Fence(WINDOW_MS)
      let now = 0
      for (let step = 0; step < 100; step += 1) {
        now += Math.floor(random() * WINDOW_MS * (random() < 0.1 ? 3 : 0.2))
        if (random() < 0.1) fence.shift(Math.floor(random() * WINDOW_MS))
        fence.announce(now, `srv${Math.floor(random() * 3)}`, Math.floor(random() * 5))
        const fell = fence.expire(now)
        if (fell !== undefined) expect(fell.to).toBeLessThan(fell.from)
        expect(fence.deadline()).toBeGreaterThan(now)
      }
    }
  })
})

describe('in the pool', () => {
  const started = (): PoolWorld => {
    const world = new PoolWorld(['srv1', 'srv2'])
    Object.assign(world.server('srv1'), { term: 1000 })
    Object.assign(world.server('srv2'), { state: 'stopped' })
    world.open()
    world.run(5000)
    return world
  }

  test('re-imaged at term 1 while the other one is gone: attached after the window, one TERM_RESET', () => {
    const world = started()
    world.server('srv2').fails = 'refused'
    world.kill('srv1')
    world.run(2000)
    Object.assign(world.server('srv1'), { fails: undefined, term: 1 })
    const waitedMs = world.until('attached', () => world.clients[0]?.at === 'srv1', 120_000)
    expect(waitedMs).toBeGreaterThan(50_000)
    expect(waitedMs).toBeLessThan(70_000)
    world.run(600_000)
    expect(world.warnings().filter((code) => code === 'TERM_RESET')).toHaveLength(1)
    expect(world.moves).toHaveLength(2)
  })

  test('the old active one is back with its old term while the new one lives: nobody goes there', () => {
    const world = started()
    world.kill('srv1')
    Object.assign(world.server('srv2'), { state: 'running', term: 1001 })
    world.until('attached', () => world.clients[0]?.at === 'srv2', 5000)
    Object.assign(world.server('srv1'), { fails: undefined })
    world.run(600_000)
    expect(world.clients[0]?.at).toBe('srv2')
    expect(world.warnings()).not.toContain('TERM_RESET')
    expect(world.moves).toHaveLength(2)
  })

  test('and not when the new one dies within the window: its term holds though it is unreachable', () => {
    const world = started()
    world.kill('srv1')
    Object.assign(world.server('srv2'), { state: 'running', term: 1001 })
    world.until('attached', () => world.clients[0]?.at === 'srv2', 5000)
    world.server('srv1').fails = undefined
    world.run(30_000)
    world.kill('srv2')
    world.run(40_000)
    expect(world.clients[0]?.at).toBeUndefined()
    world.until('attached in the end', () => world.clients[0]?.at === 'srv1', 40_000)
    expect(world.warnings().filter((code) => code === 'TERM_RESET')).toHaveLength(1)
  })

  test('outbid while it is being dialled: the move is given up at once, not when its welcome comes', () => {
    const world = new PoolWorld(['srv1', 'srv2', 'srv3'])
    for (const name of ['srv1', 'srv2', 'srv3']) Object.assign(world.server(name), { term: 1000 })
    const client = world.open()
    world.run(5000)
    world.kill('srv1')
    world.until('on its way', () => client.move?.to === 'srv2', 5000)
    const move = client.move?.id
    const said = { endpointId: 'srv3', server: 'srv3', ucc: 'helpdesk', state: 'running', term: 1001 } as const
    world.feed({ type: 'readiness', ...said, via: 'traffic' })
    expect(world.all('cancel-move').map((effect) => effect.move)).toEqual([move])
    expect(client.at).toBeUndefined()
  })

  test('the old active one is back with a lower term, the other one lower still: one TERM_RESET, no spin', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    Object.assign(world.server('srv1'), { term: 9000 })
    Object.assign(world.server('srv2'), { term: 1000 })
    world.open()
    world.run(5000)
    world.kill('srv1')
    world.run(2000)
    Object.assign(world.server('srv1'), { fails: undefined, term: 2000 })
    world.until('attached', () => world.clients[0]?.at === 'srv1', 70_000)
    for (let count = 0; count < 600; count += 1) {
      world.run(1000)
      expect(world.machine.deadline()).toBeGreaterThan(world.now)
    }
    expect(world.warnings().filter((code) => code === 'TERM_RESET')).toHaveLength(1)
  })

  test('events alone keep a term announced: on a busy topic no beat repeats it', () => {
    const world = started()
    world.server('srv1').beats = 'none'
    Object.assign(world.server('srv2'), { state: 'running', term: 3 })
    const traffic = { endpointId: 'srv1', server: 'srv1', ucc: 'helpdesk', state: 'running' as const }
    world.until(
      'its last probe was long ago',
      () => {
        if (world.now % 500 === 0) world.feed({ type: 'readiness', ...traffic, via: 'traffic' })
        return world.now > 20_000 && world.now - (world.probesOf('srv1').at(-1) ?? 0) >= 11_000
      },
      300_000,
    )
    world.kill('srv1')
    const waitedMs = world.until('attached after the window', () => world.clients[0]?.at === 'srv2', 70_000)
    expect(waitedMs).toBeGreaterThan(59_000)
  })

  test('an outage of everything, or our own sleep, resets nothing when the same terms come back', () => {
    const world = started()
    world.server('srv2').fails = 'refused'
    world.kill('srv1')
    world.run(180_000)
    world.server('srv1').fails = undefined
    expect(world.until('attached', () => world.clients[0]?.at === 'srv1', 30_000)).toBeLessThan(5000)
    // After the sleep the old server, with its old term, is the first to answer.
    Object.assign(world.server('srv2'), { fails: undefined, state: 'running', term: 3 })
    Object.assign(world.server('srv1'), { rttMs: 300, beats: 'plain' })
    world.run(20_000)
    world.now += 8 * 3_600_000
    world.feed({ type: 'pause', lateMs: 8 * 3_600_000 })
    world.run(180_000)
    expect(world.warnings()).not.toContain('TERM_RESET')
  })
})
