/** Finds and reads the cases: the only part of the runner that needs Node. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseCase, type ConformanceCase } from './format'

export const CASES_DIR = fileURLToPath(new URL('..', import.meta.url))

/** Paths below `test/conformance`, as `failover/a-killed-server.json`. */
export function caseFiles(): readonly string[] {
  return readdirSync(CASES_DIR, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json') && path !== 'schema.json')
    .sort()
}

export function readCase(file: string): unknown {
  return JSON.parse(readFileSync(join(CASES_DIR, file), 'utf8'))
}

/** All cases. @throws CaseError naming file and field of a senseless one */
export function loadCases(): readonly ConformanceCase[] {
  return caseFiles().map((file) => parseCase(file, readCase(file)))
}
