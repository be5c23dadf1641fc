import { describe, expect, it } from 'vitest'
import { NEVER } from '../../src/core/time'
import { TopicHarness, at, items, told, types } from './topic-harness'

describe('first subscription', () => {
  it('asks without a position and is pending until the last snapshot part', () => {
    const topic = new TopicHarness({ kind: 'state' })
    expect(topic.ready(1)).toEqual([{ type: 'subscribe', link: 1 }])
    expect(topic.subscribed(1, 'state', false, at('A', 3))).toEqual([{ type: 'answered', link: 1 }])
    expect(topic.snapshot(1, at('A', 3), items(['a', 1]), true)).toEqual([])
    expect(topic.machine.state).toBe('pending')
    expect(topic.machine.received).toBeUndefined()
    const effects = topic.snapshot(1, at('A', 3), items(['b', 2]))
    expect(types(effects)).toEqual(['batch', 'adopted', 'state'])
    expect(told(effects)).toEqual(['upsert a=1 snapshot', 'upsert b=2 snapshot'])
    expect(effects[1]).toEqual({ type: 'adopted', link: 1, how: 'first', changes: 2, gap: false })
    expect(effects[2]).toEqual({ type: 'state', state: 'live', previous: 'pending' })
    expect(topic.machine.received).toEqual(at('A', 3))
    expect([...topic.machine.view]).toEqual([
      ['a', 1],
      ['b', 2],
    ])
  })

  it('claims the position with the last change of a snapshot only', () => {
    const topic = new TopicHarness({ kind: 'log' })
    topic.ready(1)
    topic.subscribed(1, 'log', false, at('A', 9))
    topic.snapshot(1, at('A', 9), items('m1', 'm2'))
    expect(topic.changes.map((change) => change.cursor)).toEqual([undefined, at('A', 9)])
  })

  it('tells an empty first snapshot too', () => {
    const topic = new TopicHarness({ kind: 'state' })
    topic.ready(1)
    topic.subscribed(1, 'state', false, at('A', 0))
    const effects = topic.snapshot(1, at('A', 0), [])
    expect(types(effects)).toEqual(['batch', 'adopted', 'state'])
  })

  it('adopts the kind of the server when none was given', () => {
    const topic = new TopicHarness()
    topic.ready(1)
    expect(topic.machine.kind).toBeUndefined()
    topic.subscribed(1, 'log', false, at('A', 0))
    expect(topic.machine.kind).toBe('log')
  })

  it('closes with PROTOCOL_ERROR when the kind is another one', () => {
    const topic = new TopicHarness({ kind: 'state' })
    topic.ready(1)
    const effects = topic.subscribed(1, 'log', false)
    expect(types(effects)).toEqual(['answered', 'error', 'unsubscribe', 'state'])
    expect(effects[1]).toMatchObject({ code: 'PROTOCOL_ERROR', fatal: true })
    expect(topic.machine.state).toBe('closed')
    expect(topic.ready(2)).toEqual([])
    expect(topic.machine.deadline()).toBe(NEVER)
  })

  it('resumes a log from the position the consumer gave', () => {
    const topic = new TopicHarness({ kind: 'log', cursor: at('A', 5) })
    expect(topic.ready(1)).toEqual([{ type: 'subscribe', link: 1, cursor: at('A', 5) }])
    topic.subscribed(1, 'log', true, at('A', 6))
    expect(topic.machine.state).toBe('pending')
    const effects = topic.event(1, 6, 'append', 'm6', 'six')
    expect(told(effects)).toEqual(['append m6="six" resume'])
    expect(types(effects)).toEqual(['batch', 'adopted', 'state'])
  })

  it('reports a gap when that position is no longer held', () => {
    const topic = new TopicHarness({ kind: 'log', cursor: at('A', 5) })
    topic.ready(1)
    topic.subscribed(1, 'log', false, at('A', 90))
    expect(told(topic.snapshot(1, at('A', 90), items('m89', 'm90')))).toEqual([
      'gap 5..90 history-lost',
      'append m89="m89" resync',
      'append m90="m90" resync',
    ])
  })

  it('never starts a state topic in the middle', () => {
    const known = new TopicHarness({ kind: 'state', cursor: at('A', 5) })
    expect(known.ready(1)).toEqual([{ type: 'subscribe', link: 1 }])
    const unknown = new TopicHarness({ cursor: at('A', 5) })
    unknown.ready(1)
    expect(types(unknown.subscribed(1, 'state', true, at('A', 7)))).toEqual(['answered', 'unsubscribe', 'subscribe'])
    unknown.subscribed(1, 'state', false, at('A', 7))
    unknown.snapshot(1, at('A', 7), items(['a', 1]))
    expect(unknown.machine.view.get('a')).toBe(1)
    expect(unknown.changes[0]?.origin).toBe('snapshot')
  })

  it('is live at once when ephemeral: no snapshot, no position, no replay', () => {
    const topic = new TopicHarness({ kind: 'ephemeral', cursor: at('A', 1) })
    expect(topic.ready(1)).toEqual([{ type: 'subscribe', link: 1 }])
    expect(types(topic.subscribed(1, 'ephemeral', false))).toEqual(['answered', 'adopted', 'state'])
    expect(told(topic.event(1, undefined, 'upsert', 'ann', true))).toEqual(['upsert ann=true live'])
    expect(told(topic.event(1, undefined, 'remove', 'ann'))).toEqual(['remove ann live'])
    topic.lost(1)
    expect(topic.ready(2)).toEqual([{ type: 'subscribe', link: 2 }])
    expect(topic.subscribed(2, 'ephemeral', false)).toContainEqual({
      type: 'adopted',
      link: 2,
      how: 'continued',
      changes: 0,
      gap: false,
    })
  })
})

