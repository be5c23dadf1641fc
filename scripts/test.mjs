// @ts-check
// Runs checks and test tiers and sums them up; the last line is `N passed, N failed`, with `, N skipped` if any were.
//   node scripts/test.mjs                      everything that `npm test` runs
//   node scripts/test.mjs lint unit            only these
//   node scripts/test.mjs browser --required   what is missing on this machine is a failure, not a skip
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CHECKS, TIERS } from './tiers.mjs'
import { emptyOutcome, exitCode, print, summaryLine } from './summary.mjs'

/**
 * @typedef {import('./summary.mjs').Outcome} Outcome
 * @typedef {{ fullName: string, status: string }} JsonTest
 * @typedef {{ name: string, status: string, message: string, assertionResults: JsonTest[] }} JsonFile
 * @typedef {{ success: boolean, testResults: JsonFile[] }} JsonReport
 */

const root = fileURLToPath(new URL('..', import.meta.url))
const required = process.argv.includes('--required')
const names = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))

process.exitCode = main()

/** @returns {number} exit code */
function main() {
  const unknown = names.filter((name) => ![...CHECKS, ...TIERS].some((entry) => entry.name === name))
  if (unknown.length > 0) {
    console.error(`No such check or tier: ${unknown.join(', ')}`)
    return 1
  }
  /** @type {Outcome[]} */
  const outcomes = []
  for (const check of CHECKS.filter(wanted)) outcomes.push(runCheck(check))
  const tiers = TIERS.filter(wanted)
  const unbuilt = tiers.some((tier) => tier.built) && !isBuilt(outcomes)
  for (const tier of tiers) outcomes.push(runTier(tier, unbuilt))
  return report(outcomes)
}

/** @param {{ name: string, extra?: boolean }} entry */
function wanted(entry) {
  return names.length === 0 ? entry.extra !== true : names.includes(entry.name)
}

/** Tiers that run on dist/ build it where no check did. @param {Outcome[]} outcomes */
function isBuilt(outcomes) {
  const build = outcomes.find((outcome) => outcome.name === 'build')
  if (build !== undefined) return build.failed === 0
  const check = CHECKS.find((entry) => entry.name === 'build')
  return check !== undefined && runCheck(check).failed === 0
}

/** @param {import('./tiers.mjs').Check} check @returns {Outcome} */
function runCheck({ name, commands }) {
  /** @type {Outcome} */
  const outcome = { name, passed: 0, failed: 0, skipped: 0, notes: [] }
  for (const command of commands) {
    const startedAt = Date.now()
    const result = spawnSync(process.execPath, command, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const passed = result.status === 0
    console.log(`${passed ? 'ok    ' : 'FAILED'} ${name}: node ${command.join(' ')} (${seconds(startedAt)})`)
    const output = `${result.stdout}${result.stderr}`.trim()
    if (output !== '' && name !== 'build') console.log(output)
    if (output !== '' && name === 'build' && !passed) console.log(output)
    if (passed) outcome.passed += 1
    else outcome.failed += 1
  }
  return outcome
}

/** @param {import('./tiers.mjs').Tier} tier @param {boolean} unbuilt @returns {Outcome} */
function runTier(tier, unbuilt) {
  const { name } = tier
  if (!hasTests(join(root, 'test', name))) return emptyOutcome(tier)
  const missing = tier.missing?.()
  if (missing !== undefined) {
    const note = `${name} tier: ${missing}`
    console.log(`${required ? 'FAILED' : 'skipped'} ${note}`)
    return { name, passed: 0, failed: required ? 1 : 0, skipped: required ? 0 : 1, notes: [note] }
  }
  if (tier.built && unbuilt)
    return { name, passed: 0, failed: 1, skipped: 0, notes: [`${name} tier: the build failed`] }
  return runVitest(tier)
}

/** @param {string} folder @returns {boolean} */
function hasTests(folder) {
  if (!existsSync(folder)) return false
  return readdirSync(folder, { recursive: true }).some((file) => /\.(test|test-d)\.ts$/.test(String(file)))
}

/** @param {import('./tiers.mjs').Tier} tier @returns {Outcome} */
function runVitest({ name, packed = false }) {
  console.log(`\n--- ${name}${packed ? ', from the packed package' : ''}`)
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tmp', 'test-'))
  const file = join(folder, 'report.json')
  try {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const { status } = spawnSync(process.execPath, [vitest, 'run', '--project', name, ...reporters], {
      cwd: root,
      env: packed ? { ...process.env, FAILOVER_CLIENT_FROM: 'package' } : process.env,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    return readReport(name, file, status === 0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {string} name @param {string} file @param {boolean} exitedWell @returns {Outcome} */
function readReport(name, file, exitedWell) {
  /** @type {Outcome} */
  const outcome = { name, passed: 0, failed: 0, skipped: 0, notes: [] }
  /** @type {JsonReport} */
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { success: false, testResults: [] }
  for (const { name: path, status, assertionResults } of report.testResults) {
    for (const test of assertionResults) count(outcome, test)
    // A file that failed outside its tests: a syntax error, a missing import, a hook.
    const blamed = assertionResults.some((test) => test.status === 'failed')
    if (status === 'failed' && !blamed) fail(outcome, `${name}: ${path.replace(root, '')} failed outside its tests`)
  }
  if (outcome.passed + outcome.failed === 0) fail(outcome, `${name}: no test ran`)
  // Unhandled errors, for one: every test passed and the run did not.
  if (!exitedWell && outcome.failed === 0) fail(outcome, `${name}: vitest failed, though no test did: see above`)
  return outcome
}

/** @param {Outcome} outcome @param {JsonTest} test */
function count(outcome, { fullName, status }) {
  if (status === 'passed') outcome.passed += 1
  else if (status === 'failed') fail(outcome, `${outcome.name}: ${fullName}`)
  else {
    outcome.skipped += 1
    outcome.notes.push(`${outcome.name}: ${fullName} (${status})`)
  }
}

/** @param {Outcome} outcome @param {string} note */
function fail(outcome, note) {
  outcome.failed += 1
  outcome.notes.push(note)
}

/** @param {Outcome[]} outcomes @returns {number} exit code */
function report(outcomes) {
  console.log('\n--- summary')
  print(outcomes)
  const { TEST_RESULTS: results, TEST_STEP: step } = process.env
  for (const outcome of results ? outcomes : []) {
    appendFileSync(results ?? '', `${JSON.stringify(step ? { ...outcome, step } : outcome)}\n`)
  }
  console.log(summaryLine(outcomes))
  return exitCode(outcomes)
}

/** @param {number} startedAt */
function seconds(startedAt) {
  return `${((Date.now() - startedAt) / 1000).toFixed(1)} s`
}
