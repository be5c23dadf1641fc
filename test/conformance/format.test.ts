/** The format itself: that a mistake in a case is told by file and field, and that a case can fail. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { format, resolveConfig } from 'prettier'
import { caseFiles, CASES_DIR, readCase } from './runner/files'
import { GROUPS, parseCase } from './runner/format'
import { loadCases } from './runner/load'
import { differences } from './runner/match'
import { runCase } from './runner/run'
import { caseSchema } from './runner/schema'

const CASE = {
  name: 'one server is taken',
  group: 'failover',
  source: ['ARCHITECTURE.md'],
  machine: 'pool',
  config: { servers: ['srv1'] },
  phases: [
    { at: 0, inputs: [{ open: 'anna' }] },
    { at: 1000, expect: { moves: [{ to: 'srv1' }] } },
  ],
}

function run(changes: object): readonly string[] {
  return runCase(parseCase('a.json', { ...CASE, ...changes }))
}

const inputs = (...rows: object[]): object => ({ phases: [{ at: 0, inputs: rows }, CASE.phases[1]] })

describe('a mistake is told by its place', () => {
  test('the case without one holds', () => expect(run({})).toEqual([]))

  test.each([
    ['no name', { name: undefined }, 'a.json: name: a string expected, not nothing'],
    ['no such group', { group: 'fail' }, /^a\.json: group: one of resolve, .* expected, not "fail"$/],
    ['no source', { source: [] }, 'a.json: source: a case cites at least one source'],
    ['no such machine', { machine: 'seat' }, /^a\.json: machine: one of .* expected, not "seat"$/],
    ['a member too many', { nmae: 'x' }, /^a\.json: nmae: unknown; known here: .*name/],
    ['nothing expected', { phases: [CASE.phases[0]] }, /nothing is expected, so the case cannot fail/],
    ['out of order', { phases: [...CASE.phases, { at: 5 }] }, /phases\[2\]\.at: phases come in order of time/],
    ['two words', inputs({ open: 'a', crash: 'b' }), /phases\[0\]\.inputs\[0\]: one word expected, not open, crash/],
    ['no such input', inputs({ opne: 'a' }), /phases\[0\]\.inputs\[0\]: no input is called opne; there are .*open/],
    [
      'a wrong value',
      inputs({ server: { name: 'srv1', state: 'runing' } }),
      /inputs\[0\]\.server\.state: one of running/,
    ],
    ['a member too many within', inputs({ server: { name: 'srv1', stat: 'x' } }), /inputs\[0\]\.server\.stat: unknown/],
    ['no such server', inputs({ crash: 'srv9' }), /no server is called srv9/],
    ['repeated without a rhythm', inputs({ open: 'a', times: 2 }), /inputs\[0\]\.every: a number expected/],
    ['no such expectation', { phases: [{ at: 0, expect: { move: [] } }] }, /expect\.move: unknown; there are moves, /],
    [
      'no such setting',
      { config: { servers: [], settings: { health: { fail: 1 } } } },
      /config\.settings\.health\.fail/,
    ],
    ['no such option', { config: { servers: [], random: 1, seed: 1 } }, /config\.seed: unknown/],
    [
      'an input too late',
      inputs({ open: 'a' }, { check: true, after: 5000 }),
      /^a\.json: phases\[0\]\.inputs\[1\]: 1 inputs come after the last phase; it must not be before 5000$/,
    ],
    [
      'no such word in a setting',
      { config: { servers: [], settings: { failback: { mode: 'manuel' } } } },
      /^a\.json: config\.settings\.failback\.mode: one of automatic, manual expected, not "manuel"$/,
    ],
  ])('%s', (_what, changes, message) => {
    expect(() => run(changes)).toThrow(message)
  })
})

describe('a case can fail', () => {
  test('by what is so, and by what has happened', () => {
    const phases = [CASE.phases[0], { at: 1000, expect: { moves: [{ to: 'srv2' }], at: { anna: null } } }]
    expect(run({ phases })).toEqual([
      'phases[1] (at 1000) moves[0].to: "srv2" expected, not "srv1"',
      'phases[1] (at 1000) at.anna: null expected, not "srv1"',
    ])
  })

  test('by a move that no phase speaks of', () => {
    const phases = [CASE.phases[0], { at: 1000, expect: { at: { anna: 'srv1' } } }]
    expect(run({ phases })).toEqual([expect.stringMatching(/^phases\[1\] \(at 1000\) moves: \[\] expected/)])
  })

  test('by a member that is not there, with those that are', () => {
    expect(differences('x', { kidn: 'a' }, { kind: 'a', to: 'b' })).toEqual([
      'x.kidn: "a" expected, not nothing; there are kind, to',
    ])
  })

  test.each([
    [{ $between: [1, 2] }, 2, 2.5],
    [{ $between: [1, 2] }, 1, undefined],
    [{ $atMost: 1 }, ['a'], ['a', 'b']],
    [{ $atMost: 1 }, 1, undefined],
    [{ $contains: 'b' }, 'abc', 'ac'],
    [{ $contains: { a: 1 } }, [{ a: 2 }, { a: 1, b: 2 }], [{ a: 2 }]],
    [{ $absent: true }, undefined, 'x'],
    [
      [1, 2],
      [1, 2],
      [1, 2, 3],
    ],
    [{ a: 1 }, { a: 1, b: 2 }, { b: 2 }],
    [{ a: 1 }, { a: 1 }, null],
    [null, null, undefined],
  ])('%j holds for %j, not for %j', (expected, holds, fails) => {
    expect(differences('x', expected, holds)).toEqual([])
    expect(differences('x', expected, fails)).not.toEqual([])
  })

  test('a matcher that does not exist holds for nothing', () => {
    expect(differences('x', { $atLeast: 1 }, 5)).toEqual(['x: no matcher is called $atLeast'])
  })
})

describe('the cases', () => {
  const cases = loadCases()

  test('are many, in every group, each with a name of its own', () => {
    expect(cases.length).toBeGreaterThanOrEqual(120)
    expect(new Set(cases.map(({ group }) => group))).toEqual(new Set(GROUPS))
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
  })

  test('lie in the folder of their group, and name their schema', () => {
    for (const file of caseFiles()) {
      const json = readCase(file) as { group: string; $schema: string }
      expect([file.split('/')[0], json.$schema], file).toEqual([json.group, '../schema.json'])
    }
  })

  test('have the schema of their machines; when this fails: npx vitest run --project conformance -u', async () => {
    const path = `${CASES_DIR}schema.json`
    const text = await format(JSON.stringify(caseSchema()), { ...(await resolveConfig(path)), filepath: path })
    await expect(text).toMatchFileSnapshot(path)
  })

  test('cite what our documents say: a section, or words of theirs', () => {
    const root = new URL('../../', import.meta.url)
    const texts = new Map<string, string>()
    const textOf = (document: string): string => {
      const known = texts.get(document)
      if (known !== undefined) return known
      const text = plain(readFileSync(new URL(document, root), 'utf8'))
      texts.set(document, text)
      return text
    }
    const cited = cases.flatMap(({ source }) => source).filter((one) => /^[A-Za-z0-9/-]+\.md/.test(one))
    const missing = cited.filter((one) => {
      const [, document = '', words = ''] = /^([A-Za-z0-9/-]+\.md)(?:, ([^:;,(]+))?/.exec(one) ?? []
      return !textOf(document).includes(plain(words.replace(/^section (\d+)$/, '## $1.')).trim())
    })
    expect(missing).toEqual([])
  })
})

/** Without marks, in one line and in small letters: a citation does not repeat how a word is set. */
function plain(text: string): string {
  return text.replace(/[*`]/g, '').replace(/\s+/g, ' ').toLowerCase()
}
