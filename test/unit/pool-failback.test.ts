import { describe, expect, test } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { HoldDown } from '../../src/core/failback'
import { seededRandom } from '../../src/core/random'
import { PoolWorld } from './pool-world'

const MINUTE = 60_000
const { failback: SETTINGS } = DEFAULTS

describe('the hold-down', () => {
  const plain = (): HoldDown => new HoldDown(SETTINGS, () => 0)

  test('60 s, doubled by each further failover within 5 minutes, at most 15 minutes', () => {
    const hold = plain()
    const waits: number[] = []
    for (let failover = 0; failover < 7; failover += 1) {
      hold.failover(failover * MINUTE)
      waits.push(hold.waitMs(failover * MINUTE) / MINUTE)
    }
    expect(waits).toEqual([1, 2, 4, 8, 15, 15, 15])
  })

  test('one step down for each 5 clean minutes', () => {
    const hold = plain()
    for (const at of [0, 1, 2, 3]) hold.failover(at * MINUTE)
    const after = (minutes: number): number => hold.waitMs((3 + minutes) * MINUTE) / MINUTE
    expect([0, 4.9, 5, 10, 15, 60].map(after)).toEqual([8, 8, 4, 2, 1, 1])
  })

  test('two failovers more than 5 minutes apart are no flapping', () => {
    const hold = plain()
    hold.failover(0)
    hold.failover(6 * MINUTE)
    expect(hold.waitMs(6 * MINUTE)).toBe(MINUTE)
  })

  test('each client has its own jitter of 0 to 50 %, drawn once for each failover', () => {
    const random = seededRandom(3)
    const waits = Array.from({ length: 200 }, () => {
      const hold = new HoldDown(SETTINGS, random)
      hold.failover(0)
      expect(hold.waitMs(10)).toBe(hold.waitMs(0))
      return hold.waitMs(0)
    })
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(MINUTE)
    expect(Math.max(...waits)).toBeLessThanOrEqual(1.5 * MINUTE)
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(0.4 * MINUTE)
  })
})

describe('in the pool', () => {
  const failedOver = (changes: ConstructorParameters<typeof PoolWorld>[1] = {}): PoolWorld => {
    const world = new PoolWorld(['srv1', 'srv2'], changes)
    world.open()
    world.run(5000)
    world.kill('srv1')
    world.until('failed over', () => world.clients[0]?.at === 'srv2', 5000)
    return world
  }
  const kinds = (world: PoolWorld): string[] => world.moves.map(({ plan }) => `${plan.kind} ${plan.reason}`)

  test('once, by rank, 60 to 90 s after the better one was seen to run, make-before-break', () => {
    const world = failedOver()
    world.server('srv1').fails = undefined
    const since = world.now
    world.until('seen to run', () => world.probesOf('srv1', since).length > 0, 30_000)
    const waitedMs = world.until('back', () => world.clients[0]?.at === 'srv1', 120_000)
    expect(waitedMs).toBeGreaterThanOrEqual(60_000)
    expect(waitedMs).toBeLessThan(91_000)
    expect(world.moves.at(-1)?.plan).toMatchObject({ kind: 'failback', reason: 'rank', makeBeforeBreak: true })
    world.run(10 * MINUTE)
    expect(kinds(world)).toEqual(['initial start', 'failover connection-lost', 'failback rank'])
    expect(world.all('left').at(-1)).toMatchObject({ endpointId: 'srv2', how: 'drained' })
  })

  test('an interruption of readiness pushes it out', () => {
    const world = failedOver()
    world.server('srv1').fails = undefined
    world.run(50_000)
    world.server('srv1').state = 'starting'
    world.run(20_000)
    world.server('srv1').state = 'running'
    expect(world.until('back', () => world.clients[0]?.at === 'srv1', 180_000)).toBeGreaterThan(59_000)
  })

  test('manual: never by itself, by rank or by term; a fault still fails over', () => {
    const world = failedOver({ failback: { mode: 'manual' } })
    Object.assign(world.server('srv1'), { fails: undefined, term: 9 })
    world.server('srv2').term = 8
    world.run(30 * MINUTE)
    expect(world.clients[0]?.at).toBe('srv2')
    world.kill('srv2')
    world.until('failed over', () => world.clients[0]?.at === 'srv1', 5000)
    expect(kinds(world)).toEqual(['initial start', 'failover connection-lost', 'failover connection-lost'])
  })

  test('waits for `canMove` without bound, asked again a second after each refusal', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open({ asksCanMove: true })
    world.run(5000)
    world.kill('srv1')
    world.until('failed over', () => world.clients[0]?.at === 'srv2', 5000)
    world.server('srv1').fails = undefined
    world.run(2 * MINUTE)
    expect(world.all('ask-can-move')).toHaveLength(1)
    for (let round = 0; round < 50; round += 1) {
      const question = world.all('ask-can-move').at(-1)?.question ?? NaN
      world.feed({ type: 'can-move', seat: 1, question, allowed: false })
      world.run(1000)
    }
    expect(world.all('ask-can-move')).toHaveLength(51)
    expect(world.clients[0]?.at).toBe('srv2')
    world.feed({
      type: 'can-move',
      seat: 1,
      question: world.all('ask-can-move').at(-1)?.question ?? NaN,
      allowed: true,
    })
    world.run(100)
    expect(world.clients[0]?.at).toBe('srv1')
  })

  test('a flapping server with a rising term, the other promoted at each death: at most 3 moves a minute', () => {
    for (let run = 1; run <= 50; run += 1) {
      const world = new PoolWorld(['srv1', 'srv2'], {}, seededRandom(run))
      let term = 1
      Object.assign(world.server('srv1'), { term })
      Object.assign(world.server('srv2'), { state: 'stopped' })
      world.open()
      world.run(2000)
      const started = world.now
      while (world.now - started < MINUTE) {
        world.run(4000)
        world.kill('srv1')
        world.run(500)
        Object.assign(world.server('srv2'), { state: 'running', term: (term += 1) })
        world.run(3500)
        Object.assign(world.server('srv1'), { fails: undefined, term: (term += 1) })
      }
      expect(world.moves.length - 1, `seed ${run}`).toBeLessThanOrEqual(3)
      expect(world.clients[0]?.at).toBeDefined()
    }
  })

  test('a higher term moves at once the first time', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    Object.assign(world.server('srv1'), { term: 1 })
    Object.assign(world.server('srv2'), { term: 1 })
    world.open()
    world.run(5000)
    world.server('srv2').term = 2
    world.feed({ type: 'check' })
    world.run(500)
    expect(world.moves.at(-1)?.plan).toMatchObject({ kind: 'switchover', reason: 'term', makeBeforeBreak: true })
    // The next one by term is under the hold-down.
    world.server('srv1').term = 3
    world.feed({ type: 'check' })
    expect(world.until('back', () => world.clients[0]?.at === 'srv1', 120_000)).toBeGreaterThan(50_000)
  })
})
