import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MUTANTS } from '../mutants/index.mjs'

// `npm run mutants` takes minutes; that its faults still stand where they were put is known in a moment.

const root = join(import.meta.dirname, '../..')
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')

describe('mutants', () => {
  it('are found exactly once in the sources of today', () => {
    const stale = MUTANTS.filter(({ file, find }) => textOf(file).split(find).length !== 2)
    expect(stale.map(({ name, file }) => `${name}: ${file}`)).toEqual([])
  })

  it('change something, and say what a user would lose by it', () => {
    const empty = MUTANTS.filter(({ find, replace }) => find === '' || find === replace)
    expect(empty).toEqual([])
    const untold = MUTANTS.filter(({ story }) => !/^["A-Z].{20,}[.]$/.test(story))
    expect(untold.map(({ name }) => name)).toEqual([])
  })

  it('have names of their own, are many, and break core, driver and client', () => {
    const names = MUTANTS.map(({ name }) => name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    expect(names.length).toBeGreaterThanOrEqual(45)
    for (const room of ['core', 'driver', 'client']) {
      expect(MUTANTS.filter(({ file }) => file.startsWith(`src/${room}/`)).length).toBeGreaterThan(0)
    }
  })

  it('have all been noticed in the run that was recorded last', () => {
    const rows = textOf('test/mutants/RESULTS.md')
      .split('\n')
      .filter((line) => line.startsWith('| ['))
    const noticedBy = new Map(
      rows.map((row) => [/\[(.*?)\]/.exec(row)?.[1], row.split(' | ').at(-1)?.replace(' |', '')]),
    )
    expect([...noticedBy.keys()]).toEqual(MUTANTS.map(({ name }) => name))
    const tiers = [...noticedBy.values()]
    expect(tiers.filter((tier) => tier !== 'conformance' && tier !== 'simulation' && tier !== 'unit')).toEqual([])
    expect(tiers.filter((tier) => tier !== 'unit').length).toBeGreaterThanOrEqual(30)
  })
})
