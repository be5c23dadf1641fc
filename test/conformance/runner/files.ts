/** Where the cases lie. What needs Node is here, and what knows the core is not: the browser tier reads them too. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const CASES_DIR = fileURLToPath(new URL('..', import.meta.url))

/** Paths below `test/conformance`, as `failover/killed-server.json`. */
export function caseFiles(): readonly string[] {
  return readdirSync(CASES_DIR, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json') && path !== 'schema.json')
    .sort()
}

/** @throws SyntaxError naming the file */
export function readCase(file: string): unknown {
  try {
    return JSON.parse(readFileSync(join(CASES_DIR, file), 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) error.message = `${file}: ${error.message}`
    throw error
  }
}
