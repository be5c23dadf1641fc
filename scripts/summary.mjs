// @ts-check
// Sums up outcomes. As a command: `node scripts/summary.mjs RESULTS [failed step ...]` reads what several runs of
// scripts/test.mjs wrote to $TEST_RESULTS. A tier that ran twice counts once, as it ended the last time: the browser
// tier is skipped by `npm test` on a machine without Chromium and then run by `npm run test:browser`.
import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/**
 * @typedef {object} Outcome
 * @property {string} name
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} notes what failed and what was skipped, in words
 */

/** @param {readonly Outcome[]} outcomes */
export function summaryLine(outcomes) {
  const passed = total(outcomes, 'passed')
  const failed = total(outcomes, 'failed')
  const skipped = total(outcomes, 'skipped')
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** @param {readonly Outcome[]} outcomes @param {'passed' | 'failed' | 'skipped'} member */
function total(outcomes, member) {
  return outcomes.reduce((sum, outcome) => sum + outcome[member], 0)
}

/** The last outcome of each name. @param {string} text one JSON object a line @returns {Outcome[]} */
export function lastOutcomes(text) {
  /** @type {Map<string, Outcome>} */
  const byName = new Map()
  for (const line of text.split('\n').filter(Boolean)) {
    /** @type {Outcome} */
    const outcome = JSON.parse(line)
    byName.set(outcome.name, outcome)
  }
  return [...byName.values()]
}

/** @param {string} file @param {readonly string[]} failedSteps @returns {number} exit code */
function main(file, failedSteps) {
  const outcomes = existsSync(file) ? lastOutcomes(readFileSync(file, 'utf8')) : []
  const silent = failedSteps.length > 0 && total(outcomes, 'failed') === 0
  // A step that failed before it could count anything.
  if (silent) outcomes.push(...failedSteps.map((name) => ({ name, passed: 0, failed: 1, skipped: 0, notes: [] })))
  console.log('\n--- all')
  for (const outcome of outcomes) {
    console.log(`${outcome.name.padEnd(12)} ${summaryLine([outcome])}`)
    for (const note of outcome.notes) console.log(`  - ${note}`)
  }
  if (failedSteps.length > 0) console.log(`failed steps: ${failedSteps.join(', ')}`)
  console.log(summaryLine(outcomes))
  return failedSteps.length > 0 || total(outcomes, 'passed') === 0 ? 1 : 0
}

const command = process.argv[1]
if (command !== undefined && import.meta.url === pathToFileURL(command).href) {
  process.exitCode = main(process.argv[2] ?? '', process.argv.slice(3))
}
