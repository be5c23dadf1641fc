import { describe, expect, it } from 'vitest'
import { TopicHarness, at, items, told, types } from './topic-harness'

describe('failover', () => {
  it('resumes exactly where the servers share the log', () => {
    const topic = TopicHarness.liveLog(3)
    expect(topic.lost(1)).toEqual([{ type: 'state', state: 'recovering', previous: 'live' }])
    expect(topic.ready(2)).toEqual([{ type: 'subscribe', link: 2, cursor: at('A', 3) }])
    topic.subscribed(2, 'log', true, at('A', 5))
    // The server repeats some: told apart by their seq.
    expect(topic.event(2, 3, 'append', 'm3')).toEqual([])
    expect(told(topic.event(2, 4, 'append', 'm4'))).toEqual(['append m4=undefined resume'])
    const last = topic.event(2, 5, 'append', 'm5')
    expect(types(last)).toEqual(['batch', 'adopted', 'state'])
    expect(last[1]).toEqual({ type: 'adopted', link: 2, how: 'resumed', changes: 2, gap: false })
    expect(told(topic.event(2, 6, 'append', 'm6'))).toEqual(['append m6=undefined live'])
  })

  it('waits for a lagging replica without losing or repeating anything', () => {
    const topic = TopicHarness.liveLog(10)
    topic.lost(1)
    topic.ready(2)
    const effects = topic.subscribed(2, 'log', true, at('A', 8))
    expect(types(effects)).toEqual(['answered', 'adopted', 'state'])
    for (const seq of [9, 10]) expect(topic.event(2, seq, 'append', `m${seq}`)).toEqual([])
    expect(told(topic.event(2, 11, 'append', 'm11'))).toEqual(['append m11=undefined live'])
  })

  it('throws a cut snapshot away', () => {
    const topic = TopicHarness.liveState()
    topic.lost(1)
    topic.ready(2)
    topic.subscribed(2, 'state', false, at('B', 7))
    topic.snapshot(2, at('B', 7), items(['x', 1]), true)
    topic.lost(2)
    expect(topic.machine.received).toEqual(at('A', 2))
    expect([...topic.machine.view.keys()]).toEqual(['a', 'b'])
    expect(topic.ready(3)).toEqual([{ type: 'subscribe', link: 3, cursor: at('A', 2) }])
    topic.subscribed(3, 'state', true, at('A', 2))
    expect(topic.machine.state).toBe('live')
    expect([...topic.machine.view.keys()]).toEqual(['a', 'b'])
  })

  it('brings a state topic over to an independent server by difference', () => {
    const topic = TopicHarness.liveState()
    topic.lost(1)
    topic.ready(2)
    topic.subscribed(2, 'state', false, at('B', 70))
    const effects = topic.snapshot(2, at('B', 70), items(['b', 2], ['c', 3], ['a', 7]))
    expect(told(effects)).toEqual(['upsert c=3 resync', 'upsert a=7 resync'])
    expect(effects[1]).toEqual({ type: 'adopted', link: 2, how: 'resynced', changes: 2, gap: false })
    expect(topic.changes.at(-1)).toMatchObject({ previous: 1, cursor: at('B', 70) })
  })

  it.each([
    {
      name: 'joins a log by its newest known message',
      list: ['m2', 'm3', 'n4', 'n5'],
      expected: ['append n4="n4" resync', 'append n5="n5" resync'],
      how: 'continued',
    },
    { name: 'delivers nothing when nothing is new', list: ['m1', 'm2', 'm3'], expected: [], how: 'continued' },
    {
      name: 'never removes what the new server lacks',
      list: ['m1', 'n9'],
      expected: ['append n9="n9" resync'],
      how: 'continued',
    },
    {
      name: 'delivers what another server put between known ones',
      list: ['m1', 'x', 'm3', 'y'],
      expected: ['append x="x" resync', 'append y="y" resync'],
      how: 'continued',
    },
    {
      name: 'does not deliver what is older than all it knows',
      list: ['old', 'm1', 'm2', 'm3'],
      expected: [],
      how: 'continued',
    },
    {
      name: 'reports a gap when no message is known',
      list: ['n8', 'n9'],
      expected: ['gap 3..40 epoch-changed', 'append n8="n8" resync', 'append n9="n9" resync'],
      how: 'resynced',
    },
    {
      name: 'reports a gap when the new server has nothing',
      list: [],
      expected: ['gap 3..40 epoch-changed'],
      how: 'resynced',
    },
  ])('$name', ({ list, expected, how }) => {
    const topic = TopicHarness.liveLog(3)
    topic.lost(1)
    topic.ready(2)
    topic.subscribed(2, 'log', false, at('B', 40))
    const effects = topic.snapshot(2, at('B', 40), items(...list))
    expect(told(effects)).toEqual(expected)
    const gap = expected[0]?.startsWith('gap') === true
    expect(effects).toContainEqual({ type: 'adopted', link: 2, how, changes: expected.length, gap })
    expect(told(topic.event(2, 41, 'append', 'n41'))).toEqual(['append n41=undefined live'])
  })

  it('remembers the newest messages in the order of the server in use', () => {
    const topic = TopicHarness.liveLog(2, { logKeys: 2 })
    topic.subscribed(1, 'log', false, at('B', 9))
    topic.snapshot(1, at('B', 9), items('m1', 'n3', 'm2'))
    topic.event(1, 10, 'append', 'n4')
    topic.subscribed(1, 'log', false, at('C', 5))
    expect(told(topic.snapshot(1, at('C', 5), items('m2', 'x')))).toEqual(['append x="x" resync'])
  })

  it('reports no gap between two logs that never had a message', () => {
    const topic = TopicHarness.liveLog(0)
    topic.lost(1)
    topic.ready(2)
    topic.subscribed(2, 'log', false, at('B', 0))
    expect(told(topic.snapshot(2, at('B', 0), []))).toEqual([])
  })

  it('does not go back when the tail of the same space is older', () => {
    const topic = TopicHarness.liveLog(10, { logKeys: 2 })
    topic.lost(1)
    topic.ready(2)
    topic.subscribed(2, 'log', false, at('A', 4))
    expect(told(topic.snapshot(2, at('A', 4), items('m3', 'm4')))).toEqual([])
    expect(topic.machine.received).toEqual(at('A', 10))
    expect(topic.event(2, 5, 'append', 'm5')).toEqual([])
    expect(told(topic.event(2, 11, 'append', 'm11'))).toEqual(['append m11=undefined live'])
  })

  it('takes the epoch of the server where none was known', () => {
    const topic = new TopicHarness({ kind: 'log' })
    topic.ready(1)
    topic.subscribed(1, 'log', true)
    topic.event(1, 4, 'append', 'm4')
    expect(topic.machine.received).toEqual(at('', 4))
    topic.lost(1)
    expect(topic.ready(2)).toEqual([{ type: 'subscribe', link: 2, cursor: at('', 4) }])
    topic.subscribed(2, 'log', true, at('Z', 5))
    topic.event(2, 5, 'append', 'm5')
    expect(topic.machine.received).toEqual(at('Z', 5))
  })

  it('does not believe recovered:true into another space', () => {
    const topic = TopicHarness.liveLog(3)
    topic.lost(1)
    topic.ready(2)
    expect(types(topic.subscribed(2, 'log', true, at('B', 3)))).toEqual(['answered', 'unsubscribe', 'subscribe'])
  })
})

