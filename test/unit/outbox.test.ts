import { describe, expect, it } from 'vitest'
import type { CommandSafety } from '../../src/core/command-protocol'
import { REPEAT_RULES, isSameMemory, mayRepeat } from '../../src/core/command-safety'
import { OutboxMachine } from '../../src/core/outbox'
import { NEVER } from '../../src/core/time'
import { OutboxHarness } from './outbox-harness'

const SAFETIES: readonly CommandSafety[] = ['read', 'set', 'keyed', 'claim', 'effect']

describe('sending', () => {
  it('holds commands until a link is open and running, then sends them in order', () => {
    const outbox = new OutboxHarness()
    expect(outbox.command(1)).toEqual([])
    expect(outbox.command(2)).toEqual([])
    expect(outbox.open(1, 'K', false)).toEqual([])
    expect(outbox.running(1, true)).toEqual(['send 1 on 1', 'send 2 on 1'])
    expect(outbox.command(3)).toEqual(['send 3 on 1'])
    expect(outbox.machine.size).toBe(3)
  })

  it('ends with the answer', () => {
    const outbox = new OutboxHarness()
    outbox.open(1)
    for (const command of [1, 2, 3, 4, 5]) outbox.command(command)
    expect(outbox.result(2, 'done', undefined, { ok: true })).toEqual(['done 2'])
    expect(outbox.result(1, 'duplicate')).toEqual(['done 1 duplicate'])
    expect(outbox.result(3, 'rejected', 'busy')).toEqual(['COMMAND_REJECTED 3 busy'])
    expect(outbox.result(4, 'expired')).toEqual(['COMMAND_EXPIRED 4'])
    // The first result, told again, was a refusal.
    expect(outbox.result(5, 'duplicate', 'busy')).toEqual(['COMMAND_REJECTED 5 busy'])
    expect(outbox.result(5, 'done')).toEqual([])
    expect(outbox.machine.size).toBe(0)
    expect(outbox.machine.deadline()).toBe(NEVER)
  })

  it('passes data and the same request object through', () => {
    const machine = new OutboxMachine({ maxQueued: 1, maxQueuedBytes: 100, sharedKeys: false }, () => 7)
    machine.handle(0, { type: 'link-open', link: 1, running: true })
    const args = { a: [1] }
    const request = {
      command: 1,
      name: 'n',
      args,
      safety: 'effect',
      key: 'k',
      target: 'n',
      deadline: 9,
      bytes: 9,
    } as const
    expect(machine.handle(0, { type: 'command', request })).toEqual([{ type: 'send', link: 1, id: 7, request }])
    const data = { b: 1 }
    const frame = { type: 'result', id: 7, status: 'done', data } as const
    expect(machine.handle(0, { type: 'result', link: 1, id: 7, frame })).toEqual([
      { type: 'done', command: 1, data, duplicate: false },
    ])
  })

  it('writes notAfter on the clock of the server it goes to', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1)
    expect(outbox.sent.get(1)?.notAfter).toBeUndefined()
    outbox.input({ type: 'clock', link: 1, offsetMs: 1_700_000_000_000.75 })
    outbox.command(2)
    expect(outbox.sent.get(2)?.notAfter).toBe(1_700_000_011_000)
    outbox.input({ type: 'clock', link: 2, offsetMs: 500 })
    outbox.open(2, 'K')
    outbox.lost(1)
    expect(outbox.sent.get(2)).toEqual({ link: 2, id: 2, notAfter: 11_500 })
  })

  it('sends nothing on a link that has said goodbye, and still takes its answers', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K1')
    outbox.command(1)
    expect(outbox.input({ type: 'link-left', link: 1 })).toEqual([])
    expect(outbox.command(2)).toEqual([])
    expect(outbox.command(3, 'effect', { lane: 1 })).toEqual(['NO_ENDPOINT_AVAILABLE 3 link-lost'])
    expect(outbox.running(1, true)).toEqual([])
    expect(outbox.open(1, 'K1')).toEqual([])
    expect(outbox.machine.awaits(1)).toBe(true)
    expect(outbox.result(1, 'done')).toEqual(['done 1'])
    expect(outbox.open(2, 'K2')).toEqual(['send 2 on 2'])
  })

  it('sends new commands to the newest open link, while the old one awaits its results', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K1')
    outbox.command(1)
    outbox.open(2, 'K2')
    expect(outbox.command(2)).toEqual(['send 2 on 2'])
    expect(outbox.machine.awaits(1)).toBe(true)
    expect(outbox.result(1, 'done')).toEqual(['done 1'])
    expect(outbox.machine.awaits(1)).toBe(false)
    expect(outbox.lost(1)).toEqual([])
  })

  it('uses the older link while the newer one does not run', () => {
    const outbox = new OutboxHarness()
    outbox.open(1)
    outbox.open(2, undefined, false)
    expect(outbox.command(1)).toEqual(['send 1 on 1'])
  })
})

