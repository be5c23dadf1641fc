import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Change } from '../../src/core/change'
import { ChangeBuffer, coalesced } from '../../src/client/subscription-buffer'
import { HubHarness, append, keysOf, settled, upsert } from './subscription-harness'

const START = { order: 0, cursor: undefined }

function removed(key: string, seq: number, previous: unknown): Change {
  return { op: 'remove', key, previous, cursor: { epoch: 'A', seq }, server: 's1', origin: 'live' }
}

describe('for await over a state topic', () => {
  it('begins with the present view, then goes on live', async () => {
    const world = new HubHarness('state')
    const agents = world.hub.open()
    world.batch(upsert('a', 1, 1), upsert('b', 2, 2))
    const seen: Change[] = []
    const loop = (async () => {
      for await (const change of agents) {
        seen.push(change)
        if (seen.length === 3) break
      }
    })()
    await settled()
    expect(seen.map((change) => change.origin)).toEqual(['snapshot', 'snapshot'])
    expect(seen.map((change) => change.cursor?.seq)).toEqual([undefined, 2])
    world.batch(upsert('a', 3, 3, 1))
    await loop
    expect(keysOf(seen)).toEqual(['a', 'b', 'a'])
    // `break` ends that loop only.
    expect(agents.state).toBe('pending')
    expect(world.emptied).toBe(0)
    expect(agents.cursor?.seq).toBe(3)
  })

  it('begun by a listener starts behind the batch it was begun in, also on another handle', async () => {
    const world = new HubHarness('state')
    const first = world.hub.open()
    const second = world.hub.open()
    const seen: Change[] = []
    first.once('batch', () => {
      void (async () => {
        for await (const change of second) seen.push(change)
      })()
    })
    world.batch(upsert('a', 1, 1))
    world.batch(upsert('a', 2, 2, 1))
    await settled()
    expect(seen.map((change) => ('data' in change ? change.data : undefined))).toEqual([1, 2])
    expect(seen.map((change) => change.origin)).toEqual(['snapshot', 'live'])
  })

  it('coalesces by key when slow, bounded by the keys', async () => {
    const world = new HubHarness('state', 3)
    const loop = world.hub.open()[Symbol.asyncIterator]()
    world.batch(upsert('a', 0, 1))
    for (let seq = 2; seq <= 100; seq += 1) world.batch(upsert(seq % 2 === 0 ? 'a' : 'b', seq, seq, 'old'))
    const seen: Change[] = []
    for (let index = 0; index < 2; index += 1) seen.push((await loop.next()).value as Change)
    expect(seen).toMatchObject([
      { key: 'a', data: 100 },
      { key: 'b', data: 99, previous: 'old' },
    ])
    // What the consumer never had has no previous.
    expect(seen[0]).not.toHaveProperty('previous')
    expect(world.pressures).toEqual([])
  })
})

