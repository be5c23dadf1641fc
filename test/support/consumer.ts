/** A user's project with the packed library in it: packed once a run, installed by npm outside the repository. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { npm, root, runNode } from './commands'

export interface Consumer {
  /** The project: a package.json and node_modules. */
  readonly folder: string
  /** The library as it is installed there. */
  readonly home: string
  readonly tarball: string
}

declare module 'vitest' {
  interface ProvidedContext {
    consumer: Consumer
  }
}

/** Nine seconds on an idle machine; a busy one has taken more than a minute. */
const BUILD_WITHIN_MS = 300_000

/** Global set-up of a tier that runs on the packed package; the tests find it by `inject('consumer')`. */
export default function setup(project: TestProject): () => void {
  const built = runNode(['scripts/build.mjs', '--if-needed'], root, BUILD_WITHIN_MS)
  if (built.status !== 0) throw new Error(`The build failed (${built.status ?? 'too slow'}):\n${built.output}`)
  const folder = mkdtempSync(join(tmpdir(), 'failover-client-package-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const packed = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root)
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }]
    const tarball = join(folder, filename)
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', version: '1.0.0', private: true }))
    const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder]
    npm(['install', tarball, ...flags], folder)
    project.provide('consumer', { folder, home: join(folder, 'node_modules', 'failover-client'), tarball })
  } catch (error) {
    remove()
    throw error
  }
  return remove
}
