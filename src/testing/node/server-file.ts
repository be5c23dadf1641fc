/** Finds the program of a server process: beside the built library, or built from the source tree on the fly. */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FailoverError } from '../../errors'

let found: Promise<string> | undefined

/** Path of the program, the same for all clusters of this process. */
export function findServerFile(): Promise<string> {
  found ??= locate()
  return found
}

async function locate(): Promise<string> {
  const here = typeof __dirname === 'string' ? __dirname : dirname(fileURLToPath(import.meta.url))
  const source = join(here, 'server', 'main.ts')
  if (existsSync(source)) return buildFromSource(source)
  // Beside this module (`dist/testing`), or below it where a bundler moved this code to another entry.
  const candidates = [
    join(here, 'server.js'),
    join(here, 'testing', 'server.js'),
    join(here, '..', 'testing', 'server.js'),
  ]
  const built = candidates.find((candidate) => existsSync(candidate))
  if (built !== undefined) return built
  throw new FailoverError('INVALID_OPTION', `no server program beside ${here}: the package is incomplete`, {
    field: 'server',
  })
}

interface Bundler {
  build(
    options: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly outputFiles: readonly { readonly text: string }[] }>
}

/** Only in the source tree: Node 20 reads no TypeScript. The dependencies are found from `node_modules/.cache`. */
async function buildFromSource(source: string): Promise<string> {
  const bundler = 'esbuild'
  const { build } = (await import(/* @vite-ignore */ bundler)) as Bundler
  const { outputFiles } = await build({
    entryPoints: [source],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'silent',
  })
  const text = outputFiles[0]?.text ?? ''
  const root = join(dirname(source), '..', '..', '..', '..')
  const folder = join(root, 'node_modules', '.cache', 'failover-client')
  const file = join(folder, `cluster-server-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.mjs`)
  if (existsSync(file)) return file
  mkdirSync(folder, { recursive: true })
  // Whole or not at all: test files in other processes may look for it now.
  const draft = `${file}.${randomUUID()}`
  writeFileSync(draft, text)
  renameSync(draft, file)
  return file
}