describe('bounds', () => {
  it('refuses what does not fit, by count and by bytes', () => {
    const outbox = new OutboxHarness({ maxQueued: 2, maxQueuedBytes: 100 })
    outbox.command(1)
    expect(outbox.command(2, 'effect', { bytes: 91 })).toEqual(['BUFFER_FULL 2'])
    outbox.command(3)
    expect(outbox.command(4)).toEqual(['BUFFER_FULL 4'])
    expect(outbox.open(1)).toEqual(['send 1 on 1', 'send 3 on 1'])
    // What is on the wire does not count.
    expect(outbox.command(5, 'effect', { bytes: 5000 })).toEqual(['send 5 on 1'])
  })

  it('keeps what is in doubt although it does not fit', () => {
    const outbox = new OutboxHarness({ maxQueued: 1 })
    outbox.open(1, 'K')
    for (const command of [1, 2, 3]) outbox.command(command)
    outbox.lost(1)
    expect(outbox.command(4)).toEqual(['BUFFER_FULL 4'])
    expect(outbox.open(2, 'K')).toEqual(['send 1 on 2', 'send 2 on 2', 'send 3 on 2'])
  })

  it('keeps nothing of finished commands', () => {
    const outbox = new OutboxHarness()
    for (let round = 1; round <= 100; round += 1) {
      outbox.open(round, 'K')
      outbox.command(round, 'set', { target: `t${round}` })
      outbox.lost(round)
    }
    outbox.open(101, 'K')
    for (let command = 1; command <= 100; command += 1) outbox.result(command, 'done')
    expect(outbox.machine.size).toBe(0)
    expect(outbox.machine.awaits(101)).toBe(false)
  })
})

describe('not running', () => {
  it('means not executed: held again, within the deadline', () => {
    const outbox = new OutboxHarness()
    outbox.open(1)
    outbox.command(1, 'effect', { deadline: 3000 })
    expect(outbox.result(1, 'rejected', 'not-running')).toEqual([])
    expect(outbox.running(1, false)).toEqual([])
    expect(outbox.running(1, true)).toEqual(['send 1 on 1'])
    outbox.result(1, 'rejected', 'not-running')
    outbox.running(1, false)
    expect(outbox.machine.deadline()).toBe(3000)
    expect(outbox.tickAt(3000)).toEqual(['COMMAND_EXPIRED 1'])
  })

  it('goes to another link at once', () => {
    const outbox = new OutboxHarness()
    outbox.open(1)
    outbox.open(2)
    outbox.command(1)
    expect(outbox.result(1, 'rejected', 'not-running')).toEqual(['send 1 on 1'])
  })

  it('is tried again after a second where nobody says that it runs', () => {
    const outbox = new OutboxHarness()
    outbox.open(1)
    outbox.command(1)
    outbox.result(1, 'rejected', 'not-running')
    expect(outbox.machine.deadline()).toBe(2000)
    expect(outbox.tickAt(1999)).toEqual([])
    expect(outbox.tickAt(2000)).toEqual(['send 1 on 1'])
  })

  it.each(['keyed', 'claim', 'effect'] as const)(
    'proves nothing of an earlier send: a %s sent before is in doubt still, and not executed again elsewhere',
    (safety) => {
      const outbox = new OutboxHarness()
      outbox.open(1, 'K')
      outbox.command(1, safety)
      outbox.lost(1)
      // The repeat meets a server of the same memory that has just stopped, and judges that before it asks its memory.
      expect(outbox.open(2, 'K')).toEqual(['send 1 on 2'])
      expect(outbox.result(1, 'rejected', 'not-running')).toEqual([])
      outbox.running(2, false)
      expect(outbox.open(3, 'L')).toEqual(['OUTCOME_UNKNOWN 1 keys-differ'])
    },
  )

  it('nor of an earlier send when it is told of the same memory, which may answer', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'effect')
    outbox.lost(1)
    outbox.open(2, 'K')
    outbox.result(1, 'rejected', 'not-running')
    outbox.running(2, false)
    expect(outbox.open(3, 'K')).toEqual(['send 1 on 3'])
    expect(outbox.result(1, 'duplicate')).toEqual(['done 1 duplicate'])
  })

  it('does not undo a newer value that went ahead', () => {
    const outbox = new OutboxHarness()
    outbox.open(1)
    outbox.command(1, 'set')
    outbox.command(2, 'set')
    outbox.result(1, 'rejected', 'not-running')
    outbox.result(2, 'done')
    expect(outbox.running(1, true)).toEqual(['COMMAND_REJECTED 1 superseded'])
  })
})