describe('live events', () => {
  it('move the position one by one and carry what was there before', () => {
    const topic = TopicHarness.liveState()
    const effects = topic.event(1, 3, 'upsert', 'a', 5)
    expect(effects).toHaveLength(1)
    expect(effects[0]).toMatchObject({
      type: 'batch',
      cursor: at('A', 3),
      changes: [{ op: 'upsert', key: 'a', data: 5, previous: 1, cursor: at('A', 3), server: 'srv1', origin: 'live' }],
    })
    topic.event(1, 4, 'remove', 'b')
    topic.event(1, 5, 'upsert', 'c', null)
    expect([...topic.machine.view]).toEqual([
      ['a', 5],
      ['c', null],
    ])
    expect(topic.changes.at(-1)).not.toHaveProperty('previous')
  })

  it('drop what is at or below the position', () => {
    const topic = TopicHarness.liveLog(5)
    for (const seq of [1, 4, 5]) expect(topic.event(1, seq, 'append', `again${seq}`)).toEqual([])
    expect(topic.machine.received).toEqual(at('A', 5))
  })

  it('keep handed out views as they were', () => {
    const topic = TopicHarness.liveState()
    const before = topic.machine.view
    expect(topic.machine.view).toBe(before)
    topic.event(1, 3, 'upsert', 'a', 9)
    expect(before.get('a')).toBe(1)
    expect(topic.machine.view).not.toBe(before)
  })

  it('ask again by position after a hole', () => {
    const topic = TopicHarness.liveLog(5)
    const effects = topic.event(1, 7, 'append', 'm7')
    expect(effects).toEqual([
      { type: 'unsubscribe', link: 1 },
      { type: 'subscribe', link: 1, cursor: at('A', 5) },
      { type: 'state', state: 'recovering', previous: 'live' },
    ])
    topic.subscribed(1, 'log', true, at('A', 7))
    topic.event(1, 6, 'append', 'm6')
    const last = topic.event(1, 7, 'append', 'm7')
    expect(types(last)).toEqual(['batch', 'adopted', 'state'])
    expect(topic.changes.slice(-2).map((change) => change.origin)).toEqual(['resume', 'resume'])
  })

  it('give up a server that skips again and again', () => {
    const topic = TopicHarness.liveLog(5)
    topic.event(1, 7, 'append', 'm7')
    topic.subscribed(1, 'log', true, at('A', 7))
    // A second hole without an event between: no position helps, a snapshot may.
    expect(topic.event(1, 7, 'append', 'm7')).toContainEqual({ type: 'subscribe', link: 1 })
    topic.subscribed(1, 'log', false, at('A', 7))
    topic.snapshot(1, at('A', 7), items('m5', 'm6', 'm7'))
    expect(topic.machine.state).toBe('live')
    const end = topic.event(1, 9, 'append', 'm9')
    expect(end[0]).toMatchObject({ type: 'error', code: 'PROTOCOL_ERROR', fatal: true })
  })

  it('forget old faults with the first event that fits', () => {
    const topic = TopicHarness.liveLog(5)
    for (let round = 0; round < 5; round += 1) {
      const seq = 6 + round
      topic.event(1, seq + 1, 'append', `m${seq + 1}`)
      topic.subscribed(1, 'log', true, at('A', seq))
      topic.event(1, seq, 'append', `m${seq}`)
      expect(topic.machine.state).toBe('live')
    }
  })

  it('drop a log message whose key was seen in another place', () => {
    const topic = TopicHarness.liveLog(2)
    expect(told(topic.event(1, 3, 'append', 'm1', 'again'))).toEqual([])
    expect(topic.machine.received).toEqual(at('A', 3))
  })
})

