// @ts-check
// Builds dist/. With --if-needed: only when a source is newer than the last build.
// tsup writes into a folder of its own that takes the place of dist/ at the end: nobody meets a half-written one.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const stamp = join(dist, '.built')
const SOURCES = ['src', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsup.config.ts']

if (process.argv.includes('--if-needed') && isFresh()) process.exit(0)
process.exit(build())

/** @returns {boolean} */
function isFresh() {
  if (!existsSync(stamp)) return false
  const built = statSync(stamp).mtimeMs
  return SOURCES.every((name) => newest(join(root, name)) <= built)
}

/** Time of the latest change below `path`. @param {string} path @returns {number} */
function newest(path) {
  const entry = statSync(path)
  if (!entry.isDirectory()) return entry.mtimeMs
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), entry.mtimeMs)
}

/** @returns {number} exit code */
function build() {
  const startedAt = new Date()
  const folder = `dist.${process.pid}`
  const out = join(root, folder)
  const tsup = join(root, 'node_modules', 'tsup', 'dist', 'cli-default.js')
  console.log('Building dist/ ...')
  const result = spawnSync(process.execPath, [tsup, '--out-dir', folder, '--silent'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (result.status !== 0) {
    rmSync(out, { recursive: true, force: true })
    console.error('The build failed: see above.')
    return 1
  }
  chmodSync(join(out, 'cli.js'), 0o755)
  writeFileSync(join(out, '.built'), `${startedAt.toISOString()}\n`)
  // A source saved while tsup was at work counts as newer than this build.
  utimesSync(join(out, '.built'), startedAt, startedAt)
  rmSync(dist, { recursive: true, force: true })
  renameSync(out, dist)
  return 0
}
