/** Every case of `test/conformance`, one test each. CONTRIBUTING.md says how to add one. */
import { describe, expect, test } from 'vitest'
import { GROUPS } from './runner/format'
import { loadCases } from './runner/load'
import { runCase } from './runner/run'

const cases = loadCases()

for (const group of GROUPS) {
  describe(group, () => {
    for (const one of cases.filter((each) => each.group === group)) {
      test(`${one.name} (${one.file})`, () => {
        const problems = runCase(one)
        expect(problems, problems.join('\n')).toHaveLength(0)
      })
    }
  })
}
