// @ts-check
// `npm run case -- FILE`: plays conformance cases by their files, and says in plain words what was not as expected.
import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from './simulation/bundle.mjs'

const CASES = fileURLToPath(new URL('../test/conformance/', import.meta.url))
const files = process.argv.slice(2).map(caseFile)

if (files.length === 0) {
  console.error('which one? npm run case -- test/conformance/failover/killed-server.json')
  process.exitCode = 2
} else {
  process.exitCode = await play(files)
}

/** @param {string} path from here, or below `test/conformance` @returns {string} below `test/conformance` */
function caseFile(path) {
  const file = path.endsWith('.json') ? path : `${path}.json`
  const here = isAbsolute(file) ? file : join(process.cwd(), file)
  return relative(CASES, existsSync(here) ? here : join(CASES, file))
    .split(sep)
    .join('/')
}

/** @param {readonly string[]} names @returns {Promise<number>} exit code */
async function play(names) {
  const { file, remove } = await bundle('test/mutants/conformance.ts')
  try {
    /** @type {typeof import('../test/mutants/conformance')} */
    const runner = await import(file)
    const verdicts = names.map((name) => tell(name, () => problemsOf(runner, name)))
    return verdicts.every((holds) => holds) ? 0 : 1
  } finally {
    remove()
  }
}

/** @param {typeof import('../test/mutants/conformance')} runner @param {string} name */
function problemsOf({ parseCase, runCase }, name) {
  const one = parseCase(name, read(name))
  const folder = name.split('/')[0]
  if (one.group !== folder) return [`group: it lies in the folder "${folder}", and says "${one.group}"`]
  return runCase(one)
}

/** @param {string} name @returns {unknown} */
function read(name) {
  try {
    return JSON.parse(readFileSync(join(CASES, name), 'utf8'))
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** @param {string} name @param {() => readonly string[]} check @returns {boolean} it holds */
function tell(name, check) {
  try {
    const problems = check()
    console.log(problems.length === 0 ? `holds   ${name}` : `FAILED  ${name}`)
    for (const problem of problems) console.log(`        ${problem}`)
    return problems.length === 0
  } catch (error) {
    // A mistake in the case is told by its place: nobody wants the stack of the runner.
    console.log(`FAILED  ${error instanceof Error ? error.message : String(error)}`)
    return false
  }
}
