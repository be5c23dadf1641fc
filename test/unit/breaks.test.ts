import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { INVARIANTS } from '../../src/testing/swarm/index'
import { BREAKS } from '../simulation/breaks.mjs'

// `npm run breaks` takes minutes; that each break still stands where it was put, and that no invariant is without one,
// is known in a moment.

interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

interface Regression {
  readonly brokenBy?: readonly Edit[]
}

/** Watched by the runner: scripts/simulation/worker.mjs and pool.mjs. */
const OF_THE_RUNNER = ['same-seed-same-trace', 'no-unhandled-rejection', 'no-uncaught-exception', 'runs-to-the-end']
const LOT = 50

const root = join(import.meta.dirname, '../..')
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')

const kept: readonly { readonly name: string; readonly brokenBy: readonly Edit[] }[] = readdirSync(
  join(root, 'test/simulation/regressions'),
).map((name) => {
  const { brokenBy = [] } = JSON.parse(textOf(`test/simulation/regressions/${name}`)) as Regression
  return { name, brokenBy }
})
const edits = [...BREAKS, ...kept.flatMap(({ name, brokenBy }) => brokenBy.map((edit) => ({ name, ...edit })))]

describe('breaks of the swarm and of its regressions', () => {
  it('are found exactly once in the sources of today', () => {
    const stale = edits.filter(({ file, find }) => textOf(file).split(find).length !== 2)
    expect(stale.map(({ name, file }) => `${name}: ${file}`)).toEqual([])
    expect(kept.filter(({ brokenBy }) => brokenBy.length > 0).length).toBeGreaterThan(0)
  })

  it('change something, and have names of their own', () => {
    expect(edits.filter(({ find, replace }) => find === '' || find === replace)).toEqual([])
    const names = [...BREAKS, ...kept].map(({ name }) => name.replace(/\.json$/, ''))
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  it('name who has to notice, and by when', () => {
    const known = [...INVARIANTS.map(({ name }) => name), ...OF_THE_RUNNER]
    const strangers = BREAKS.flatMap(({ noticedBy }) => noticedBy).filter((name) => !known.includes(name))
    expect(strangers).toEqual([])
    for (const { noticedBy, seeds = LOT } of BREAKS) {
      expect(noticedBy.length).toBeGreaterThan(0)
      expect(seeds % LOT).toBe(0)
    }
  })

  it('leave no invariant without a break, or a story that shows it failing', () => {
    const stories = [...textOf('test/simulation/invariants.test.ts').matchAll(/^describe\('([a-z-]+)'/gm)]
    const shown = new Set([...BREAKS.flatMap(({ noticedBy }) => noticedBy), ...stories.map(([, name]) => name)])
    expect(INVARIANTS.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([])
  })
})
