// Libraries people would pick instead: installed into a folder of their own for one run, no dependency of ours.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { say } from './report.mjs'

const WANTED = [
  { name: 'reconnecting-websocket', version: '4.4.0', entry: 'reconnecting-websocket' },
  { name: 'partysocket', version: '1.3.0', entry: 'partysocket/ws' },
]

/** Their reconnecting WebSocket classes, by name and version; none where the registry cannot be reached. */
export async function loadLibraries() {
  const folder = mkdtempSync(join(tmpdir(), 'failover-bench-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{"private":true}')
    const packages = WANTED.map(({ name, version }) => `${name}@${version}`)
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--legacy-peer-deps', '--silent']
    execFileSync('npm', ['install', ...flags, ...packages], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
    const find = createRequire(join(folder, 'package.json'))
    const found = []
    for (const { name, version, entry } of WANTED) {
      const module = await import(pathToFileURL(find.resolve(entry)).href)
      // CommonJS builds nest it once more.
      found.push({ name: `${name} ${version}`, Class: module.default?.default ?? module.default })
    }
    return found
  } catch (error) {
    say(`Without other libraries: they could not be installed (${String(error).split('\n')[0]}).`)
    return []
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