describe('deadlines and aborts', () => {
  it('never left: expired; on the wire: unknown', () => {
    const outbox = new OutboxHarness()
    outbox.command(1, 'effect', { deadline: 2000 })
    expect(outbox.machine.deadline()).toBe(2000)
    expect(outbox.tickAt(2000)).toEqual(['COMMAND_EXPIRED 1'])
    outbox.open(1)
    outbox.command(2, 'effect', { deadline: 3000 })
    expect(outbox.tickAt(3000)).toEqual(['OUTCOME_UNKNOWN 2 deadline'])
    expect(outbox.result(2, 'done')).toEqual([])
  })

  it('never sends what is late, even when the link and the tick come late', () => {
    const outbox = new OutboxHarness()
    outbox.command(1, 'effect', { deadline: 2000 })
    outbox.now = 2000
    expect(outbox.open(1)).toEqual(['COMMAND_EXPIRED 1'])
    expect(outbox.command(2, 'effect', { deadline: 2000 })).toEqual(['COMMAND_EXPIRED 2'])
  })

  it('counts the time that our own clock has slept through', () => {
    const outbox = new OutboxHarness()
    outbox.command(1, 'effect', { deadline: 11_000 })
    outbox.command(2, 'effect', { deadline: 30_000 })
    expect(outbox.input({ type: 'slept', ms: 10_000 })).toEqual(['COMMAND_EXPIRED 1'])
    expect(outbox.machine.deadline()).toBe(20_000)
    outbox.input({ type: 'clock', link: 1, offsetMs: 500 })
    outbox.open(1)
    expect(outbox.sent.get(2)?.notAfter).toBe(20_500)
  })

  it('is unknown when the deadline passes in doubt', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'read', { deadline: 2000 })
    outbox.lost(1)
    expect(outbox.tickAt(2000)).toEqual(['OUTCOME_UNKNOWN 1 deadline'])
  })

  it('aborts: queued with the signal’s reason, sent as unknown', () => {
    const outbox = new OutboxHarness()
    outbox.command(1)
    const reason = new Error('mine')
    expect(outbox.machine.handle(1000, { type: 'abort', command: 1, reason })).toMatchObject([
      { type: 'failed', command: 1, abortReason: reason },
    ])
    expect(outbox.open(1)).toEqual([])
    outbox.command(2)
    expect(outbox.machine.handle(1000, { type: 'abort', command: 2, reason })).toMatchObject([
      { type: 'failed', command: 2, code: 'OUTCOME_UNKNOWN', reason: 'aborted', abortReason: reason },
    ])
    expect(outbox.input({ type: 'abort', command: 2, reason })).toEqual([])
  })

  it('closes: queued CLIENT_CLOSED, sent and doubtful unknown', () => {
    const outbox = new OutboxHarness()
    outbox.open(1)
    outbox.command(1)
    outbox.lost(1)
    outbox.command(2)
    expect(outbox.input({ type: 'close' })).toEqual(['OUTCOME_UNKNOWN 1 closed', 'CLIENT_CLOSED 2'])
    expect(outbox.command(3)).toEqual(['CLIENT_CLOSED 3'])
    expect(outbox.open(2)).toEqual([])
    expect(outbox.machine.deadline()).toBe(NEVER)
  })
})

