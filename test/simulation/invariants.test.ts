import { describe, expect, test } from 'vitest'
import { drawPlan, INVARIANTS, type SwarmPlan } from '../../src/testing/swarm/index'
import type { RunView } from '../../src/testing/swarm/invariant'
import type { Sighting, SightingKind } from '../../src/testing/swarm/sighting'

// That an invariant can fail is shown by breaking the code (npm run breaks). Here are the stories that hardly ever
// happen, each called as its invariant: test/unit/breaks.test.ts counts them.

const PLAN: SwarmPlan = { ...drawPlan(1), deeds: [] }

function viewOf(plan = PLAN): RunView {
  return { plan, clients: [{}], truth: {} } as unknown as RunView
}

function violationsOf(name: string, story: readonly Partial<Sighting>[], run = viewOf()): readonly string[] {
  const violations: string[] = []
  const reader = INVARIANTS.find((invariant) => invariant.name === name)?.watch(run, (facts) => violations.push(facts))
  for (const [order, sighting] of story.entries()) {
    const read = reader?.[sighting.is as SightingKind] as ((sighting: unknown) => void) | undefined
    read?.({ at: order * 60_000, client: 0, ...sighting })
  }
  return violations
}

describe('no-failback-against-designation', () => {
  const failback = (reason: string): Partial<Sighting> =>
    ({
      is: 'event',
      at: 120_000,
      name: 'failback',
      context: { reason, from: { id: 'b' }, to: { id: 'a' } },
    }) as Partial<Sighting>

  test.each([
    ['away from the designated one, by rank', 'b', 'rank', 1],
    ['away from the designated one, by term', 'b', 'term', 0],
    ['towards the designated one', 'a', 'rank', 0],
  ])('%s', (_what, designated, reason, expected) => {
    const story = [{ is: 'resolved', designated } as Partial<Sighting>, failback(reason)]
    expect(violationsOf('no-failback-against-designation', story)).toHaveLength(expected)
  })
})

describe('no-failover-without-a-cause', () => {
  const timings = { detectMs: 0, totalMs: 500 }
  const from = { name: 'a', server: 'srv1', rank: 0, term: 2 }
  const ends = { from, to: { name: 'b', server: 'srv2', rank: 1, term: 2 }, evidence: [] }
  const move = (kind: string, reason: string, at: number): Partial<Sighting> =>
    ({ is: 'event', name: kind, at, context: { kind, reason, timings, ...ends } }) as unknown as Partial<Sighting>
  const fault = (on: boolean, at: number): Partial<Sighting> => ({ is: 'fault', fault: 'kill', target: 'srv1', on, at })
  const story = [fault(true, 100_000), fault(false, 105_000)]

  test.each([
    ['long before anything goes wrong', move('failover', 'endpoint-down', 90_000), 1],
    ['while something is wrong', move('failover', 'endpoint-down', 103_000), 0],
    ['when it has just been put right', move('failover', 'server-silent', 110_000), 0],
    ['long after it was put right', move('failover', 'server-silent', 150_000), 1],
    ['by a term that is no higher', move('switchover', 'term', 150_000), 1],
    ['by a drain that nobody announced', move('switchover', 'drain', 150_000), 1],
    ['back to a worse rank', move('failback', 'rank', 150_000), 1],
    ['by a wish that nobody had', move('switchover', 'switchover', 150_000), 1],
  ])('%s', (_what, event, expected) => {
    const quiet = { ...PLAN, network: { latencyMs: 1, loss: 0 }, healAtMs: 200_000 }
    expect(violationsOf('no-failover-without-a-cause', [...story, event], viewOf(quiet))).toHaveLength(expected)
  })

  test('while something is wrong at a third server only', () => {
    const elsewhere = [{ ...fault(true, 100_000), target: 'srv3' }, move('failover', 'endpoint-down', 103_000)]
    const quiet = { ...PLAN, network: { latencyMs: 1, loss: 0 }, healAtMs: 200_000 }
    expect(violationsOf('no-failover-without-a-cause', elsewhere as Partial<Sighting>[], viewOf(quiet))).toHaveLength(1)
  })

  test('by a wish', () => {
    const wished = [{ is: 'called', what: 'switchover' } as Partial<Sighting>, move('switchover', 'switchover', 50_000)]
    expect(violationsOf('no-failover-without-a-cause', wished)).toEqual([])
  })
})

