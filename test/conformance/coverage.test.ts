import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MAP, parseMatrix, parseTags, problemsOf, readCoverage, renderMap } from '../../scripts/coverage.mjs'

const MATRIX = `
| # | fault | a client without us | ours | decided by |
|---|---|---|---|---|
| 1 | killed | redials | moves | client |
| 2 | split brain | takes either | takes the higher term | client, server |
| 3 | loss of what only one had | nothing | tells it | nobody |

## Not yet

| # | what is missing |
|---|---|
| 2 | terms |
`

function proof(...rows: number[]) {
  return { kind: 'case', file: 'a.json', title: 'moves', group: 'failover', rows } as const
}

describe('the map from the fault matrix to what shows it', () => {
  const coverage = readCoverage()

  it('leaves no row out and names none that is not there', () => {
    expect(problemsOf(coverage)).toEqual([])
  })

  it('excuses no row but these: whoever adds one here says that a promise is taken back', () => {
    const excused = coverage.rows.filter(({ missing }) => missing !== undefined)
    expect(excused.map(({ number }) => number)).toEqual([39])
  })

  it('is the committed one; when this fails: node scripts/coverage.mjs', () => {
    const committed = readFileSync(new URL(`../../${MAP}`, import.meta.url), 'utf8')
    expect(committed).toBe(renderMap(coverage))
  })
})

describe('the check itself', () => {
  const rows = parseMatrix(MATRIX)

  it('reads rows, who decides them and what is missing', () => {
    expect(rows).toEqual([
      { number: 1, fault: 'killed', decidedBy: ['client'] },
      { number: 2, fault: 'split brain', decidedBy: ['client', 'server'], missing: 'terms' },
      { number: 3, fault: 'loss of what only one had', decidedBy: ['nobody'] },
    ])
  })

  it('reads a tag with the title of the test below it, also one line further down', () => {
    const tag = '// fault-matrix:'
    const source = [
      ...[`  ${tag} 1, 3`, "  it('moves', () => {"],
      ...[`${tag} 2`, 'test(', '  `${RUNS} times`,'],
      ...[`${tag} 1`, 'const x = 1'],
    ].join('\n')
    expect(parseTags('a.test.ts', source)).toEqual([
      { kind: 'test', file: 'a.test.ts', title: 'moves', rows: [1, 3] },
      { kind: 'test', file: 'a.test.ts', title: '${RUNS} times', rows: [2] },
      { kind: 'test', file: 'a.test.ts', title: '', rows: [1] },
    ])
  })

  it.each([
    ['all is shown', [proof(1)], []],
    ['a row is left out', [], ['row 1 is decided by the client, and nobody shows it']],
    [
      'a row is named that is not there',
      [proof(1, 9)],
      ['a.json: "moves" names row 9, which the matrix does not have'],
    ],
    ['a row that is not yet is named', [proof(1, 2)], ['row 2 is "not yet", and yet somebody names it']],
    ['a tag stands above no test', [{ ...proof(1), title: '' }], ['a.json: a tag stands above no test']],
  ])('%s', (_what, proofs, problems) => {
    expect(problemsOf({ rows, proofs })).toEqual(problems)
  })

  it('sees rows that are missing or decided by somebody unknown', () => {
    const odd = [{ number: 2, fault: 'x', decidedBy: ['fate'] }]
    expect(problemsOf({ rows: odd, proofs: [] })).toHaveLength(2)
  })
})
