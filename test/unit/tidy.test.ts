import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

// What lint cannot say: rules about files, and about words that must not stay behind.

const root = fileURLToPath(new URL('../..', import.meta.url))
const FOLDERS = ['src', 'test', 'bench', 'examples', 'scripts']
const SOURCE = /\.(ts|mts|cts|js|mjs|cjs)$/
const HARD_STOP = 500

const files = FOLDERS.flatMap((folder) => sourcesBelow(folder))

function sourcesBelow(folder: string): string[] {
  // git keeps no empty folder: a fresh clone may lack one.
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && SOURCE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .filter((path) => !path.includes('node_modules'))
}

function offenders(within: readonly string[], pattern: RegExp): string[] {
  return within.flatMap((path) =>
    textOf(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  )
}

function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

function isLocked(packages: Record<string, unknown>, parent: string, name: string): boolean {
  return `node_modules/${name}` in packages || `${parent}/node_modules/${name}` in packages
}

describe('tidy', () => {
  it('finds the sources', () => {
    expect(files).toContain('src/errors.ts')
    expect(files).toContain('test/unit/tidy.test.ts')
  })

  it(`keeps files of src/ within ${HARD_STOP} lines`, () => {
    const long = files.filter((path) => path.startsWith('src/') && textOf(path).split('\n').length > HARD_STOP + 1)
    expect(long).toEqual([])
  })

  it('names files in kebab-case', () => {
    const odd = files.filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z-]+)*$/.test(basename(path, extname(path))))
    expect(odd).toEqual([])
  })

  it('leaves no test focused, skipped or put off', () => {
    const tests = files.filter((path) => path.startsWith('test/'))
    // What this machine lacks skips a whole tier, and the summary says why: see scripts/tiers.mjs.
    expect(offenders(tests, /\b(it|test|describe|suite|bench)\.(only|todo|fails|runIf|skipIf)\b|\.skip\(/)).toEqual([])
    expect(offenders(tests, /\bretry:\s*[1-9]\d*\s*([,}]|$)/)).toEqual([])
  })

  it('leaves no note to self behind', () => {
    const words = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK']
    expect(offenders(files, new RegExp(`\\b(${words.join('|')})\\b`))).toEqual([])
  })

  it('leads the compiler from every name of the library to its sources, not to what was built of them last', () => {
    const { exports } = JSON.parse(textOf('package.json')) as { exports: Record<string, unknown> }
    const { compilerOptions } = JSON.parse(textOf('tsconfig.json')) as { compilerOptions: { paths: object } }
    const names = Object.keys(exports).filter((entry) => entry !== './package.json')
    expect(Object.keys(compilerOptions.paths)).toEqual(names.map((entry) => `failover-client${entry.slice(1)}`))
  })

  it('keeps a lockfile that names no registry and lists every platform', () => {
    const { packages } = JSON.parse(textOf('package-lock.json')) as {
      packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>
    }
    const resolved = Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined)
    expect(resolved).toEqual([])
    // A lockfile without the packages of the other platforms is one that `npm ci` refuses.
    const absent = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !isLocked(packages, path, name)),
    )
    expect(absent).toEqual([])
  })
})
