import { describe, expect, test } from 'vitest'
import { Link } from '../../src/core/link'
import { MoveReporter } from '../../src/core/move-timings'
import type { MovePlan } from '../../src/core/pool-protocol'

function plan(id: number, kind: MovePlan['kind'], from: string | undefined, to: string, at: number): MovePlan {
  const times = { lastProof: at, detected: at + 1, decided: at + 2, dialled: at + 3 }
  const road = { endpointId: to, generation: 1, url: `https://${to}.test` }
  const reason = kind === 'switchover' ? 'switchover' : 'connection-lost'
  const whence = from === undefined ? {} : { from, fromServer: `server of ${from}` }
  return { id, kind, reason, to, road, evidence: [`move ${id}`], makeBeforeBreak: false, times, ...whence }
}

function linkOf(move: MovePlan): Link {
  return new Link(move.id, move.road, move, false, move.times.dialled, 5000)
}

/** Commits these one after the other; only the last carries all topics, at 1000. Returns what is told. */
function told(...moves: readonly MovePlan[]): ReturnType<MoveReporter['finish']> {
  const reporter = new MoveReporter()
  let last: Link | undefined
  for (const move of moves) {
    const link = linkOf(move)
    // Of a link that was lost nothing is told.
    if (last !== undefined) expect(reporter.finish(link, 0)).toBeUndefined()
    reporter.begin(move, link)
    last = link
  }
  if (last === undefined) return undefined
  const moved = reporter.finish(last, 1000)
  expect(reporter.finish(last, 2000)).toBeUndefined()
  return moved
}

describe('a move that broke before its topics were live', () => {
  test('is told by the redial that ends it: one failover, from the first, with its whole time', () => {
    const moved = told(plan(1, 'failover', 'a', 'b', 100), plan(2, 'redial', 'b', 'b', 400))
    expect(moved?.plan).toMatchObject({ id: 1, kind: 'failover', from: 'a', fromServer: 'server of a', to: 'b' })
    expect(moved?.plan.evidence).toEqual(['move 1', 'move 2'])
    expect(moved?.timings.totalMs).toBe(900)
    const { totalMs, ...parts } = moved!.timings
    expect(Object.values(parts).reduce((left, right) => left + right, 0)).toBe(totalMs)
  })

  test('and by a failover to a third server', () => {
    const moved = told(plan(1, 'failover', 'a', 'b', 100), plan(2, 'failover', 'b', 'c', 400))
    expect(moved?.plan).toMatchObject({ id: 1, kind: 'failover', from: 'a', to: 'c' })
  })

  test('back where it began it was no move', () => {
    const moved = told(plan(1, 'failover', 'a', 'b', 100), plan(2, 'failover', 'b', 'a', 400))
    expect(moved?.plan.kind).toBe('redial')
  })

  test('nor was a switchover, when a failback by rank takes it back: its call hears that it failed', () => {
    const back = { ...plan(2, 'failback', 'b', 'a', 400), reason: 'rank' as const }
    expect(told(plan(1, 'switchover', 'a', 'b', 100), back)?.plan).toMatchObject({ id: 1, kind: 'redial' })
  })

  test('called back, it is the move that was called for', () => {
    const back = { ...plan(2, 'failback', 'b', 'a', 400), reason: 'switchover' as const }
    const moved = told(plan(1, 'switchover', 'a', 'b', 100), back)
    expect(moved?.plan).toMatchObject({ id: 2, kind: 'failback', from: 'b', to: 'a' })
  })

  test('a switchover that had to be dialled again is that switchover still, and answers its call', () => {
    const moved = told(plan(1, 'switchover', 'a', 'b', 100), plan(2, 'redial', 'b', 'b', 400))
    expect(moved?.plan).toMatchObject({ id: 1, kind: 'switchover', from: 'a', to: 'b', reason: 'switchover' })
    expect(told(plan(1, 'switchover', 'a', 'b', 100), plan(2, 'failover', 'b', 'c', 400))?.plan).toMatchObject({
      id: 1,
      kind: 'failover',
    })
  })

  test('a later call is answered by its own move', () => {
    const moved = told(plan(1, 'switchover', 'a', 'b', 100), plan(2, 'switchover', 'b', 'c', 400))
    expect(moved?.plan).toMatchObject({ id: 2, kind: 'switchover', from: 'a', to: 'c' })
    expect(told(plan(1, 'failover', 'a', 'b', 100), plan(2, 'switchover', 'b', 'c', 400))?.plan).toMatchObject({
      id: 2,
      kind: 'failover',
    })
  })

  test('a first connection is nothing to be continued', () => {
    const moved = told(plan(1, 'initial', undefined, 'a', 100), plan(2, 'failover', 'a', 'b', 400))
    expect(moved?.plan).toMatchObject({ id: 2, kind: 'failover', from: 'a', to: 'b' })
    expect(moved?.timings.totalMs).toBe(600)
  })
})
