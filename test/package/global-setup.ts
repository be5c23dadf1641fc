import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { npm, root, runNode } from './support'

/** Packs the library once and installs the tarball into an empty project outside the repository, as a user would. */
export default function setup(project: TestProject): () => void {
  const built = runNode(['scripts/build.mjs', '--if-needed'], root)
  if (built.status !== 0) throw new Error(`The build failed:\n${built.output}`)
  const folder = mkdtempSync(join(tmpdir(), 'failover-client-package-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const [packed] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root)) as [
      { filename: string },
    ]
    const tarball = join(folder, packed.filename)
    cpSync(join(root, 'test', 'package', 'fixtures'), folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', version: '1.0.0', private: true }))
    const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder]
    npm(['install', tarball, ...flags], folder)
    project.provide('consumer', { folder, tarball })
  } catch (error) {
    remove()
    throw error
  }
  return remove
}
