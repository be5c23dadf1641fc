/** What a run of the tests comes to: nothing that failed, crashed or was never there may look like a success. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { allOutcomes, emptyLine, emptyOutcome, exitCode, summaryLine, type Outcome } from '../../scripts/summary.mjs'
import { TIERS } from '../../scripts/tiers.mjs'

function outcome(name: string, passed: number, failed = 0, more: Partial<Outcome> = {}): Outcome {
  return { name, passed, failed, skipped: 0, notes: [], ...more }
}

function lines(...outcomes: readonly Outcome[]): string {
  return outcomes.map((one) => `${JSON.stringify(one)}\n`).join('')
}

describe('a tier without tests', () => {
  it('fails', () => {
    const empty = emptyOutcome({ name: 'integration' })
    expect(summaryLine([empty])).toBe('0 passed, 1 failed')
    expect(exitCode([outcome('unit', 5), empty])).toBe(1)
  })

  it('that may have none yet is counted and named, and alone is no failure', () => {
    const lab = emptyOutcome({ name: 'lab', mayBeEmpty: true })
    const simulation = emptyOutcome({ name: 'simulation', mayBeEmpty: true })
    expect(lab.notes).toEqual(['0 lab tests: none exist yet'])
    expect(exitCode([lab])).toBe(0)
    expect(exitCode([outcome('unit', 5), lab])).toBe(0)
    expect(emptyLine([outcome('unit', 5), lab, simulation])).toBe('2 without tests yet: lab, simulation')
    expect(emptyLine([outcome('unit', 5)])).toBeUndefined()
  })

  it('is allowed by name only', () => {
    const allowed = TIERS.filter(({ mayBeEmpty }) => mayBeEmpty === true).map(({ name }) => name)
    expect(['conformance', 'simulation', 'lab']).toEqual(expect.arrayContaining(allowed))
  })
})

describe('the integration tier', () => {
  it('runs on the packed package, which is built before', () => {
    expect(TIERS.find(({ name }) => name === 'integration')).toMatchObject({ built: true, packed: true })
  })
})

describe('the exit code', () => {
  it.each([
    ['something passed', [outcome('unit', 1)], 0],
    ['something failed', [outcome('unit', 9, 1)], 1],
    ['nothing at all', [], 1],
    ['only skipped', [outcome('browser', 0, 0, { skipped: 1 })], 1],
    [
      'an empty tier beside a skipped one',
      [outcome('browser', 0, 0, { skipped: 1 }), outcome('lab', 0, 0, { empty: true })],
      1,
    ],
  ])('%s', (_what, outcomes, expected) => {
    expect(exitCode(outcomes)).toBe(expected)
  })
})

describe('several steps', () => {
  const failures = (text: string, steps: readonly string[]): string[] =>
    allOutcomes(text, steps)
      .filter(({ failed }) => failed > 0)
      .map(({ name, failed }) => `${name} ${failed}`)

  it('a tier that ran twice counts once, as it ended', () => {
    const text = lines(outcome('browser', 0, 0, { skipped: 1, step: 'a' }), outcome('browser', 7, 0, { step: 'b' }))
    expect(summaryLine(allOutcomes(text, []))).toBe('7 passed, 0 failed')
  })

  it('each that failed without a failure of its own counts as one', () => {
    const text = lines(outcome('unit', 5, 2, { step: 'npm test' }), outcome('lint', 1, 0, { step: 'npm test' }))
    const steps = ['npm test', 'npm run setup:system', 'npm run test:browser']
    expect(failures(text, steps)).toEqual(['unit 2', 'npm run setup:system 1', 'npm run test:browser 1'])
    expect(summaryLine(allOutcomes(text, steps))).toBe('6 passed, 4 failed')
  })

  it('a failure that a later step takes back is not lost', () => {
    const text = lines(outcome('browser', 0, 1, { step: 'npm test' }), outcome('browser', 7, 0, { step: 'later' }))
    expect(failures(text, ['npm test'])).toEqual(['npm test 1'])
  })

  it('one that failed in both is counted once', () => {
    const text = lines(outcome('browser', 0, 1, { step: 'npm test' }), outcome('browser', 3, 2, { step: 'later' }))
    expect(failures(text, ['npm test', 'later'])).toEqual(['browser 2'])
  })
})

describe('scripts/summary.mjs', () => {
  const script = fileURLToPath(new URL('../../scripts/summary.mjs', import.meta.url))
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'summary-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function run(text: string | undefined, ...steps: readonly string[]): { status: number | null; last: string } {
    const file = join(folder, 'results')
    if (text !== undefined) writeFileSync(file, text)
    const { status, stdout } = spawnSync(process.execPath, [script, file, ...steps], { encoding: 'utf8' })
    return { status, last: stdout.trim().split('\n').at(-1) ?? '' }
  }

  it('ends with the total', () => {
    expect(run(lines(outcome('unit', 5)))).toEqual({ status: 0, last: '5 passed, 0 failed' })
    expect(run(lines(outcome('unit', 5)), 'npm run x')).toEqual({ status: 1, last: '5 passed, 1 failed' })
    const text = lines(outcome('unit', 5, 1, { step: 'npm test' }))
    expect(run(text, 'npm test', 'npm run x')).toEqual({ status: 1, last: '5 passed, 2 failed' })
  })

  it('fails where nothing was written', () => {
    expect(run(undefined)).toEqual({ status: 1, last: '0 passed, 0 failed' })
  })
})
