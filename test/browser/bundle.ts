/**
 * The built browser entry, made by tsup with the project's own options, in a folder of its own: dist/ may be rebuilt by
 * somebody else at this moment. What a user's bundler does with it is done here by esbuild.
 */
import { build, type Metafile } from 'esbuild'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build as buildByTsup, type Options } from 'tsup'
import projectBuilds from '../../tsup.config'

export const root = fileURLToPath(new URL('../..', import.meta.url))

const ENTRY = 'index.browser'

export interface BuiltEntry {
  /** Path of the built module. */
  readonly file: string
  /** Removes it. */
  remove(): void
}

/** Builds the browser entry as `npm run build` does; only the types are left out. */
export async function buildBrowserEntry(): Promise<BuiltEntry> {
  const ours = (projectBuilds as readonly Options[]).find(({ entry = {} }) => ENTRY in entry)
  if (ours === undefined) throw new Error(`tsup.config.ts builds no ${ENTRY}`)
  // Inside the repository, so that its dependencies are found.
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tmp', 'browser-'))
  const entry = { [ENTRY]: join(root, 'src', `${ENTRY}.ts`) }
  await buildByTsup({ ...ours, entry, outDir: folder, dts: false, silent: true, config: false })
  return { file: join(folder, `${ENTRY}.js`), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export interface PageScript {
  readonly text: string
  readonly metafile: Metafile
}

/** What a page gets: `code`, in which `failover-client` is the built entry, with its dependencies. */
export async function bundleForPage(entry: BuiltEntry, code: string, minify = false): Promise<PageScript> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: root, loader: 'ts' },
    alias: { 'failover-client': entry.file },
    bundle: true,
    minify,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    absWorkingDir: root,
    logLevel: 'silent',
  })
  return { text: outputFiles[0]?.text ?? '', metafile }
}
