import { describe, expect, it, vi } from 'vitest'
import type { Change } from '../../src/core/change'
import { isFailoverError } from '../../src/errors'
import { ephemeralTopic, logTopic, stateTopic } from '../../src/client/topics'
import { HubHarness, append, keysOf, settled, upsert } from './subscription-harness'

describe('topics', () => {
  it('carry name, kind and validator', () => {
    const parse = (data: unknown): number => Number(data)
    expect(stateTopic('a', { parse })).toEqual({ name: 'a', kind: 'state', parse })
    expect(logTopic('b')).toEqual({ name: 'b', kind: 'log' })
    expect(ephemeralTopic('c').kind).toBe('ephemeral')
    expect(() => stateTopic('')).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })
})

describe('listeners', () => {
  it('hear each change, then the batch, with the view already whole', () => {
    const { hub, ...world } = harness('state')
    const agents = hub.open<number>()
    const heard: string[] = []
    agents.on('change', (change) => heard.push(`${sentence(change)} of ${agents.view.size}`))
    agents.on('batch', (changes) => heard.push(`batch ${changes.length}`))
    world.batch(upsert('a', 1, 1), upsert('b', 2, 2))
    world.batch(upsert('a', 3, 3, 1))
    expect(heard).toEqual(['a=1 of 2', 'b=2 of 2', 'batch 2', 'a=3 of 2', 'batch 1'])
    expect([...agents.view]).toEqual([
      ['a', 3],
      ['b', 2],
    ])
  })

  it('hear of an empty first content, not of later batches without a difference', () => {
    const { hub, ...world } = harness('state')
    const batches = vi.fn()
    hub.open().on('batch', batches)
    world.batch()
    world.batch()
    expect(batches.mock.calls).toEqual([[[]]])
  })

  it('get a new view a batch, and old ones stay as they were', () => {
    const { hub, ...world } = harness('state')
    const agents = hub.open()
    world.batch(upsert('a', 1, 1))
    const first = agents.view
    expect(agents.view).toBe(first)
    world.batch(upsert('a', 2, 2, 1))
    expect(agents.view).not.toBe(first)
    expect(first.get('a')).toBe(1)
  })

  it('that throw on the 7th change are reported once, and the change counts as consumed', () => {
    const { hub, reported, ...world } = harness('log')
    const chat = hub.open()
    const errors: unknown[] = []
    const seen: string[] = []
    const failure = new Error('seventh')
    chat.on('error', (error) => errors.push(error))
    chat.on('change', (change) => {
      seen.push(...keysOf([change]))
      if (seen.length === 7) throw failure
    })
    const other = vi.fn()
    chat.on('change', other)
    for (let seq = 1; seq <= 10; seq += 1) world.batch(append(seq))
    expect(seen).toEqual(Array.from({ length: 10 }, (_, index) => `m${index + 1}`))
    expect(other).toHaveBeenCalledTimes(10)
    expect(errors).toEqual([failure])
    expect(reported).toEqual([failure])
    expect(chat.cursor).toEqual({ epoch: 'A', seq: 10 })
  })

  it('that reject are reported, not left unhandled', async () => {
    const { hub, reported, ...world } = harness('log')
    hub.open().on('change', () => Promise.reject(new Error('async')))
    world.batch(append(1))
    await settled()
    expect(reported).toEqual([new Error('async')])
  })

  it('of errors that throw are reported and not called again for it', () => {
    const { hub, reported, ...world } = harness('log')
    const chat = hub.open()
    const failing = vi.fn(() => {
      throw new Error('in error')
    })
    chat.on('error', failing)
    chat.on('batch', () => {
      throw new Error('in batch')
    })
    world.batch(append(1))
    expect(failing).toHaveBeenCalledTimes(1)
    expect(reported).toHaveLength(2)
  })

  it('are removed one registration at a time, also in the middle of an event', () => {
    const { hub, ...world } = harness('log')
    const chat = hub.open()
    const listener = vi.fn()
    const remove = chat.on('batch', listener)
    chat.on('batch', listener)
    remove()
    remove()
    world.batch(append(1))
    expect(listener).toHaveBeenCalledTimes(1)
    chat.off('batch', listener)
    const late = vi.fn()
    chat.once('batch', () => chat.off('batch', late))
    chat.on('batch', late)
    world.batch(append(2))
    world.batch(append(3))
    expect(listener).toHaveBeenCalledTimes(1)
    expect(late).not.toHaveBeenCalled()
  })

  it('may close the subscription inside an event: nothing follows', () => {
    const { hub, ...world } = harness('log')
    const chat = hub.open()
    const seen: string[] = []
    const batches = vi.fn()
    chat.on('batch', batches)
    chat.on('change', (change) => {
      seen.push(...keysOf([change]))
      chat.close()
    })
    world.batch(append(1), append(2))
    expect(seen).toEqual(['m1'])
    expect(batches).not.toHaveBeenCalled()
  })

  it('hear states, the last one being closed', () => {
    const { hub, ...world } = harness('log')
    const chat = hub.open()
    const states: string[] = []
    chat.on('state', (state, previous) => states.push(`${previous}>${state}`))
    expect(chat.state).toBe('pending')
    world.state('live')
    world.state('stale')
    chat.close()
    chat.close()
    expect(states).toEqual(['pending>live', 'live>stale', 'stale>closed'])
    expect(chat.state).toBe('closed')
  })
})

