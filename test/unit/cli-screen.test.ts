import { describe, expect, it } from 'vitest'
import { NOTHING } from '../../src/cli/demo/audit'
import { screen, type Narration } from '../../src/cli/demo/screen'
import { box, fit, render, spread, text, widthOf, type Line } from '../../src/cli/demo/text'
import type { StageView } from '../../src/cli/demo/view'
import { stageView } from '../support/cli-view'

const QUIET: Narration = { tour: undefined, note: '', isGood: true }
const TOUR: Narration = {
  tour: { number: 3, of: 12, title: 'srv1 hangs', sentence: 'Its sockets stay open.' },
  note: 'as expected',
  isGood: true,
}

function shown(view: StageView, narration: Narration, columns: number, rows: number): string {
  return screen(view, narration, { columns, rows })
    .map((line) => render(line, false))
    .join('\n')
}

describe('text', () => {
  const line: Line = [text('abc', 'bold'), text('defg')]

  it('fits a line exactly, by blanks or an ellipsis', () => {
    expect(render(fit(line, 9), false)).toBe('abcdefg  ')
    expect(render(fit(line, 7), false)).toBe('abcdefg')
    expect(render(fit(line, 5), false)).toBe('abcd…')
    expect(render(fit(line, 1), false)).toBe('…')
    expect(render(fit(line, 0), false)).toBe('')
  })

  it('counts characters, not code units', () => {
    expect(widthOf([text('╭─ ▁█ ✓')])).toBe(7)
  })

  it('sets the ends of a line apart, and cuts where both do not fit', () => {
    expect(render(spread([text('left')], [text('right')], 12), false)).toBe('left   right')
    expect(widthOf(spread([text('left')], [text('right')], 7))).toBe(7)
  })

  it('styles by escape sequences only where there are colours', () => {
    expect(render(line, true)).toBe('\x1b[1mabc\x1b[0mdefg')
    expect(render(line, false)).toBe('abcdefg')
  })

  it('frames lines at exactly the width asked for', () => {
    const framed = box([text('A rather long title')], [line, [text('x'.repeat(50))]], 16)
    expect(framed.map(widthOf)).toEqual([16, 16, 16, 16])
  })
})

describe('screen', () => {
  it.each([
    [200, 60],
    [140, 40],
    [120, 30],
    [119, 30],
    [80, 24],
    [60, 20],
    [20, 8],
    [1, 1],
  ])('is exactly %i × %i', (columns, rows) => {
    const lines = screen(stageView(), TOUR, { columns, rows })
    expect(lines).toHaveLength(rows)
    expect(new Set(lines.map(widthOf))).toEqual(new Set([columns]))
  })

  it('shows agents, queues, servers, moves, and what became of the events', () => {
    const all = shown(stageView(), TOUR, 140, 40)
    expect(all).toMatch(/Aisha +available +0:03/)
    expect(all).toMatch(/Bram +call 1042 +1:05/)
    expect(all).toMatch(/4 waiting/)
    expect(all).toContain('1042 answered by Bram after 3.1 s')
    expect(all).toMatch(/srv1 {2}http:\/\/127\.1\.2\.1:40000/)
    expect(all).toMatch(/process 4711 hung {2}UCC running/)
    expect(all).toContain('seen as unhealthy, breaker open')
    expect(all).toMatch(/srv2 .*◀ wallboard, desktop/)
    expect(all).toMatch(/wallboard {2}srv1→srv2 {2}server-silent +1401 +5 +9 +7 +1422 /)
    expect(all).toContain('80 published, 80 delivered  0 lost  0 duplicated')
    expect(all).toContain('tour 3/12')
    expect(all).toMatch(/k {2}kill .* q {2}quit/)
  })

  it('keeps keys, servers, a move and the events in sight on 80 × 24', () => {
    const all = shown(stageView(), QUIET, 80, 24)
    expect(all).toMatch(/k kill h hang\/unhang .*q quit/)
    expect(all).toContain('process 4711 hung')
    expect(all).toContain('server-silent')
    expect(all).toContain('0 lost  0 duplicated')
    expect(all).toContain('Your turn')
  })

  it('draws a silence, not chance: three empty quarters of a second, and not those before the first event', () => {
    const pulse = shown(stageView(), QUIET, 140, 40)
      .split('\n')
      .find((line) => line.includes('│ events '))
    expect(pulse).toMatch(/events {4}[▁-█]{2}·[▁-█]××××█[▁-█]{3} +40 ms/)
  })

  it('draws a silence that fills the whole width', () => {
    const clients = stageView().clients.map((one) => ({ ...one, bars: Array.from({ length: 120 }, () => 0) }))
    expect(shown(stageView({ clients }), QUIET, 140, 40)).toMatch(/events ×{40,} +40 ms/)
  })

  it('says what is wrong', () => {
    const [wallboard, desktop] = stageView().clients
    if (wallboard === undefined || desktop === undefined) throw new Error('two clients')
    const view = stageView({
      clients: [{ ...wallboard, state: 'offline', offlineReason: 'starting', silentMs: 2500 }, desktop],
      audit: { ...NOTHING, published: 80, delivered: 70, lost: 3, duplicated: 2, behind: 7, gaps: 1 },
    })
    const all = shown(view, QUIET, 140, 40)
    expect(all).toContain('Wallboard ● offline (starting)')
    expect(all).toMatch(/2\.5 s/)
    expect(all).toContain('3 lost  2 duplicated  7 on the way  1 gaps')
  })

  it('holds no escape sequence without colours', () => {
    expect(shown(stageView(), TOUR, 140, 40)).not.toContain('\x1b')
  })
})