describe('for await over a log', () => {
  it('begins from here', async () => {
    const world = new HubHarness('log')
    const chat = world.hub.open()
    world.batch(append(1))
    const loop = chat[Symbol.asyncIterator]()
    world.batch(append(2), append(3))
    expect(keysOf([(await loop.next()).value as Change, (await loop.next()).value as Change])).toEqual(['m2', 'm3'])
    const pending = loop.next()
    world.batch(append(4))
    expect(keysOf([(await pending).value as Change])).toEqual(['m4'])
  })

  it('has the position of the change before the one in hand', async () => {
    const world = new HubHarness('log')
    const chat = world.hub.open()
    const loop = chat[Symbol.asyncIterator]()
    expect(chat.cursor).toBeUndefined()
    world.batch(append(1), append(2))
    expect(chat.cursor).toBeUndefined()
    await loop.next()
    expect(chat.cursor).toBeUndefined()
    await loop.next()
    expect(chat.cursor?.seq).toBe(1)
    void loop.next()
    expect(chat.cursor?.seq).toBe(2)
  })

  it('takes the slowest of several loops', async () => {
    const world = new HubHarness('log')
    const chat = world.hub.open()
    const slow = chat[Symbol.asyncIterator]()
    const fast = chat[Symbol.asyncIterator]()
    world.batch(append(1), append(2), append(3))
    await slow.next()
    await slow.next()
    for (let index = 0; index < 3; index += 1) await fast.next()
    expect(chat.cursor?.seq).toBe(1)
    await slow.return?.()
    expect(chat.cursor?.seq).toBe(2)
    await fast.return?.()
    expect(chat.cursor?.seq).toBe(3)
  })

  it('keeps the position of a loop that was left early', async () => {
    const world = new HubHarness('log')
    const chat = world.hub.open()
    const loop = (async () => {
      for await (const change of chat) if (change.op !== 'gap' && change.key === 'm2') break
    })()
    world.batch(append(1), append(2), append(3))
    await loop
    expect(chat.cursor?.seq).toBe(2)
  })

  it('presses when full and again when half empty, once for all loops', async () => {
    const world = new HubHarness('log', 4)
    const first = world.hub.open()[Symbol.asyncIterator]()
    const second = world.hub.open({ maxBuffered: 2 })[Symbol.asyncIterator]()
    world.batch(append(1))
    expect(world.pressures).toEqual([])
    world.batch(append(2))
    expect(world.pressures).toEqual([true])
    // What was on its way still comes; nothing is dropped.
    world.batch(append(3), append(4), append(5))
    for (let index = 0; index < 4; index += 1) await second.next()
    expect(world.pressures).toEqual([true])
    for (let index = 0; index < 2; index += 1) await first.next()
    expect(world.pressures).toEqual([true])
    await first.next()
    expect(world.pressures).toEqual([true, false])
  })

  it('releases the pressure when a full loop is left', async () => {
    const world = new HubHarness('log', 1)
    const loop = world.hub.open()[Symbol.asyncIterator]()
    world.batch(append(1))
    await loop.return?.()
    expect(world.pressures).toEqual([true, false])
    expect(await loop.next()).toEqual({ done: true, value: undefined })
  })

  it('delivers gaps in their place', async () => {
    const world = new HubHarness('log')
    const loop = world.hub.open()[Symbol.asyncIterator]()
    const to = { epoch: 'B', seq: 9 }
    world.batch({ op: 'gap', to, reason: 'epoch-changed', server: 's2', origin: 'resync' }, append(9, 'resync'))
    expect(keysOf([(await loop.next()).value as Change, (await loop.next()).value as Change])).toEqual(['gap', 'm9'])
  })
})

describe('for await over an ephemeral topic', () => {
  it('loses the oldest when slow', async () => {
    const world = new HubHarness('ephemeral', 2)
    const loop = world.hub.open()[Symbol.asyncIterator]()
    for (let seq = 1; seq <= 4; seq += 1) world.batch(upsert(`k${seq}`, true, seq))
    expect(keysOf([(await loop.next()).value as Change, (await loop.next()).value as Change])).toEqual(['k3', 'k4'])
    expect(world.pressures).toEqual([])
  })
})