describe('position and age', () => {
  it('moves with what the listeners have finished', () => {
    const { hub, ...world } = harness('log')
    const chat = hub.open()
    const during: (number | undefined)[] = []
    const remove = chat.on('change', () => during.push(chat.cursor?.seq))
    world.batch(append(1), append(2))
    remove()
    chat.on('batch', () => during.push(chat.cursor?.seq))
    world.batch(append(3), append(4))
    expect(during).toEqual([undefined, 1, 2])
    expect(chat.cursor?.seq).toBe(4)
  })

  it('is how long ago the content was known to be current', () => {
    const world = new HubHarness('state')
    const agents = world.hub.open()
    expect(agents.ageMs).toBeUndefined()
    world.now = 100
    world.batch(upsert('a', 1, 1))
    world.now = 350
    expect(agents.ageMs).toBe(250)
    agents.close()
    world.now = 9999
    expect(agents.ageMs).toBe(250)
  })
})

describe('several handles of one topic', () => {
  it('share what is delivered, each with its own end', () => {
    const world = new HubHarness('state')
    const first = world.hub.open()
    const second = world.hub.open()
    world.batch(upsert('a', 1, 1))
    first.close()
    expect(world.emptied).toBe(0)
    world.batch(upsert('b', 2, 2))
    expect([...first.view.keys()]).toEqual(['a'])
    expect([...second.view.keys()]).toEqual(['a', 'b'])
    second.close()
    expect(world.emptied).toBe(1)
    expect([...second.view.keys()]).toEqual(['a', 'b'])
  })

  it('opened later have the view at once, and their listeners hear it once', async () => {
    const world = new HubHarness('state')
    world.hub.open()
    world.batch(upsert('a', 1, 1), upsert('b', 2, 2))
    const late = world.hub.open()
    expect(late.view.size).toBe(2)
    const batches: string[][] = []
    late.on('batch', (changes) => batches.push(changes.map(sentence)))
    // Comes before the late handle was told: it is in its first batch.
    world.batch(upsert('c', 3, 3))
    await settled()
    world.batch(upsert('c', 4, 4, 3))
    expect(batches).toEqual([['a=1', 'b=2', 'c=3'], ['c=4']])
  })

  it('opened later on a log begin there', async () => {
    const world = new HubHarness('log')
    world.hub.open()
    world.batch(append(1))
    const late = world.hub.open()
    const batches = vi.fn()
    late.on('batch', batches)
    await settled()
    expect(batches).not.toHaveBeenCalled()
    expect(late.cursor).toEqual({ epoch: 'A', seq: 1 })
  })

  it('tells of the last one’s end after everybody has heard the event, and not if another was opened', () => {
    const world = new HubHarness('log')
    const first = world.hub.open()
    first.on('batch', () => {
      first.close()
      expect(world.emptied).toBe(0)
    })
    world.batch(append(1))
    expect(world.emptied).toBe(1)
    const second = world.hub.open()
    second.on('batch', () => {
      second.close()
      world.hub.open()
    })
    world.batch(append(2))
    expect(world.emptied).toBe(1)
    expect(world.hub.size).toBe(1)
  })
})

describe('ends', () => {
  it('come with a signal, and let go of it', () => {
    const world = new HubHarness('log')
    const controller = new AbortController()
    const chat = world.hub.open({ signal: controller.signal })
    const remove = vi.spyOn(controller.signal, 'removeEventListener')
    controller.abort()
    expect(chat.state).toBe('closed')
    expect(remove).toHaveBeenCalledTimes(1)
    expect(world.emptied).toBe(1)
    expect(world.hub.open({ signal: AbortSignal.abort() }).state).toBe('closed')
  })

  it('come with the refusal of a topic, told once to each handle', () => {
    const world = new HubHarness('log')
    const chat = world.hub.open()
    const errors: unknown[] = []
    const states: string[] = []
    chat.on('error', (error) => errors.push(error))
    chat.on('state', (state) => states.push(state))
    const refusal = {
      type: 'error',
      code: 'SUBSCRIPTION_REJECTED',
      message: 'no',
      reason: 'forbidden',
      fatal: true,
    } as const
    world.hub.deliver(refusal)
    world.state('closed')
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({ code: 'SUBSCRIPTION_REJECTED', fields: { subject: 't', reason: 'forbidden' } })
    expect(states).toEqual(['closed'])
    expect(world.hub.isEnded).toBe(true)
    expect(world.hub.open().state).toBe('closed')
    expect(world.emptied).toBe(0)
  })

  it('do not come with an item that parse refused', () => {
    const world = new HubHarness('state')
    const agents = world.hub.open()
    const errors: unknown[] = []
    agents.on('error', (error) => errors.push(error))
    const cause = new TypeError('no number')
    world.hub.deliver({ type: 'error', code: 'PROTOCOL_ERROR', message: 'item', fatal: false, cause })
    expect(errors).toEqual([expect.objectContaining({ code: 'PROTOCOL_ERROR', cause })])
    expect(isFailoverError(errors[0])).toBe(true)
    expect(agents.state).toBe('pending')
  })
})

function harness(kind: 'state' | 'log'): Pick<HubHarness, 'hub' | 'reported'> & {
  batch: (...changes: Change[]) => void
  state: HubHarness['state']
} {
  const world = new HubHarness(kind)
  const { hub, reported } = world
  return { hub, reported, batch: (...changes) => world.batch(...changes), state: (state) => world.state(state) }
}

function sentence(change: Change): string {
  if (change.op === 'gap') return 'gap'
  return change.op === 'remove' ? `-${change.key}` : `${change.key}=${JSON.stringify(change.data)}`
}
