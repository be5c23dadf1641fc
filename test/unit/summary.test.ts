/** What a run of the tests comes to: nothing that failed, crashed or was never there may look like a success. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { allOutcomes, emptyOutcome, exitCode, summaryLine, type Outcome } from '../../scripts/summary.mjs'
import { TIERS } from '../../scripts/tiers.mjs'

function outcome(name: string, passed: number, failed = 0, more: Partial<Outcome> = {}): Outcome {
  return { name, passed, failed, skipped: 0, notes: [], ...more }
}

function lines(...outcomes: readonly Outcome[]): string {
  return outcomes.map((one) => `${JSON.stringify(one)}\n`).join('')
}

describe('a tier without tests', () => {
  it('fails, whichever it is', () => {
    for (const tier of TIERS) {
      const empty = emptyOutcome(tier)
      expect(summaryLine([empty])).toBe('0 passed, 1 failed')
      expect(exitCode([outcome('lint', 5), empty])).toBe(1)
    }
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