describe('ends of loops', () => {
  it('normally when the client or the handle closes, also while waiting', async () => {
    for (const how of ['client', 'handle'] as const) {
      const world = new HubHarness('log')
      const chat = world.hub.open()
      const seen: Change[] = []
      const loop = (async () => {
        for await (const change of chat) seen.push(change)
        return 'ended'
      })()
      await settled()
      if (how === 'client') world.hub.end()
      else chat.close()
      expect(await loop).toBe('ended')
      for await (const change of chat) seen.push(change)
      expect(seen).toEqual([])
    }
  })

  it('by a throw when the topic was refused, behind what was buffered, once', async () => {
    const world = new HubHarness('log')
    const chat = world.hub.open()
    const loop = chat[Symbol.asyncIterator]()
    world.batch(append(1))
    world.hub.deliver({ type: 'error', code: 'SUBSCRIPTION_REJECTED', message: 'no', fatal: true })
    expect(keysOf([(await loop.next()).value as Change])).toEqual(['m1'])
    await expect(loop.next()).rejects.toMatchObject({ code: 'SUBSCRIPTION_REJECTED' })
    expect(await loop.next()).toEqual({ done: true, value: undefined })
    const later = async (): Promise<void> => {
      for await (const _ of chat) throw new Error('nothing comes')
    }
    await expect(later()).rejects.toMatchObject({ code: 'SUBSCRIPTION_REJECTED' })
  })

  it('by a throw for the one that waits', async () => {
    const world = new HubHarness('log')
    const loop = world.hub.open()[Symbol.asyncIterator]()
    const waiting = [loop.next(), loop.next()]
    world.hub.end(new Error('over'))
    expect((await Promise.allSettled(waiting)).map((result) => result.status)).toEqual(['rejected', 'fulfilled'])
  })
})

describe('coalescing', () => {
  it.each([
    ['new, changed', upsert('a', 1, 1), upsert('a', 2, 2, 1), { op: 'upsert', data: 2 }],
    ['known, changed twice', upsert('a', 1, 1, 0), upsert('a', 2, 2, 1), { op: 'upsert', data: 2, previous: 0 }],
    ['known, removed', upsert('a', 1, 1, 0), removed('a', 2, 1), { op: 'remove', previous: 0 }],
    ['removed, back', removed('a', 1, 0), upsert('a', 2, 2), { op: 'upsert', data: 2, previous: 0 }],
    ['new, removed', upsert('a', 1, 1), removed('a', 2, 1), undefined],
  ])('%s', (_, first, next, expected) => {
    const merged = coalesced(first, next)
    if (expected === undefined) return expect(merged).toBeUndefined()
    expect(merged).toMatchObject(expected)
    expect(merged !== undefined && 'previous' in merged).toBe('previous' in expected)
  })

  it('any slow consumer ends with the view, and never sees a wrong previous', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('write' as const), key: fc.nat({ max: 5 }), remove: fc.boolean() }),
      fc.record({ do: fc.constant('take' as const), key: fc.nat({ max: 3 }), remove: fc.boolean() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), fc.integer({ min: 1, max: 8 }), (steps, limit) => {
        const buffer = new ChangeBuffer(limit, () => 'state')
        const view = new Map<string, unknown>()
        const mine = new Map<string, unknown>()
        const take = (): boolean => {
          const change = buffer.take()?.change
          if (change === undefined || change.op === 'gap') return false
          expect('previous' in change).toBe(mine.has(change.key))
          if ('previous' in change) expect(change.previous).toBe(mine.get(change.key))
          if (change.op === 'remove') mine.delete(change.key)
          else mine.set(change.key, change.data)
          return true
        }
        steps.forEach((what, seq) => {
          if (what.do === 'take') for (let count = 0; count < what.key; count += 1) take()
          else {
            const key = `k${what.key}`
            const previous = view.get(key)
            if (what.remove && !view.has(key)) return
            buffer.push(what.remove ? removed(key, seq, previous) : upsert(key, seq, seq, previous), START)
            if (what.remove) view.delete(key)
            else view.set(key, seq)
          }
          expect(buffer.size).toBeLessThanOrEqual(Math.max(limit, 6))
        })
        while (take());
        expect(mine).toEqual(view)
        expect(buffer.size).toBe(0)
      }),
      { numRuns: 500 },
    )
  })

  it('does not put off a key that changes all the time', () => {
    const buffer = new ChangeBuffer(1, () => 'state')
    buffer.push(upsert('hot', 0, 0, 'x'), START)
    buffer.push(upsert('cold', 0, 1, 'x'), START)
    buffer.push(upsert('hot', 1, 2, 0), START)
    expect(buffer.take()?.change).toMatchObject({ key: 'hot', data: 1 })
  })
})