describe('served-again', () => {
  const onServer = { state: 'connected', active: { server: 'srv1' }, diagnostics: () => ({ subscriptions: [] }) }
  const viewWith = (client: object, serves: boolean): RunView =>
    ({
      ...viewOf(),
      clients: [{ client, plan: PLAN.clients[0], isClosed: false }],
      truth: { serves: () => serves },
    }) as unknown as RunView
  const story = [
    { is: 'healed', at: 60_000 },
    { is: 'sampled', at: 61_000 },
    { is: 'sampled', at: 180_000 },
  ] as const

  test.each([
    ['by a server that runs the UCC', onServer, true, 0],
    ['on a server that does not', onServer, false, 1],
    ['nowhere', { ...onServer, state: 'offline' }, true, 1],
    ['with a topic that is not live', { ...onServer, diagnostics: () => ({ subscriptions: [{}] }) }, true, 1],
  ])('%s', (_what, client, serves, expected) => {
    expect(violationsOf('served-again', story, viewWith(client, serves))).toHaveLength(expected)
    expect(violationsOf('served-again', story.slice(0, 2), viewWith(client, serves))).toEqual([])
  })
})

describe('moves-are-damped', () => {
  const moved = { is: 'event', name: 'failback', context: {} } as unknown as Partial<Sighting>
  const flip: Partial<Sighting> = { is: 'fault', fault: 'flip', target: 'srv1', on: true }
  const quiet = { ...PLAN, deeds: [], network: { latencyMs: 1, loss: 0 } }

  test.each([
    ['once away and back', [flip, moved, moved], 0],
    ['to and fro for ever', [flip, ...Array.from({ length: 6 }, () => moved)], 1],
    ['as often as the world changes', [flip, moved, moved, flip, moved, moved, flip, moved, moved], 0],
  ])('%s', (_what, story, expected) => {
    expect(violationsOf('moves-are-damped', story, viewOf(quiet))).toHaveLength(expected)
  })
})

describe('silence-is-noticed', () => {
  const connected = { plan: PLAN.clients[0], client: { state: 'connected' } }
  let now = 0
  const run = { ...viewOf(), clients: [{ ...connected, awakeMs: () => now }] } as unknown as RunView

  test.each([
    ['beats that come', 1000, 0],
    ['a connection that has been dead for long', 20_000, 1],
  ])('%s', (_what, silentMs, expected) => {
    now = 0
    const violations: string[] = []
    const reader = INVARIANTS.find(({ name }) => name === 'silence-is-noticed')?.watch(run, (facts) =>
      violations.push(facts),
    )
    const tell = (sighting: object): void => {
      const read = reader?.[(sighting as Sighting).is] as ((sighting: unknown) => void) | undefined
      read?.({ at: now, client: 0, link: 1, endpointId: 'a', ...sighting })
    }
    tell({ is: 'dialled' })
    tell({ is: 'heard', frame: { type: 'welcome', heartbeatMs: 1000 } })
    now += silentMs
    tell({ is: 'sampled', active: 'a' })
    expect(violations).toHaveLength(expected)
  })
})

describe('never-below-the-fence', () => {
  const warm = { plan: { standby: 'warm' }, client: { state: 'connected', active: { id: 'b' } }, awakeMs: () => 0 }
  const run = { ...viewOf(), clients: [warm] } as unknown as RunView
  const welcome = { is: 'heard', link: 2, endpointId: 'b', frame: { type: 'welcome', term: 1 } } as Partial<Sighting>
  const raised = { is: 'answered', body: { term: 2 } } as Partial<Sighting>
  const arrived = { is: 'event', name: 'failover', context: {} } as Partial<Sighting>
  const subscribe = { is: 'sent', link: 2, endpointId: 'b', frame: { type: 'subscribe' } } as Partial<Sighting>

  test.each([
    ['a standby that was taken before the fence rose, and is subscribed to later', [arrived, raised, subscribe], 0],
    ['a standby that is taken after the fence rose, without a subscription', [raised, arrived], 1],
    ['a standby that is subscribed to after the fence rose', [raised, subscribe], 1],
  ])('%s', (_what, story, expected) => {
    expect(violationsOf('never-below-the-fence', [welcome, ...story], run)).toHaveLength(expected)
  })
})
