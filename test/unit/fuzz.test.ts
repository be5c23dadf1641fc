/** Everything that parses, against hostile inputs. A million each, and an end to what hangs: `npm run fuzz`. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fuzz } from '../fuzz/fuzz'
import { HeapWatch } from '../fuzz/heap'
import type { FuzzTarget } from '../fuzz/target'
import { TARGETS } from '../fuzz/targets'

const RUNS = 10_000
/** Fixed: a build does not depend on luck. Other seeds are for `npm run fuzz`. */
const SEED = 20_261_122
/** Some 450 bytes an input; four times what any target was seen to grow by. */
const MAX_GROWTH_BYTES = 4 * 1_048_576

function growthOf(target: FuzzTarget, runs: number): number {
  const heap = new HeapWatch(runs)
  fuzz(target, { runs, seed: SEED, onRun: () => heap.step() })
  return heap.growthBytes()
}

describe(`${RUNS} hostile inputs`, () => {
  it.each(TARGETS)('$name: $reads', { timeout: 60_000 }, (target) => {
    expect(growthOf(target, RUNS)).toBeLessThan(MAX_GROWTH_BYTES)
  })

  it('a parser that gathers what it reads would be noticed', () => {
    const gathered: number[][] = []
    const check = (input: number): void => void gathered.push(Array.from({ length: 200 }, () => input / 3))
    const target = { name: 'gathers', reads: 'numbers', inputs: fc.integer(), check } as FuzzTarget
    expect(growthOf(target, RUNS)).toBeGreaterThan(MAX_GROWTH_BYTES)
    expect(gathered.length).toBe(RUNS)
  })
})