describe('after a lost link', () => {
  const facts = { superseded: false, overtaken: false, sharedKeys: false }

  it('names of memories: none is shared with nobody', () => {
    expect([isSameMemory('K', 'K'), isSameMemory('K', 'L'), isSameMemory(undefined, undefined)]).toEqual([
      true,
      false,
      false,
    ])
  })

  it('has a rule for every class', () => {
    expect(Object.keys(REPEAT_RULES)).toEqual(SAFETIES)
    for (const safety of SAFETIES) expect(mayRepeat(safety, { ...facts, sameKeys: true })).toBe(true)
  })

  it.each([
    ['read', 'K', true],
    ['set', 'K', true],
    ['keyed', 'K', true],
    ['claim', 'K', true],
    ['effect', 'K', true],
    ['read', 'L', true],
    ['set', 'L', true],
    ['keyed', 'L', false],
    ['claim', 'L', false],
    ['effect', 'L', false],
    ['read', undefined, true],
    ['set', undefined, true],
    ['keyed', undefined, false],
    ['claim', undefined, false],
    ['effect', undefined, false],
  ] as const)('%s from keys K to keys %s: repeated %s', (safety, keys, repeated) => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, safety)
    expect(outbox.lost(1)).toEqual([])
    expect(outbox.open(2, keys)).toEqual([repeated ? 'send 1 on 2' : 'OUTCOME_UNKNOWN 1 keys-differ'])
    if (repeated) expect(outbox.result(1, 'duplicate')).toEqual(['done 1 duplicate'])
  })

  it('without keys on either side nothing is the same memory', () => {
    const outbox = new OutboxHarness()
    outbox.open(1)
    outbox.command(1, 'claim')
    outbox.lost(1)
    expect(outbox.open(2)).toEqual(['OUTCOME_UNKNOWN 1 keys-differ'])
  })

  it('repeats keyed commands anywhere where all servers share the keys', () => {
    const outbox = new OutboxHarness({ sharedKeys: true })
    outbox.open(1, 'K')
    outbox.command(1, 'keyed')
    outbox.command(2, 'claim')
    outbox.lost(1)
    expect(outbox.open(2, 'L')).toEqual(['send 1 on 2', 'OUTCOME_UNKNOWN 2 keys-differ'])
  })

  it('repeats before it sends anything newer', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'read')
    outbox.lost(1)
    outbox.command(2)
    expect(outbox.open(2, 'K')).toEqual(['send 1 on 2', 'send 2 on 2'])
  })

  it('does not decide before the UCC of the new link runs', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'claim')
    outbox.lost(1)
    expect(outbox.open(2, 'L', false)).toEqual([])
    outbox.lost(2)
    expect(outbox.open(3, 'K')).toEqual(['send 1 on 3'])
  })

  it('keeps the first doubt over several losses', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'effect')
    outbox.lost(1)
    outbox.open(2, 'K')
    outbox.lost(2)
    expect(outbox.open(3, 'L')).toEqual(['OUTCOME_UNKNOWN 1 keys-differ'])
  })

  it('is decided at once when the old side of a planned move goes', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'effect')
    outbox.command(2, 'read')
    outbox.open(2, 'L')
    expect(outbox.lost(1)).toEqual(['OUTCOME_UNKNOWN 1 keys-differ', 'send 2 on 2'])
  })

  it('a refusal elsewhere does not prove that nothing happened before', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'set')
    outbox.command(2, 'read')
    outbox.lost(1)
    outbox.open(2, 'L')
    expect(outbox.result(1, 'rejected', 'busy')).toEqual(['OUTCOME_UNKNOWN 1 busy'])
    expect(outbox.result(2, 'rejected', 'busy')).toEqual(['COMMAND_REJECTED 2 busy'])
  })

  it('nor does one by the first memory, when another one was asked in between', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'set')
    outbox.lost(1)
    outbox.open(2, 'L')
    outbox.lost(2)
    outbox.open(3, 'K')
    expect(outbox.result(1, 'rejected', 'busy')).toEqual(['OUTCOME_UNKNOWN 1 busy'])
  })

  it('a refusal by the same memory does: it would have answered duplicate', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'claim')
    outbox.lost(1)
    outbox.open(2, 'K')
    expect(outbox.result(1, 'rejected', 'taken')).toEqual(['COMMAND_REJECTED 1 taken'])
  })

  it('a late answer to a repeat leaves the doubt', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'claim')
    outbox.lost(1)
    outbox.open(2, 'K')
    expect(outbox.result(1, 'expired')).toEqual(['OUTCOME_UNKNOWN 1 expired'])
  })

  it('stays in doubt when the repeat met a server that does not run', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'claim', { deadline: 4000 })
    outbox.lost(1)
    outbox.open(2, 'K')
    outbox.result(1, 'rejected', 'not-running')
    outbox.running(2, false)
    expect(outbox.tickAt(4000)).toEqual(['OUTCOME_UNKNOWN 1 deadline'])
  })
})

