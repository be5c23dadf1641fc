import { describe, expect, test } from 'vitest'
import {
  drawPlan,
  FAULTS,
  INVARIANTS,
  replay,
  runPlan,
  shrinkPlan,
  type Invariant,
} from '../../src/testing/swarm/index'

describe('replay', () => {
  test('the same seed gives the same plan and the same trace, line by line', async () => {
    const one = await replay(11)
    const other = await replay(11)
    expect(one.plan).toEqual(drawPlan(11))
    expect(one.trace.length).toBeGreaterThan(100)
    expect(other.trace).toEqual(one.trace)
    expect(other.hash).toBe(one.hash)
    expect(other.decisions).toEqual(one.decisions)
  })

  test('a plan survives JSON: what a regression keeps is what was run', async () => {
    const { plan, hash } = await replay(12)
    const again = await runPlan(JSON.parse(JSON.stringify(plan)))
    expect(again.hash).toBe(hash)
  })

  test('another seed is another run', async () => {
    expect((await replay(13)).hash).not.toBe((await replay(14)).hash)
  })
})

describe('the swarm as a whole', () => {
  test('every invariant has a name of its own and a sentence', () => {
    expect(new Set(INVARIANTS.map(({ name }) => name)).size).toBe(INVARIANTS.length)
    for (const { name, statement } of INVARIANTS) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/)
      expect(statement).toMatch(/^[A-Z`].{20,}\.$/)
    }
  })

  test('the seeds of `npm test` draw every fault, deed and kind of topology', () => {
    const plans = Array.from({ length: 1000 }, (_unused, index) => drawPlan(index + 1))
    const drawn = new Set(plans.flatMap(({ faults }) => faults.map(({ fault }) => fault)))
    expect([...drawn].sort()).toEqual(Object.keys(FAULTS).sort())
    const deeds = new Set(plans.flatMap((plan) => plan.deeds.map((deed) => deed.do)))
    expect(deeds.size).toBe(10)
    const count = (holds: (plan: (typeof plans)[number]) => boolean): number => plans.filter(holds).length
    // Jitter in every one of them.
    expect(count(({ network: { latencyMs } }) => typeof latencyMs === 'object' && 'p99' in latencyMs)).toBe(1000)
    expect(count(({ topology }) => topology.servers === 1)).toBeGreaterThan(50)
    expect(count(({ topology }) => topology.log === 'split')).toBeGreaterThan(200)
    expect(count(({ topology }) => topology.withoutSockets.length > 0)).toBeGreaterThan(50)
    expect(count(({ clients }) => clients.some(({ standby }) => standby === 'warm'))).toBeGreaterThan(100)
  })
})

describe('shrinkPlan', () => {
  test('leaves what it takes to fail, and nothing else', async () => {
    const plan = drawPlan(5)
    const wanted = plan.faults[0]
    const small = await shrinkPlan(plan, (candidate) =>
      Promise.resolve(candidate.faults.some(({ at, fault }) => at === wanted?.at && fault === wanted.fault)),
    )
    expect(small.faults).toEqual([wanted])
    expect(small.deeds).toEqual([])
    expect(small.clients).toHaveLength(1)
  })

  test('a plan that cannot be made smaller stays as it is', async () => {
    const plan = { ...drawPlan(6), deeds: [] }
    const text = JSON.stringify(plan)
    const same = await shrinkPlan(plan, (candidate) => Promise.resolve(JSON.stringify(candidate) === text))
    expect(same).toEqual(plan)
  })

  test('a violated invariant is named, with its sentence, its moment and its facts', async () => {
    const never: Invariant = {
      name: 'nobody-connects',
      statement: 'No client is ever welcomed.',
      watch: (_run, violated) => ({
        heard: ({ frame }) => {
          if (frame.type === 'welcome') violated(`welcomed by ${frame.server}`)
        },
      }),
    }
    const { violations } = await runPlan(drawPlan(11), { invariants: [never] })
    expect(violations).toHaveLength(1)
    expect(violations[0]).toMatchObject({ invariant: 'nobody-connects', statement: 'No client is ever welcomed.' })
    expect(violations[0]?.facts).toMatch(/^welcomed by srv/)
    expect(violations[0]?.at).toBeGreaterThan(0)
  })
})
