/** Everything that parses, against hostile inputs. A million each: `npm run fuzz -- --runs 1000000`. */
import { describe, expect, it } from 'vitest'
import { fuzz } from '../fuzz/fuzz'
import { TARGETS } from '../fuzz/targets'

const RUNS = 10_000
/** Fixed: a build does not depend on luck. Other seeds are for `npm run fuzz`. */
const SEED = 20_261_122

describe(`${RUNS} hostile inputs`, () => {
  it.each(TARGETS)('$name: $reads', { timeout: 60_000 }, (target) => {
    expect(() => fuzz(target, { runs: RUNS, seed: SEED })).not.toThrow()
  })
})
