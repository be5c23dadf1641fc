// @ts-check
// Sums up outcomes. As a command: `node scripts/summary.mjs RESULTS [failed step ...]` reads what several runs of
// scripts/test.mjs wrote to $TEST_RESULTS. A tier that ran twice counts once, as it ended the last time: the browser
// tier is skipped by `npm test` on a machine without Chromium and then run by `npm run test:browser`. A step that
// failed with nothing failed to show for it (it crashed, or was no test run at all) counts as one failure.
import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/**
 * @typedef {object} Outcome
 * @property {string} name
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} notes what failed and what was skipped, in words
 * @property {string} [step] the step of .ci/run that wrote it ($TEST_STEP)
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

/**
 * What a tier without tests comes to: a failure. A folder that was renamed or a pattern that matches nothing must not
 * pass.
 * @param {{ name: string }} tier
 * @returns {Outcome}
 */
export function emptyOutcome({ name }) {
  return { name, passed: 0, failed: 1, skipped: 0, notes: [`0 ${name} tests: a tier must have some`] }
}

/** 0 when nothing failed and something ran. @param {readonly Outcome[]} outcomes */
export function exitCode(outcomes) {
  return total(outcomes, 'failed') === 0 && total(outcomes, 'passed') > 0 ? 0 : 1
}

/**
 * The last outcome of each name, and one failure for each failed step that has none of its own among them.
 * @param {string} text one JSON object a line
 * @param {readonly string[]} failedSteps
 * @returns {Outcome[]}
 */
export function allOutcomes(text, failedSteps) {
  /** @type {Outcome[]} */
  const written = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  const byName = new Map(written.map((outcome) => [outcome.name, outcome]))
  /** @param {string} step */
  const isShown = (step) =>
    written.some((outcome) => outcome.step === step && outcome.failed > 0 && failedIn(byName, outcome.name))
  const silent = failedSteps.filter((step) => !isShown(step))
  return [
    ...byName.values(),
    ...silent.map((name) => ({ name, passed: 0, failed: 1, skipped: 0, notes: [`${name}: the step failed`] })),
  ]
}

/** @param {ReadonlyMap<string, Outcome>} outcomes @param {string} name */
function failedIn(outcomes, name) {
  return (outcomes.get(name)?.failed ?? 0) > 0
}

/** Prints them, without the total. @param {readonly Outcome[]} outcomes */
export function print(outcomes) {
  for (const outcome of outcomes) {
    console.log(`${outcome.name.padEnd(12)} ${summaryLine([outcome])}`)
    for (const note of outcome.notes) console.log(`  - ${note}`)
  }
}

/** @param {string} file @param {readonly string[]} failedSteps @returns {number} exit code */
function main(file, failedSteps) {
  const outcomes = allOutcomes(existsSync(file) ? readFileSync(file, 'utf8') : '', failedSteps)
  console.log('\n--- all')
  print(outcomes)
  if (failedSteps.length > 0) console.log(`failed steps: ${failedSteps.join(', ')}`)
  console.log(summaryLine(outcomes))
  return failedSteps.length > 0 ? 1 : exitCode(outcomes)
}

const command = process.argv[1]
if (command !== undefined && import.meta.url === pathToFileURL(command).href) {
  process.exitCode = main(process.argv[2] ?? '', process.argv.slice(3))
}
