import { describe, expect, it } from 'vitest'
import { NOTHING } from '../../src/cli/demo/audit'
import { ContactCentre, TOPICS, type Agent, type Publication } from '../../src/cli/demo/contact-centre'
import { closingLines, moveLine, openingLines, reportLines, stepLines } from '../../src/cli/demo/lines'
import { reportRecord, startRecord, stepRecord, summaryRecord } from '../../src/cli/demo/records'
import { SCENARIO } from '../../src/cli/demo/scenario'
import { sumUp } from '../../src/cli/demo/summary'
import { moveRow, stageView, stepReport } from '../support/cli-view'

describe('lines', () => {
  it('tells a move with all its parts', () => {
    expect(moveLine(moveRow('desktop'))).toBe(
      'desktop    failover    srv1 -> srv2  server-silent    ' +
        'detect 1401 ms, decide 5 ms, connect 9 ms, resume 7 ms, total 1422 ms',
    )
  })

  it('tells a step: both moves, the events, the silence', () => {
    const lines = reportLines(stepReport())
    expect(lines.filter((line) => line.includes('srv1 -> srv2'))).toHaveLength(2)
    expect(lines).toContainEqual(expect.stringContaining('events published 80, lost 0, duplicated 0'))
    expect(lines).toContainEqual(expect.stringContaining('wallboard 1390 ms, desktop 1380 ms'))
  })

  it('counts as lost what has not come', () => {
    const audit = { ...NOTHING, published: 80, delivered: 75, lost: 3, behind: 2 }
    expect(reportLines(stepReport({ audit })).join('\n')).toContain('lost 5,')
  })

  it('says whose addresses these are, and which defaults it changed', () => {
    const all = openingLines(stageView()).join('\n')
    expect(all).toContain('http://127.1.2.1:40000')
    expect(all).toContain('loopback addresses')
    expect(all).toMatch(/failback after\s+2 s of readiness \(default 60 s and more\)/)
  })

  it('writes no escape sequence and no line over 150 columns', () => {
    const summary = sumUp([stepReport()], stageView(), [])
    const lines = [
      ...openingLines(stageView()),
      ...SCENARIO.flatMap((step, index) => stepLines(step, index + 1, SCENARIO.length)),
      ...reportLines(stepReport()),
      ...closingLines([stepReport()], summary),
    ]
    expect(lines.join('\n')).not.toContain('\x1b')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(150)
  })
})

describe('summary', () => {
  it('is good when every step was and every event came once', () => {
    const summary = sumUp([stepReport()], stageView(), [])
    expect(summary).toMatchObject({ isOk: true, steps: 1, asExpected: 1, problems: [] })
    expect(closingLines([stepReport()], summary).at(-1)).toMatch(/^OK/)
  })

  it.each([
    ['a step that ended otherwise', [stepReport({ problems: ['desktop was not on srv2 within 8000 ms'] })], {}, []],
    ['a lost event', [stepReport()], { audit: { ...NOTHING, published: 80, delivered: 79, lost: 1 } }, []],
    [
      'an event that never came',
      [stepReport()],
      { audit: { ...NOTHING, published: 80, delivered: 79, behind: 1 } },
      [],
    ],
    ['a duplicate', [stepReport()], { audit: { ...NOTHING, published: 80, delivered: 80, duplicated: 1 } }, []],
    ['a command executed twice', [stepReport()], { executedTwice: 1 }, []],
    ['a view that is not the cluster’s', [stepReport()], {}, ['ucc/helpdesk/agents']],
  ])('is not good with %s', (_what, reports, view, wrongViews) => {
    const summary = sumUp(reports, stageView(view), wrongViews)
    expect(summary.isOk).toBe(false)
    expect(summary.problems).toHaveLength(1)
    expect(closingLines(reports, summary).at(-1)).toMatch(/^FAILED/)
  })
})

describe('records', () => {
  it('are JSON, typed, in rounded milliseconds', () => {
    const [step] = SCENARIO
    if (step === undefined) throw new Error('a script has steps')
    expect(startRecord(stageView())).toMatchObject({ type: 'start', servers: [{ name: 'srv1' }, { name: 'srv2' }] })
    expect(stepRecord(step, 1, 12)).toMatchObject({ type: 'step', id: 'kill', number: 1, of: 12 })
    expect(reportRecord(stepReport())).toMatchObject({
      type: 'report',
      ok: true,
      moves: [{ client: 'wallboard', timings: { detectMs: 1401.3, resumeMs: 7 } }, { client: 'desktop' }],
      events: { published: 80, lost: 0, duplicated: 0 },
      silentMs: { wallboard: 1390.4, desktop: 1380 },
    })
    const audit = { ...NOTHING, published: 3, lost: 1, behind: 2 }
    expect(summaryRecord(sumUp([], stageView({ audit }), []))).toMatchObject({ ok: false, events: { lost: 3 } })
  })
})

describe('script', () => {
  it('names each step once and ends where it began', () => {
    expect(new Set(SCENARIO.map(({ id }) => id)).size).toBe(SCENARIO.length)
    expect(SCENARIO.at(-1)?.expect.to).toBe('srv1')
  })

  it('does everything the help promises', () => {
    const deeds = new Set(SCENARIO.flatMap((step) => step.deeds))
    for (const deed of ['kill', 'hang', 'stop-ucc', 'drain', 'repair', 'switchover', 'failback']) {
      expect(deeds).toContain(deed)
    }
  })
})

describe('contact centre', () => {
  function published(seed: number, count: number): Publication[] {
    const centre = new ContactCentre(seed)
    const all = [...centre.start(0)]
    for (let n = 1; n <= count; n += 1) all.push(centre.next(n * 40))
    return all
  }

  it('is the same for the same seed', () => {
    expect(published(7, 500)).toEqual(published(7, 500))
    expect(published(7, 500)).not.toEqual(published(8, 500))
  })

  it('works: every topic has news, calls are answered in order and end, no line is written twice', () => {
    const all = published(3, 5000)
    const of = (topic: string): Publication[] => all.filter((one) => one.topic === topic)
    expect(of(TOPICS.queues).length).toBeGreaterThan(1000)
    const lines = of(TOPICS.dialogue)
    expect(new Set(lines.map(({ change }) => change.key)).size).toBe(lines.length)
    const texts = lines.map(({ change }) => (change.data as { text: string }).text)
    expect(texts.filter((text) => text.startsWith('ended')).length).toBeGreaterThan(20)
    const states = of(TOPICS.agents).map(({ change }) => (change.data as Agent).state)
    expect(new Set(states)).toEqual(new Set(['available', 'talking', 'wrap-up', 'break']))
  })
})
