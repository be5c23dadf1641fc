import { describe, expect, it } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { PoolMachine } from '../../src/core/pool'
import type { MovePlan, PoolEffect, PoolInput } from '../../src/core/pool-protocol'
import type { ReadinessState } from '../../src/core/wire'

// The Pool machine with one seat, in virtual time. Servers answer probes at once, or never.

interface Said {
  state: ReadinessState
  draining: boolean
}

class World {
  now = 0
  readonly machine = new PoolMachine({ ...DEFAULTS, failback: { ...DEFAULTS.failback, jitter: 0 } }, () => 0.5)
  readonly moves: { at: number; plan: MovePlan }[] = []
  /** What each server says; nothing: it does not answer. */
  readonly says: Record<string, Said | undefined> = {
    srv1: { state: 'running', draining: false },
    srv2: { state: 'running', draining: false },
  }
  readonly #due: { at: number; input: PoolInput }[] = []

  constructor() {
    const seeds = ['srv1', 'srv2'].map((name, rank) => ({ id: name, url: `https://${name}`, name, rank }))
    this.put({ type: 'endpoints', source: 'configured', seeds })
    this.put({ type: 'seat-open', seat: 1, ucc: 'u', priority: () => 'agent', warm: false, asksCanMove: false })
    this.put({ type: 'seat-live', seat: 1 })
  }

  get at(): string | undefined {
    return this.moves.at(-1)?.plan.to
  }

  put(input: PoolInput): void {
    for (const effect of this.machine.handle(this.now, input)) this.#carryOut(effect)
  }

  run(ms: number): void {
    const end = this.now + ms
    for (;;) {
      this.#due.sort((a, b) => a.at - b.at)
      const next = Math.min(this.#due[0]?.at ?? Infinity, this.machine.deadline())
      if (next > end) break
      this.now = Math.max(this.now, next)
      const first = this.#due[0]
      if (first !== undefined && first.at <= this.now) this.put(this.#due.shift()?.input ?? { type: 'tick' })
      else this.put({ type: 'tick' })
    }
    this.now = end
  }

  #carryOut(effect: PoolEffect): void {
    if (effect.type === 'probe') {
      const server = effect.road.endpointId
      const said = this.says[server]
      const { attempt } = effect
      if (said === undefined) {
        const failure = { kind: 'timeout', sent: 'maybe', message: 'no answer' } as const
        this.#later(effect.timeoutMs, { type: 'probed', attempt, result: { is: 'failed', failure } })
      } else {
        const body = { server, versions: [1], ucc: 'u', term: 1, ...said }
        this.#later(1, { type: 'probed', attempt, result: { is: 'ready', body, rttMs: 1 } })
      }
    }
    if (effect.type === 'go') {
      this.moves.push({ at: this.now, plan: effect.plan })
      // A server that does not answer does not welcome either.
      const { id: move, to } = effect.plan
      if (this.says[to] === undefined) {
        const cause = { type: 'timeout', phase: 'connect' } as const
        this.#later(5000, { type: 'seat-failed', seat: 1, move, cause })
      } else this.#later(5, { type: 'seat-committed', seat: 1, move, live: true })
    }
  }

  #later(ms: number, input: PoolInput): void {
    this.#due.push({ at: this.now + ms, input })
  }
}

/** A client that has been on srv1 for ten minutes. */
function settled(): World {
  const world = new World()
  world.run(600_000)
  expect(world.at).toBe('srv1')
  return world
}

describe('hold-down of a failback', () => {
  it('begins when a server that went silent answers again, however long it was ready before', () => {
    const world = settled()
    world.says.srv1 = undefined
    const lastProof = world.now - 1300
    world.put({ type: 'seat-suspect', seat: 1, lastProof })
    world.put({ type: 'seat-unanswered', seat: 1, lastProof })
    world.run(5000)
    expect(world.moves.at(-1)).toMatchObject({ plan: { to: 'srv2', kind: 'failover', reason: 'server-silent' } })
    const count = world.moves.length

    // As long as it hangs nobody dials it.
    world.run(300_000)
    expect(world.moves).toHaveLength(count)

    world.says.srv1 = { state: 'running', draining: false }
    const backAt = world.now
    world.run(300_000)
    expect(world.moves.slice(count)).toMatchObject([{ plan: { to: 'srv1', kind: 'failback', reason: 'rank' } }])
    const waited = (world.moves.at(-1)?.at ?? 0) - backAt
    expect(waited).toBeGreaterThanOrEqual(DEFAULTS.failback.holdDownMs)
  })

  it('begins when a drain ends: the fleet comes back by its jitter, not at once', () => {
    const world = settled()
    world.says.srv1 = { state: 'running', draining: true }
    world.put({ type: 'goaway', seat: 1, leaveWithinMs: 4000 })
    world.run(120_000)
    expect(world.moves.at(-1)).toMatchObject({ plan: { to: 'srv2', kind: 'switchover', reason: 'drain' } })
    const count = world.moves.length

    world.says.srv1 = { state: 'running', draining: false }
    const endedAt = world.now
    world.run(300_000)
    expect(world.moves.slice(count)).toMatchObject([{ plan: { to: 'srv1', kind: 'failback', reason: 'rank' } }])
    expect((world.moves.at(-1)?.at ?? 0) - endedAt).toBeGreaterThanOrEqual(DEFAULTS.failback.holdDownMs)
  })
})