describe('sets', () => {
  it('superseded ones are unknown, the newest value comes last', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'set', { target: 'a' })
    outbox.command(2, 'set', { target: 'b' })
    outbox.lost(1)
    outbox.command(3, 'set', { target: 'a' })
    expect(outbox.open(2, 'L')).toEqual(['OUTCOME_UNKNOWN 1 superseded', 'send 2 on 2', 'send 3 on 2'])
  })

  it('both of a target are repeated in order by the same memory', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'set')
    outbox.command(2, 'set')
    outbox.lost(1)
    expect(outbox.open(2, 'K')).toEqual(['send 1 on 2', 'send 2 on 2'])
  })

  it('an older one does not come after a newer one that is under way, not even with the same keys', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'set')
    outbox.open(2, 'K')
    outbox.command(2, 'set')
    expect(outbox.lost(1)).toEqual(['OUTCOME_UNKNOWN 1 superseded'])
  })

  it.each([
    ['refused', (outbox: OutboxHarness) => outbox.result(2, 'rejected', 'busy')],
    ['aborted before it left', (outbox: OutboxHarness) => outbox.input({ type: 'abort', command: 3, reason: 0 })],
  ])('a newer one that was %s supersedes nobody', (how, end) => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'set')
    if (how === 'refused') outbox.command(2, 'set')
    else {
      outbox.running(1, false)
      outbox.command(3, 'set')
    }
    end(outbox)
    outbox.lost(1)
    expect(outbox.open(2, 'L')).toEqual(['send 1 on 2'])
  })

  it('a newer one that is done supersedes', () => {
    const outbox = new OutboxHarness()
    outbox.open(1, 'K')
    outbox.command(1, 'set')
    outbox.command(2, 'set')
    outbox.result(2, 'done')
    outbox.lost(1)
    expect(outbox.open(2, 'K')).toEqual(['OUTCOME_UNKNOWN 1 superseded'])
  })
})

describe('commands bound to a link', () => {
  it('are sent at once, though the link is open for nobody else', () => {
    const outbox = new OutboxHarness()
    outbox.command(1)
    expect(outbox.command(2, 'effect', { lane: 1 })).toEqual(['send 2 on 1'])
    expect(outbox.result(2, 'done')).toEqual(['done 2'])
    expect(outbox.open(1)).toEqual(['send 1 on 1'])
  })

  it.each([
    ['effect', 'OUTCOME_UNKNOWN 1 link-lost'],
    ['set', 'OUTCOME_UNKNOWN 1 link-lost'],
    ['read', 'NO_ENDPOINT_AVAILABLE 1 link-lost'],
  ] as const)('are lost with it (%s)', (safety, expected) => {
    const outbox = new OutboxHarness()
    outbox.command(1, safety, { lane: 1 })
    expect(outbox.lost(1)).toEqual([expected])
    expect(outbox.open(2)).toEqual([])
    expect(outbox.command(2, safety, { lane: 1 })).toEqual(['NO_ENDPOINT_AVAILABLE 2 link-lost'])
  })

  it('are not held when the UCC does not run there', () => {
    const outbox = new OutboxHarness()
    outbox.command(1, 'effect', { lane: 1 })
    expect(outbox.result(1, 'rejected', 'not-running')).toEqual(['COMMAND_REJECTED 1 not-running'])
  })
})
