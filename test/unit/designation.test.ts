import { describe, expect, it } from 'vitest'
import { Designation } from '../../src/core/designation'
import { PoolWorld } from './pool-world'

describe('the designation', () => {
  // fault-matrix: 14
  it('holds at once the first time, and after two equal answers 2 s apart when it changes', () => {
    const designation = new Designation()
    designation.hear(0, 'a')
    expect(designation.current).toBe('a')
    designation.hear(10_000, 'b')
    designation.hear(11_999, 'b')
    expect(designation.current).toBe('a')
    designation.hear(12_000, 'b')
    expect(designation).toMatchObject({ current: 'b', changedAt: 12_000 })
  })

  it('is not changed by one odd answer between equal ones', () => {
    const designation = new Designation()
    designation.hear(0, 'a')
    designation.hear(10_000, 'b')
    designation.hear(12_000, 'a')
    designation.hear(14_000, 'b')
    designation.hear(15_000, 'b')
    expect(designation.current).toBe('a')
    designation.hear(16_000, 'b')
    expect(designation.current).toBe('b')
  })

  it('is nobody while the answer names none or several; coming back is no change', () => {
    const designation = new Designation()
    designation.hear(0, 'a')
    designation.hear(10_000, undefined)
    expect(designation.current).toBeUndefined()
    designation.hear(20_000, 'a')
    expect(designation).toMatchObject({ current: 'a', changedAt: 0 })
  })

  it('that comes while the client dials is followed', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open()
    world.until('dialling', () => world.clients[0]?.move?.to === 'srv1', 1000)
    world.feed({ type: 'designated', endpointId: 'srv2' })
    world.run(1000)
    expect(world.clients[0]?.at).toBe('srv2')
  })

  it('that comes when the client has settled already is followed, and called back to only after the hold-down', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open()
    world.run(1000)
    expect(world.clients[0]?.at).toBe('srv1')
    world.feed({ type: 'designated', endpointId: 'srv2' })
    world.run(1000)
    expect(world.clients[0]?.at).toBe('srv2')
    expect(world.moves.at(-1)?.plan).toMatchObject({ kind: 'switchover', reason: 'designation', to: 'srv2' })
    world.kill('srv2')
    world.until('failed over', () => world.clients[0]?.at === 'srv1', 5000)
    world.server('srv2').fails = undefined
    world.feed({ type: 'designated', endpointId: 'srv2' })
    world.run(30_000)
    expect(world.clients[0]?.at).toBe('srv1')
  })

  it('changed is a planned move at once; unchanged and lost meanwhile, it calls back after the hold-down only', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.feed({ type: 'designated', endpointId: 'srv1' })
    world.open()
    world.run(5000)
    expect(world.clients[0]?.at).toBe('srv1')
    world.feed({ type: 'designated', endpointId: 'srv2' })
    world.run(2000)
    expect(world.clients[0]?.at).toBe('srv1')
    world.feed({ type: 'designated', endpointId: 'srv2' })
    world.run(1000)
    expect(world.clients[0]?.at).toBe('srv2')
    expect(world.moves.at(-1)?.plan).toMatchObject({ kind: 'switchover', reason: 'designation', to: 'srv2' })
    world.kill('srv2')
    world.until('failed over', () => world.clients[0]?.at === 'srv1', 5000)
    world.server('srv2').fails = undefined
    world.run(30_000)
    expect(world.clients[0]?.at).toBe('srv1')
    world.until('called back', () => world.clients[0]?.at === 'srv2', 120_000)
    expect(world.moves.at(-1)?.plan).toMatchObject({ reason: 'designation' })
  })
})
