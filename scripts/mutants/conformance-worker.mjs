// @ts-check
// Runs the conformance cases of one tree, and says of each when it begins: a fault may keep one from ever ending.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'

/** @typedef {{ is: 'begins', file: string } | { is: 'over', failed: readonly string[] }} CaseNews */

/** @type {{ file: string, folder: string }} */
const { file, folder } = workerData
/** @type {typeof import('../../test/mutants/conformance')} */
const { parseCase, runCase } = await import(pathToFileURL(file).href)

const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
const cases = names.filter((name) => name.endsWith('.json') && name !== 'schema.json').sort()
tell({ is: 'over', failed: cases.filter((name) => !holds(name)) })

/** @param {string} name */
function holds(name) {
  tell({ is: 'begins', file: name })
  try {
    return runCase(parseCase(name, JSON.parse(readFileSync(join(folder, name), 'utf8')))).length === 0
  } catch {
    return false
  }
}

/** @param {CaseNews} news */
function tell(news) {
  parentPort?.postMessage(news)
}