describe('what cannot be read', () => {
  it.each([
    ['an op of a later version', (topic: TopicHarness) => topic.event(1, 3, 'unknown', 'a')],
    ['an op of another kind', (topic: TopicHarness) => topic.event(1, 3, 'append', 'a')],
    ['an event without seq', (topic: TopicHarness) => topic.event(1, undefined, 'upsert', 'a')],
    ['a frame that is malformed', (topic: TopicHarness) => topic.input({ type: 'problem', link: 1, detail: 'no key' })],
    ['a snapshot that was not announced', (topic: TopicHarness) => topic.snapshot(1, at('A', 4), [])],
  ])('resynchronises once for %s, then ends', (_, provoke) => {
    const topic = TopicHarness.liveState()
    expect(provoke(topic)).toEqual([
      { type: 'unsubscribe', link: 1 },
      { type: 'subscribe', link: 1 },
      { type: 'state', state: 'recovering', previous: 'live' },
    ])
    topic.subscribed(1, 'state', false, at('A', 3))
    topic.snapshot(1, at('A', 3), items(['a', 1], ['b', 2]))
    expect(topic.machine.state).toBe('live')
    const end = provoke(topic)
    expect(types(end)).toEqual(['error', 'unsubscribe', 'state'])
    expect(end[0]).toMatchObject({ code: 'PROTOCOL_ERROR', fatal: true })
  })

  it('starts counting anew after progress', () => {
    const topic = TopicHarness.liveState()
    for (let seq = 3; seq < 13; seq += 2) {
      topic.event(1, seq, 'unknown', 'a')
      topic.subscribed(1, 'state', false, at('A', seq))
      topic.snapshot(1, at('A', seq), items(['a', 1]))
      topic.event(1, seq + 1, 'upsert', 'a', seq)
    }
    expect(topic.machine.state).toBe('live')
  })

  it('forgives an ephemeral topic with its next signal', () => {
    const topic = new TopicHarness({ kind: 'ephemeral' })
    topic.ready(1)
    for (let round = 0; round < 3; round += 1) {
      topic.subscribed(1, 'ephemeral', false)
      topic.event(1, undefined, 'upsert', 'ann', true)
      topic.event(1, undefined, 'unknown', 'ann')
    }
    expect(topic.machine.state).toBe('recovering')
  })

  it('still owes the resync when the link dies of it (a frame too large closes the socket)', () => {
    const topic = TopicHarness.liveState()
    topic.input({ type: 'problem', link: 1, detail: 'too large' })
    topic.lost(1)
    expect(topic.ready(2)).toEqual([{ type: 'subscribe', link: 2 }])
    const end = topic.input({ type: 'problem', link: 2, detail: 'too large' })
    expect(end[0]).toMatchObject({ type: 'error', code: 'PROTOCOL_ERROR', fatal: true })
  })

  it('goes by position again once the resync has come', () => {
    const topic = TopicHarness.liveState()
    topic.input({ type: 'problem', link: 1, detail: 'no key' })
    topic.subscribed(1, 'state', false, at('A', 3))
    topic.snapshot(1, at('A', 3), items(['a', 1]))
    topic.lost(1)
    expect(topic.ready(2)).toEqual([{ type: 'subscribe', link: 2, cursor: at('A', 3) }])
  })

  it('refuses parts of one snapshot that disagree on the position', () => {
    const topic = new TopicHarness({ kind: 'log' })
    topic.ready(1)
    topic.subscribed(1, 'log', false, at('A', 5))
    topic.snapshot(1, at('A', 5), items('m1'), true)
    expect(types(topic.snapshot(1, at('A', 6), items('m2')))).toEqual(['unsubscribe', 'subscribe'])
    expect(topic.changes).toEqual([])
  })

  it.each([
    ['unknown-topic', 'SUBSCRIPTION_REJECTED'],
    ['forbidden', 'SUBSCRIPTION_REJECTED'],
    ['invalid', 'SUBSCRIPTION_REJECTED'],
  ])('closes when the server answers %s', (code, expected) => {
    const topic = new TopicHarness()
    topic.ready(1)
    const effects = topic.input({ type: 'rejected', link: 1, code, message: 'no' })
    expect(types(effects)).toEqual(['answered', 'error', 'unsubscribe', 'state'])
    expect(effects[1]).toMatchObject({ code: expected, reason: code, fatal: true })
  })

  it('drops and reports an item that parse refuses, and keeps what was known of its key', () => {
    const parse = (data: unknown): unknown => {
      if (typeof data !== 'number') throw new TypeError('no number')
      return { count: data }
    }
    const topic = TopicHarness.liveState({ parse })
    expect(topic.machine.view.get('a')).toEqual({ count: 1 })
    const effects = topic.event(1, 3, 'upsert', 'a', 'x')
    expect(effects[0]).toMatchObject({ type: 'error', code: 'PROTOCOL_ERROR', fatal: false })
    expect(told(effects)).toEqual([])
    expect(topic.machine.received).toEqual(at('A', 3))
    expect(topic.machine.view.get('a')).toEqual({ count: 1 })
    // The same content again is no difference, although parse makes new objects.
    topic.subscribed(1, 'state', false, at('A', 4))
    expect(told(topic.snapshot(1, at('A', 4), items(['a', 1], ['b', 3])))).toEqual(['upsert b={"count":3} resync'])
  })

  it('survives hostile JSON: deep nesting and __proto__ keys', () => {
    const deep = (leaf: string): unknown => JSON.parse(`${'['.repeat(20_000)}${leaf}${']'.repeat(20_000)}`)
    const topic = TopicHarness.liveState()
    topic.event(1, 3, 'upsert', 'a', deep('1'))
    topic.event(1, 4, 'upsert', '__proto__', JSON.parse('{"__proto__":{"polluted":true}}'))
    topic.subscribed(1, 'state', false, at('A', 5))
    const list = items(['a', deep('1')], ['b', 2], ['__proto__', JSON.parse('{"__proto__":{"polluted":true}}')])
    expect(told(topic.snapshot(1, at('A', 5), list))).toEqual([])
    topic.subscribed(1, 'state', false, at('A', 6))
    const other = items(['a', deep('2')], ['b', 2], ['__proto__', JSON.parse('{"__proto__":{"polluted":false}}')])
    const effects = topic.snapshot(1, at('A', 6), other)
    expect(effects[0]).toMatchObject({ type: 'batch', changes: [{ key: 'a' }, { key: '__proto__' }] })
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('server-forced resync', () => {
  it('replaces the view by its differences, at any time, and never empties it', () => {
    const topic = TopicHarness.liveState()
    topic.subscribed(1, 'state', false, at('A', 50))
    expect(topic.machine.state).toBe('recovering')
    expect(topic.machine.view.size).toBe(2)
    topic.snapshot(1, at('A', 50), items(['b', 2]), true)
    expect(topic.machine.view.size).toBe(2)
    const effects = topic.snapshot(1, at('A', 50), items(['c', 3]))
    expect(told(effects)).toEqual(['remove a resync', 'upsert c=3 resync'])
    expect(types(effects)).toEqual(['batch', 'adopted', 'state'])
    expect(told(topic.event(1, 51, 'upsert', 'c', 4))).toEqual(['upsert c=4 live'])
  })

  it('delivers nothing where nothing differs', () => {
    const topic = TopicHarness.liveState()
    topic.subscribed(1, 'state', false, at('B', 0))
    expect(told(topic.snapshot(1, at('B', 0), items(['b', 2], ['a', 1])))).toEqual([])
    expect(topic.machine.received).toEqual(at('B', 0))
  })

  it('drops the parts of a snapshot that begins anew', () => {
    const topic = TopicHarness.liveState()
    topic.subscribed(1, 'state', false, at('A', 5))
    topic.snapshot(1, at('A', 5), items(['x', 1]), true)
    topic.subscribed(1, 'state', false, at('A', 6))
    topic.snapshot(1, at('A', 6), items(['a', 1], ['b', 2]))
    expect(topic.machine.view.has('x')).toBe(false)
  })

  it('ignores events before the last part', () => {
    const topic = TopicHarness.liveState()
    topic.subscribed(1, 'state', false, at('A', 5))
    expect(topic.event(1, 6, 'upsert', 'a', 9)).toEqual([])
    topic.snapshot(1, at('A', 5), items(['a', 1], ['b', 2]))
    expect(told(topic.event(1, 6, 'upsert', 'a', 9))).toEqual(['upsert a=9 live'])
  })

  it('goes on by position when the UCC runs again in the same space', () => {
    const topic = TopicHarness.liveLog(2)
    topic.input({ type: 'not-running', link: 1 })
    expect(topic.machine.state).toBe('stale')
    topic.subscribed(1, 'log', true, at('A', 4))
    topic.event(1, 3, 'append', 'm3')
    const last = topic.event(1, 4, 'append', 'm4')
    expect(types(last)).toEqual(['batch', 'adopted', 'state'])
    expect(topic.machine.state).toBe('live')
  })
})

describe('not running', () => {
  it('waits for the server to repeat subscribed', () => {
    const topic = new TopicHarness({ kind: 'state' })
    topic.ready(1)
    expect(topic.input({ type: 'rejected', link: 1, code: 'not-running', message: '' })).toEqual([
      { type: 'answered', link: 1 },
    ])
    expect(topic.machine.state).toBe('pending')
    topic.subscribed(1, 'state', false, at('A', 1))
    topic.snapshot(1, at('A', 1), [])
    expect(topic.machine.state).toBe('live')
  })

  it('asks again when the UCC runs: a server need not remember an id it refused', () => {
    const topic = TopicHarness.liveLog(3)
    topic.lost(1)
    topic.ready(2)
    topic.input({ type: 'rejected', link: 2, code: 'not-running', message: '' })
    expect(topic.machine.state).toBe('recovering')
    expect(topic.input({ type: 'proof', link: 2 })).toEqual([
      { type: 'unsubscribe', link: 2 },
      { type: 'subscribe', link: 2, cursor: at('A', 3) },
    ])
    expect(topic.input({ type: 'proof', link: 2 })).toEqual([])
  })
})

describe('staleness and silence', () => {
  it('is stale after max(staleAfterMs, 2 beats) without proof, live again with it', () => {
    const topic = TopicHarness.liveState()
    expect(topic.machine.deadline()).toBe(6000)
    topic.now = 3000
    topic.input({ type: 'proof', link: 1 })
    expect(topic.machine.deadline()).toBe(8000)
    expect(topic.tickAt(7999)).toEqual([])
    expect(topic.tickAt(8000)).toEqual([{ type: 'state', state: 'stale', previous: 'live' }])
    expect(topic.machine.deadline()).toBe(NEVER)
    topic.now = 9000
    expect(topic.input({ type: 'proof', link: 1 })).toEqual([{ type: 'state', state: 'live', previous: 'stale' }])
    expect(topic.machine.currentAt).toBe(9000)
    expect(topic.machine.lastEventAt).toBe(1000)
  })

  it('uses two beats where they are longer', () => {
    const topic = new TopicHarness({ kind: 'ephemeral' })
    topic.input({ type: 'link-ready', link: 1, server: 'srv1', heartbeatMs: 30_000 })
    topic.subscribed(1, 'ephemeral', false)
    expect(topic.machine.deadline()).toBe(61_000)
  })

  it('is stale at once when the UCC does not run, until an event or proof', () => {
    const topic = TopicHarness.liveState()
    expect(topic.input({ type: 'not-running', link: 1 })).toEqual([{ type: 'state', state: 'stale', previous: 'live' }])
    expect(types(topic.event(1, 3, 'upsert', 'a', 2))).toEqual(['batch', 'state'])
    expect(topic.machine.state).toBe('live')
  })

  it('reports a silence once, and its end', () => {
    const topic = TopicHarness.liveState({ freshWithinMs: 2000 })
    expect(topic.machine.deadline()).toBe(3000)
    expect(topic.tickAt(3000)).toEqual([{ type: 'silent', link: 1, sinceMs: 2000 }])
    topic.now = 4000
    expect(topic.input({ type: 'proof', link: 1 })).toEqual([])
    expect(types(topic.event(1, 3, 'upsert', 'a', 2))).toEqual(['heard', 'batch'])
    expect(topic.machine.deadline()).toBe(6000)
  })

  it('starts the silence anew on another link', () => {
    const topic = TopicHarness.liveState({ freshWithinMs: 2000 })
    topic.tickAt(3000)
    topic.lost(1)
    expect(topic.machine.deadline()).toBe(NEVER)
    topic.ready(2)
    topic.subscribed(2, 'state', true, at('A', 2))
    expect(topic.machine.deadline()).toBe(5000)
    expect(topic.tickAt(5000)).toEqual([{ type: 'silent', link: 2, sinceMs: 2000 }])
  })
})

describe('pressure', () => {
  it('unsubscribes, keeps the position and its state, and resumes from there', () => {
    const topic = TopicHarness.liveLog(2)
    expect(topic.input({ type: 'pressure', full: true })).toEqual([{ type: 'unsubscribe', link: 1 }])
    expect(topic.input({ type: 'pressure', full: true })).toEqual([])
    expect(topic.machine.state).toBe('live')
    // What was on its way already.
    expect(topic.event(1, 3, 'append', 'm3')).toEqual([])
    expect(topic.input({ type: 'pressure', full: false })).toEqual([{ type: 'subscribe', link: 1, cursor: at('A', 2) }])
    expect(topic.machine.state).toBe('live')
    topic.subscribed(1, 'log', true, at('A', 3))
    expect(types(topic.event(1, 3, 'append', 'm3'))).toEqual(['batch', 'adopted'])
    // Over: the next interruption is a real one.
    expect(types(topic.event(1, 9, 'append', 'm9'))).toEqual(['unsubscribe', 'subscribe', 'state'])
  })

  it('during a loss of the link: nothing is asked for before there is room, and the move need not wait', () => {
    const topic = TopicHarness.liveLog(2)
    topic.lost(1)
    topic.input({ type: 'pressure', full: true })
    expect(topic.ready(2)).toEqual([
      { type: 'answered', link: 2 },
      { type: 'adopted', link: 2, how: 'continued', changes: 0, gap: false },
      { type: 'state', state: 'live', previous: 'recovering' },
    ])
    expect(topic.input({ type: 'pressure', full: false })).toEqual([{ type: 'subscribe', link: 2, cursor: at('A', 2) }])
  })

  it('in the middle of a planned move pauses both sides and takes the new one', () => {
    const topic = TopicHarness.liveLog(2)
    topic.ready(2)
    expect(topic.input({ type: 'pressure', full: true })).toEqual([
      { type: 'unsubscribe', link: 1 },
      { type: 'unsubscribe', link: 2 },
      { type: 'answered', link: 2 },
      { type: 'adopted', link: 2, how: 'continued', changes: 0, gap: false },
    ])
    topic.lost(1)
    expect(topic.machine.state).toBe('live')
    expect(topic.input({ type: 'pressure', full: false })).toEqual([{ type: 'subscribe', link: 2, cursor: at('A', 2) }])
  })

  it('means nothing to a state topic, which coalesces', () => {
    expect(TopicHarness.liveState().input({ type: 'pressure', full: true })).toEqual([])
  })
})

describe('close', () => {
  it('unsubscribes everywhere and says nothing afterwards', () => {
    const topic = TopicHarness.liveLog(2)
    topic.ready(2)
    expect(topic.input({ type: 'close' })).toEqual([
      { type: 'unsubscribe', link: 1 },
      { type: 'unsubscribe', link: 2 },
      { type: 'state', state: 'closed', previous: 'live' },
    ])
    expect(topic.event(1, 3, 'append', 'm3')).toEqual([])
    expect(topic.machine.received).toEqual(at('A', 2))
  })

  it('during an outage wins over what comes later', () => {
    const topic = TopicHarness.liveLog(2)
    topic.lost(1)
    expect(types(topic.input({ type: 'close' }))).toEqual(['state'])
    expect(topic.ready(2)).toEqual([])
  })
})
