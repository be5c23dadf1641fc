import { describe, expect, it } from 'vitest'
import { faultsOf, NOTHING, since, StreamAudit, sum } from '../../src/cli/demo/audit'
import { Pulse } from '../../src/cli/demo/pulse'
import type { Change, ChangeOrigin } from '../../src/index'

const TOPIC = 'ucc/helpdesk/events'

function audit(kind: 'state' | 'log' = 'log', from = 1, to = 5): StreamAudit {
  const one = new StreamAudit(TOPIC, kind)
  for (let seq = from; seq <= to; seq += 1) one.published({ key: `m${seq}`, cursor: { epoch: 'e', seq } })
  return one
}

function change(seq: number, origin: ChangeOrigin = 'live', key = `m${seq}`): Change {
  return { op: 'append', key, data: null, cursor: { epoch: 'e', seq }, server: 'srv1', origin }
}

describe('audit', () => {
  it('counts each event once', () => {
    const one = audit()
    for (const seq of [1, 2, 3, 4, 5]) one.delivered(change(seq, seq > 3 ? 'resume' : 'live'))
    expect(one.count()).toEqual({ ...NOTHING, published: 5, delivered: 5 })
    expect(faultsOf(one.count())).toEqual([])
  })

  it('tells what is on the way from what was passed over', () => {
    const one = audit()
    one.delivered(change(1))
    expect(one.count()).toMatchObject({ delivered: 1, behind: 4, lost: 0 })
    one.delivered(change(4))
    expect(one.count()).toMatchObject({ delivered: 2, behind: 1, lost: 2 })
    expect(faultsOf(one.count())).toEqual(['2 events lost', '1 events not delivered'])
  })

  it('an event that comes late is not lost, but out of order', () => {
    const one = audit('log', 1, 2)
    one.delivered(change(2))
    one.delivered(change(1))
    expect(one.count()).toEqual({ ...NOTHING, published: 2, delivered: 2, unordered: 1 })
  })

  it('sees an event that comes twice, at once or much later', () => {
    const one = audit()
    for (const seq of [1, 1, 2, 3, 4, 5, 2]) one.delivered(change(seq))
    expect(one.count()).toMatchObject({ delivered: 5, duplicated: 2, lost: 0 })
  })

  it('sees what was never published: another key at a position, or a position of the future', () => {
    const one = audit()
    one.delivered(change(1, 'live', 'other'))
    one.delivered(change(9))
    expect(one.count()).toMatchObject({ delivered: 0, foreign: 2 })
  })

  it('counts gaps', () => {
    const one = audit()
    one.delivered({ op: 'gap', to: { epoch: 'e', seq: 5 }, reason: 'history-lost', server: 'srv1', origin: 'resync' })
    expect(faultsOf(one.count())).toContain('1 events reported as gaps')
  })

  it('a snapshot of state stands for the steps it replaces; they are counted as merged, not as delivered', () => {
    const one = audit('state')
    one.delivered(change(1))
    one.delivered(change(4, 'resync', 'm2'))
    one.delivered(change(4, 'resync', 'm4'))
    one.delivered(change(5))
    expect(one.count()).toEqual({ ...NOTHING, published: 5, delivered: 2, merged: 3 })
  })

  it('the snapshot of a log is messages: the missing ones are lost, the known ones duplicates', () => {
    const one = audit()
    one.delivered(change(1))
    // All items carry the position of the snapshot.
    one.delivered(change(5, 'resync', 'm3'))
    one.delivered(change(5, 'resync', 'm5'))
    expect(one.count()).toMatchObject({ delivered: 3, lost: 2, duplicated: 0 })
    one.delivered(change(5, 'resync', 'm3'))
    expect(one.count()).toMatchObject({ delivered: 3, duplicated: 1 })
  })

  it('leaves out what a first snapshot brings from before', () => {
    const one = audit('log', 11, 12)
    for (const seq of [9, 10]) one.delivered(change(10, 'snapshot', `m${seq}`))
    for (const seq of [11, 12]) one.delivered(change(seq))
    expect(one.count()).toEqual({ ...NOTHING, published: 2, delivered: 2 })
  })

  it('adds up, and subtracts a moment before', () => {
    const [one, other] = [audit(), audit()]
    one.delivered(change(1))
    const before = sum([one.count(), other.count()])
    expect(before).toMatchObject({ published: 10, delivered: 1, behind: 9 })
    one.delivered(change(2))
    expect(since(sum([one.count(), other.count()]), before)).toMatchObject({ published: 0, delivered: 1, behind: 8 })
  })
})

describe('pulse', () => {
  it('counts arrivals in quarters of a second, oldest first', () => {
    const pulse = new Pulse(0)
    for (const at of [10, 20, 260, 900]) pulse.hit(at)
    expect(pulse.bars(1000, 6)).toEqual([-1, -1, 2, 1, 0, 1])
  })

  it('measures the longest silence since it was started anew, the present one included', () => {
    const pulse = new Pulse(0)
    pulse.hit(100)
    pulse.hit(1500)
    expect(pulse.longestSilenceMs(1600)).toBe(1400)
    pulse.restart(1600)
    pulse.hit(1700)
    expect(pulse.longestSilenceMs(1750)).toBe(100)
    expect(pulse.longestSilenceMs(2400)).toBe(700)
    expect(pulse.silentMs(2400)).toBe(700)
  })

  it('keeps no more than it shows', () => {
    const pulse = new Pulse(0)
    for (let at = 0; at < 3_600_000; at += 200) pulse.hit(at)
    expect(pulse.bars(3_600_000, 240).every((count) => count > 0)).toBe(true)
    // The first minutes are forgotten.
    expect(pulse.bars(60_000, 4)).toEqual([0, 0, 0, 0])
  })
})
