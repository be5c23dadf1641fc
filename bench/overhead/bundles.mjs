// What an import costs a page: esbuild, minified, gzip; dependencies included, tree shaken.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'
import { report } from '../lib/report.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CASES = [
  ['browser', "export { createFailoverClient } from 'failover-client'", 'createFailoverClient'],
  ['browser', "export * from 'failover-client'", 'everything'],
  ['browser', "export { isFailoverError } from 'failover-client'", 'isFailoverError'],
  ['browser', "export { stateTopic } from 'failover-client'", 'stateTopic'],
  ['node', "export { createFailoverClient } from 'failover-client'", 'createFailoverClient, dependencies bundled'],
  [
    'node, external',
    "export { createFailoverClient } from 'failover-client'",
    'createFailoverClient, without dependencies',
  ],
]

export async function measureBundles() {
  const rows = []
  for (const [platform, contents, what] of CASES) {
    const isNode = platform.startsWith('node')
    const options = isNode ? { platform: 'node', target: 'node20' } : { platform: 'browser', target: 'es2022' }
    // By its name from inside the package: what is measured is the built package.
    const isExternal = platform.includes('external')
    const external = isExternal
      ? ['undici', 'ws', 'isomorphic-ws', 'cockatiel', 'eventemitter3', 'eventsource-parser/*']
      : []
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: ROOT, loader: 'js' },
      bundle: true,
      minify: true,
      format: 'esm',
      write: false,
      logLevel: 'error',
      external: [...external, ...(isExternal ? ['eventsource-parser'] : [])],
      ...options,
    })
    const bytes = outputFiles[0].contents
    rows.push([what, platform, kib(bytes.length), kib(gzipSync(bytes, { level: 9 }).length)])
  }
  report({ title: 'Size', columns: ['import', 'for', 'minified', 'gzip'], rows })
}

function kib(bytes) {
  return `${(bytes / 1024).toFixed(1)} KiB`
}
