import { EventEmitter } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { playByHand } from '../../src/cli/demo/by-hand'
import { playStep } from '../../src/cli/demo/director'
import { playScript } from '../../src/cli/demo/play-script'
import { jsonReporter } from '../../src/cli/demo/reporters'
import { SCENARIO, type Step } from '../../src/cli/demo/scenario'
import { Stage } from '../../src/cli/demo/stage'
import { onCleanup, until } from '../support/harness'

// The demo on a terminal that is none: real servers, real clients, typed keys, frames read back.

class FakeTerminal {
  readonly input = Object.assign(new EventEmitter(), {
    isRaw: false,
    setRawMode(isRaw: boolean) {
      this.isRaw = isRaw
    },
    resume: () => undefined,
    pause: () => undefined,
  })
  readonly output = Object.assign(new EventEmitter(), {
    columns: 140,
    rows: 40,
    write: (text: string) => this.#write(text),
  })
  readonly hasColours = false
  /** What is on the alternate screen. */
  frame = ''
  /** What is on the main screen in the end. */
  left = ''
  isAlternate = false
  isCursorHidden = false

  type(keys: string): void {
    this.input.emit('data', Buffer.from(keys))
  }

  resize(columns: number, rows: number): void {
    Object.assign(this.output, { columns, rows })
    this.output.emit('resize')
  }

  #write(text: string): void {
    const frame = /\x1b\[H([^\x1b]*)\x1b/.exec(text) // eslint-disable-line no-control-regex
    if (text.includes('\x1b[?1049h')) this.isAlternate = true
    if (text.includes('\x1b[?25l')) this.isCursorHidden = true
    if (text.includes('\x1b[?25h')) this.isCursorHidden = false
    if (text.includes('\x1b[?1049l')) this.isAlternate = false
    else if (frame?.[1] !== undefined) this.frame = frame[1]
    else if (!this.isAlternate) this.left += text
  }
}

async function setStage(signal = new AbortController().signal): Promise<Stage> {
  const stage = await Stage.start(signal)
  onCleanup(() => stage.close())
  return stage
}

const listenersBefore = process.listenerCount('exit')
afterEach(() => expect(process.listenerCount('exit')).toBeLessThanOrEqual(listenersBefore + 1))

describe('on a terminal', () => {
  it('shows the tour, takes keys, resizes, and leaves the terminal as it was', { timeout: 90_000 }, async () => {
    const stage = await setStage()
    const terminal = new FakeTerminal()
    const shows = (what: RegExp, withinMs: number): Promise<number> =>
      until(
        `${what} on the screen`,
        () => what.test(terminal.frame),
        withinMs,
        () => terminal.frame,
      )
    const ended = playByHand(stage, terminal, new AbortController().signal, () => undefined)
    expect(terminal).toMatchObject({ isAlternate: true, isCursorHidden: true, input: { isRaw: true } })

    await shows(/tour 1\/12 .*srv1 is killed/, 15_000)
    await shows(/desktop +srv1→srv2 +connection-lost/, 24_000)
    terminal.type('r')
    await shows(/Your turn/, 3000)
    await shows(/srv1→srv2[^]*srv1 was started again/, 15_000)
    // Back home before the next fault; the hold-down of the demo is 2 s.
    await shows(/desktop +srv2→srv1 +rank/, 36_000)
    await shows(/wallboard +srv2→srv1 +rank/, 36_000)

    terminal.type('u')
    await shows(/wallboard +srv1→srv2 +ucc-stopped/, 24_000)
    await shows(/desktop +srv1→srv2 +ucc-stopped/, 24_000)
    await shows(/process \d+ running {2}UCC stopped/, 3000)
    terminal.type('s')
    await shows(/srv1 cannot serve now/, 15_000)

    terminal.resize(80, 24)
    await until('24 rows', () => terminal.frame.split('\r\n').length === 24, 3000)
    expect(terminal.frame.split('\r\n').map((line) => [...line].length)).toEqual(Array.from({ length: 24 }, () => 80))

    // Leaving with both servers dead: they are repaired, so that every event can still be accounted for.
    terminal.type('k')
    await shows(/offline/, 15_000)
    terminal.type('q')
    expect(await ended).toBe(0)
    expect(terminal).toMatchObject({ isAlternate: false, isCursorHidden: false, input: { isRaw: false } })
    expect(terminal.input.listenerCount('data') + terminal.output.listenerCount('resize')).toBe(0)
    expect(terminal.left).toMatch(/^events +published (\d+), delivered \1, lost 0, duplicated 0/m)
    expect(terminal.left.trimEnd()).toMatch(/OK: nothing lost, nothing duplicated\.$/)
  })

  it('Ctrl+C asks for the end at once', async () => {
    const abort = new AbortController()
    const stage = await setStage(abort.signal)
    const terminal = new FakeTerminal()
    const ended = playByHand(stage, terminal, abort.signal, () => abort.abort())
    terminal.type('\x03')
    await ended
    expect(terminal).toMatchObject({ isAlternate: false, isCursorHidden: false, input: { isRaw: false }, left: '' })
  })
})

describe('the verdict is earned', () => {
  const [kill] = SCENARIO

  it('a step that ends otherwise than the script says is a problem', { timeout: 60_000 }, async () => {
    const stage = await setStage()
    const step: Step = {
      id: 'wrong',
      title: '',
      sentence: '',
      deeds: ['stop-ucc'],
      expect: { kind: 'failover', reasons: ['server-silent'], to: 'srv2', withinMs: 24_000, via: 'offline' },
    }
    const report = await playStep(stage, step, 0, new AbortController().signal)
    expect(report?.problems).toEqual([
      'wallboard: unexpected failover to srv2, reason ucc-stopped',
      'wallboard was never offline',
      'desktop: unexpected failover to srv2, reason ucc-stopped',
      'desktop was never offline',
    ])
  })

  it('a step in which nothing happens is a problem', async () => {
    const stage = await setStage()
    const expected = kill?.expect ?? { kind: 'failover', reasons: [], to: 'srv2', withinMs: 0 }
    const idle: Step = { id: 'idle', title: '', sentence: '', deeds: [], expect: { ...expected, withinMs: 300 } }
    const report = await playStep(stage, idle, 0, new AbortController().signal)
    expect(report).toMatchObject({
      moves: [],
      problems: ['wallboard was not on srv2 within 300 ms', 'desktop was not on srv2 within 300 ms'],
    })
  })

  it('an event that was published and never delivered fails the demo: exit code 1', { timeout: 90_000 }, async () => {
    const stage = await setStage()
    const written: string[] = []
    // Nobody delivers this one: it is on no server.
    stage.desktop.published({
      topic: 'ucc/helpdesk/events',
      op: 'append',
      key: 'phantom',
      data: null,
      ts: 0,
      cursor: { epoch: 'shared.1', seq: 1_000_000 },
      positions: {},
    })
    const script = SCENARIO.filter(({ id }) => id === 'switchover')
    const reporter = jsonReporter({ write: (text) => written.push(text) })
    expect(await playScript(stage, reporter, new AbortController().signal, script)).toBe(1)
    const summary = JSON.parse(written.at(-1) ?? '{}') as { ok: boolean; events: { lost: number } }
    expect(summary).toMatchObject({ ok: false, events: { lost: 1 } })
  })
})
