// @ts-check
// The swarm is simulated from the sources, bundled: workers start in a moment, and it runs as fast as it ships.
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/**
 * @param {string} entry below the root
 * @param {string} [root] of another tree of the same sources
 * @returns {Promise<{ file: string, program: string, remove: () => void }>} `program`: one word for what was bundled
 */
export async function bundle(entry, root = ROOT) {
  const folder = mkdtempSync(join(root, 'node_modules', '.cache-simulate-'))
  const file = join(folder, 'bundle.mjs')
  await build({
    // Paths in the comments are told from there: the same sources, the same program.
    absWorkingDir: root,
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
  // Without the source map, which names the folder.
  const [code = ''] = readFileSync(file, 'utf8').split('//# sourceMappingURL', 1)
  const program = createHash('sha256').update(code).digest('hex').slice(0, 12)
  return { file, program, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
