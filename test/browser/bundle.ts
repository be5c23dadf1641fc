/** What a page gets: the browser entry of the packed package, bundled by esbuild as a user's bundler does it. */
import { build, type Metafile, type Plugin } from 'esbuild'
import { inject } from 'vitest'
import { root } from '../support/commands'

export interface PageScript {
  readonly text: string
  readonly metafile: Metafile
}

/** The package as it is installed, found by its own `exports`, with the dependencies that npm gave it. */
function fromPackage(folder: string): Plugin {
  return {
    name: 'library-from-package',
    setup(builds) {
      builds.onResolve({ filter: /^failover-client(\/|$)/ }, ({ path, kind, pluginData }) => {
        if (pluginData === 'asked') return undefined
        return builds.resolve(path, { kind, resolveDir: folder, pluginData: 'asked' })
      })
    },
  }
}

/** Bundles `code`, a module that may import `failover-client` by its name, and files of this repository. */
export async function bundleForPage(code: string, minify = false): Promise<PageScript> {
  const { folder } = inject('consumer')
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: root, loader: 'ts' },
    plugins: [fromPackage(folder)],
    // The paths of tsconfig.json lead to the sources.
    tsconfigRaw: {},
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