describe('planned move', () => {
  it('delivers from the old side until the new one has caught up, then ignores the old one', () => {
    const topic = TopicHarness.liveLog(3)
    expect(topic.ready(2)).toEqual([{ type: 'subscribe', link: 2, cursor: at('A', 3) }])
    expect(told(topic.event(1, 4, 'append', 'm4'))).toEqual(['append m4=undefined live'])
    expect(told(topic.event(1, 5, 'append', 'm5'))).toEqual(['append m5=undefined live'])
    expect(types(topic.subscribed(2, 'log', true, at('A', 4)))).toEqual(['answered'])
    expect(topic.event(2, 4, 'append', 'm4')).toEqual([])
    const caughtUp = topic.event(2, 5, 'append', 'm5')
    expect(caughtUp).toEqual([{ type: 'adopted', link: 2, how: 'resumed', changes: 0, gap: false }])
    expect(topic.event(1, 6, 'append', 'm6')).toEqual([])
    expect(told(topic.event(2, 6, 'append', 'm6'))).toEqual(['append m6=undefined live'])
    expect(topic.lost(1)).toEqual([])
    expect(topic.machine.state).toBe('live')
  })

  it('does not chase a moving goal: a new side that is a little slower takes over on a busy topic', () => {
    const topic = TopicHarness.liveLog(3)
    topic.ready(2)
    topic.event(1, 4, 'append', 'm4')
    topic.subscribed(2, 'log', true, at('A', 3))
    topic.event(1, 5, 'append', 'm5')
    // It has what was delivered when it answered; m5 comes from it as well, and is known.
    expect(types(topic.event(2, 4, 'append', 'm4'))).toEqual(['adopted'])
    expect(topic.event(1, 6, 'append', 'm6')).toEqual([])
    expect(topic.event(2, 5, 'append', 'm5')).toEqual([])
    expect(told(topic.event(2, 6, 'append', 'm6'))).toEqual(['append m6=undefined live'])
  })

  it('takes each event from whichever side has it first', () => {
    const topic = TopicHarness.liveLog(3)
    topic.ready(2)
    topic.subscribed(2, 'log', true, at('A', 6))
    topic.event(1, 4, 'append', 'm4')
    topic.event(2, 4, 'append', 'm4')
    topic.event(2, 5, 'append', 'm5')
    topic.event(1, 5, 'append', 'm5')
    topic.event(2, 6, 'append', 'm6')
    const keys = topic.changes.slice(3).map((change) => (change.op === 'gap' ? 'gap' : change.key))
    expect(keys).toEqual(['m4', 'm5', 'm6'])
  })

  it('changes sides with the last snapshot part where the spaces differ', () => {
    const topic = TopicHarness.liveState()
    topic.ready(2)
    topic.subscribed(2, 'state', false, at('B', 9))
    topic.snapshot(2, at('B', 9), items(['a', 1]), true)
    expect(told(topic.event(1, 3, 'upsert', 'a', 8))).toEqual(['upsert a=8 live'])
    const effects = topic.snapshot(2, at('B', 9), items(['b', 2]))
    expect(told(effects)).toEqual(['upsert a=1 resync'])
    expect(types(effects)).toEqual(['batch', 'adopted'])
    expect(topic.event(1, 4, 'upsert', 'a', 9)).toEqual([])
    expect(told(topic.event(2, 10, 'upsert', 'a', 10))).toEqual(['upsert a=10 live'])
  })

  it('loses nothing when the new side fails before', () => {
    const topic = TopicHarness.liveState()
    topic.ready(2)
    topic.subscribed(2, 'state', false, at('B', 9))
    topic.snapshot(2, at('B', 9), items(['x', 1]), true)
    expect(topic.lost(2)).toEqual([])
    expect(topic.machine.state).toBe('live')
    expect(told(topic.event(1, 3, 'upsert', 'a', 8))).toEqual(['upsert a=8 live'])
  })

  it('goes back by position when the new side fails after the topic had moved', () => {
    const topic = TopicHarness.liveLog(3)
    topic.ready(2)
    topic.subscribed(2, 'log', true, at('A', 3))
    topic.event(2, 4, 'append', 'm4')
    expect(topic.lost(2)).toEqual([
      { type: 'unsubscribe', link: 1 },
      { type: 'subscribe', link: 1, cursor: at('A', 4) },
      { type: 'state', state: 'recovering', previous: 'live' },
    ])
    topic.subscribed(1, 'log', true, at('A', 5))
    topic.event(1, 5, 'append', 'm5')
    expect(topic.machine.state).toBe('live')
  })

  it('goes on as a failover when the old side dies first', () => {
    const topic = TopicHarness.liveLog(3)
    topic.ready(2)
    topic.subscribed(2, 'log', true, at('A', 5))
    topic.event(2, 4, 'append', 'm4')
    expect(topic.lost(1)).toEqual([{ type: 'state', state: 'recovering', previous: 'live' }])
    expect(types(topic.event(2, 5, 'append', 'm5'))).toEqual(['batch', 'adopted', 'state'])
  })

  it('takes a lagging new side when the old one is gone', () => {
    const topic = TopicHarness.liveLog(3)
    topic.ready(2)
    topic.event(1, 4, 'append', 'm4')
    topic.event(1, 5, 'append', 'm5')
    topic.subscribed(2, 'log', true, at('A', 3))
    const effects = topic.lost(1)
    expect(effects).toEqual([{ type: 'adopted', link: 2, how: 'resumed', changes: 0, gap: false }])
    for (const seq of [4, 5]) expect(topic.event(2, seq, 'append', `m${seq}`)).toEqual([])
    expect(told(topic.event(2, 6, 'append', 'm6'))).toEqual(['append m6=undefined live'])
  })

  it('asks the new side again when the old one enters another space meanwhile', () => {
    const topic = TopicHarness.liveLog(3)
    topic.ready(2)
    topic.subscribed(1, 'log', false, at('C', 1))
    const effects = topic.snapshot(1, at('C', 1), items('m3', 'c1'))
    expect(effects).toContainEqual({ type: 'unsubscribe', link: 2 })
    expect(effects).toContainEqual({ type: 'subscribe', link: 2, cursor: at('C', 1) })
    topic.subscribed(2, 'log', true, at('C', 1))
    expect(told(topic.event(2, 2, 'append', 'c2'))).toEqual(['append c2=undefined live'])
  })

  it('does not believe a refused side that comes back with a position of the space left meanwhile', () => {
    const topic = TopicHarness.liveLog(3)
    topic.ready(2)
    topic.input({ type: 'rejected', link: 2, code: 'not-running', message: '' })
    topic.subscribed(1, 'log', false, at('C', 1))
    topic.snapshot(1, at('C', 1), items('m3', 'c1'))
    expect(topic.subscribed(2, 'log', true, at('A', 3))).toEqual([
      { type: 'unsubscribe', link: 2 },
      { type: 'subscribe', link: 2, cursor: at('C', 1) },
    ])
  })

  it('forgets frames of links it does not know', () => {
    const topic = TopicHarness.liveLog(3)
    topic.lost(1)
    expect(topic.event(1, 4, 'append', 'late')).toEqual([])
    expect(topic.subscribed(9, 'log', true, at('A', 3))).toEqual([])
  })

  it('is subscribed once when a link is announced twice', () => {
    const topic = TopicHarness.liveLog(3)
    expect(topic.ready(1)).toEqual([])
  })
})
