import { describe, expect, test } from 'vitest'
import { Fence } from '../../src/core/fence'
import { PoolWorld } from './pool-world'

const WINDOW_MS = 60_000

describe('the fence', () => {
  test('is the highest term announced; no term is equal to all', () => {
    const fence = new Fence(WINDOW_MS)
    expect(fence.allows(1)).toBe(true)
    fence.announce(0, 'srv1', 5)
    fence.announce(10, 'srv2', 3)
    expect([fence.term, fence.allows(4), fence.allows(5), fence.allows(6), fence.allows(undefined)]).toEqual([5, false, true, true, true])
  })

  test('falls when nobody has announced it for the window, to the highest now announced', () => {
    const fence = new Fence(WINDOW_MS)
    fence.announce(0, 'srv1', 9)
    fence.announce(50_000, 'srv2', 2)
    expect(fence.deadline()).toBe(WINDOW_MS)
    expect(fence.expire(WINDOW_MS - 1, [2])).toBeUndefined()
    expect(fence.expire(WINDOW_MS, [2])).toEqual({ from: 9, to: 2 })
    expect(fence.allows(2)).toBe(true)
  })

  test('a server that comes back with a lower term cannot erase its own past before that', () => {
    const fence = new Fence(WINDOW_MS)
    fence.announce(0, 'srv1', 9)
    for (let at = 1000; at < WINDOW_MS; at += 1000) fence.announce(at, 'srv1', 1)
    expect(fence.allows(1)).toBe(false)
    expect(fence.expire(WINDOW_MS, [1])).toEqual({ from: 9, to: 1 })
  })

  test('whoever announces it again keeps it up', () => {
    const fence = new Fence(WINDOW_MS)
    fence.announce(0, 'srv1', 9)
    fence.announce(30_000, 'srv2', 9)
    expect(fence.expire(WINDOW_MS, [])).toBeUndefined()
    expect(fence.expire(90_000, [])).toEqual({ from: 9, to: undefined })
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

  test('the old active one is back with its old term while the new one lives: nobody goes there, nothing is reset', () => {
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
})
