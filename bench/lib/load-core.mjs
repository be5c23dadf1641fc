// The machines of src/core by themselves. They are no entry point of the package: bundled from the sources beside it.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export async function loadCore() {
  const folder = mkdtempSync(join(ROOT, 'node_modules', '.cache-bench-'))
  try {
    const outfile = join(folder, 'core.mjs')
    const contents = ['pool', 'session', 'random'].map((name) => `export * from './src/core/${name}'`).join('\n')
    const stdin = { contents, resolveDir: ROOT, loader: 'ts' }
    const options = { bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'error' }
    await build({ stdin, outfile, ...options })
    return await import(pathToFileURL(outfile).href)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
