// @ts-check
// The swarm is simulated from the sources, bundled: workers start in a moment, and it runs as fast as it ships.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/**
 * @param {string} entry below the root
 * @param {string} [root] of another tree of the same sources
 * @returns {Promise<{ file: string, remove: () => void }>}
 */
export async function bundle(entry, root = ROOT) {
  const folder = mkdtempSync(join(root, 'node_modules', '.cache-simulate-'))
  const file = join(folder, 'bundle.mjs')
  await build({
    entryPoints: [join(root, entry)],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'error',
  })
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
