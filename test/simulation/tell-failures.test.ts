import { expect, test } from 'vitest'
import { drawPlan, type SwarmPlan } from '../../src/testing/swarm/index'
import { tellFailures } from './tell-failures'

// A fault that does not exist ends the run.
const impossible = (seed: number): SwarmPlan => ({
  ...drawPlan(seed),
  faults: [{ at: 10, fault: 'of-the-future', target: 0, forMs: 1 }],
})

test('names every seed and what it violated, and the command that runs one again', async () => {
  const text = await tellFailures([{ seed: 7, violations: ['converges: at 5 ms: client 0: is offline'] }])
  expect(text).toContain('1 seeds failed')
  expect(text).toContain('seed 7: converges: at 5 ms: client 0: is offline')
  expect(text).toContain('npm run simulate -- --replay 7 --shrink')
  expect(text).toMatch(/\{"seed":7,.*"healAtMs":\d+/)
  expect(text).toMatch(/client 0, last decisions:\n {2}\d+ \w+: /)
})

test('a run that cannot end is told, too', async () => {
  const text = await tellFailures([{ seed: 8, violations: ['runs-to-the-end: stuck'] }], impossible)
  expect(text).toContain('seed 8')
  expect(text).toContain('of-the-future')
})

test('nothing failed: nothing is run', async () => {
  expect(await tellFailures([])).toBe('0 seeds failed')
})
