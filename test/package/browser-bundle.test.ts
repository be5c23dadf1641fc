import { build } from 'esbuild'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, inject, it } from 'vitest'

const { folder } = inject('consumer')
/** Measured 2026-11-30: 83,634 bytes. Why it is that much, and what it buys: ARCHITECTURE.md, "Size". */
const BUDGET_BYTES = 84_500

interface Bundle {
  readonly text: string
  readonly inputs: readonly string[]
}

/** What a page gets: bundled from the installed package, with its dependencies, as a user's bundler does it. */
async function bundle(code: string): Promise<Bundle> {
  const result = await build({
    stdin: { contents: code, resolveDir: folder },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  })
  return { text: result.outputFiles[0]?.text ?? '', inputs: Object.keys(result.metafile.inputs) }
}

describe('import for a page', () => {
  let page: Bundle

  beforeAll(async () => {
    page = await bundle(
      "import { createFailoverClient } from 'failover-client'; createFailoverClient({ hostname: 'h' })",
    )
  })

  it('is bundled from the entry for browsers', () => {
    expect(page.inputs.some((path) => path.endsWith('failover-client/dist/index.browser.js'))).toBe(true)
    expect(page.inputs.filter((path) => /failover-client\/dist\/(index|node)\.js$/.test(path))).toEqual([])
  })

  it('is free of Node and of what only Node needs', () => {
    expect(page.inputs.filter((path) => /node_modules\/(ws|undici)\//.test(path))).toEqual([])
    expect(page.text.match(/.{0,40}["'`]node:.{0,20}/g) ?? []).toEqual([])
    expect(page.text.match(/\brequire\(["'`](ws|undici|https?|net|tls|dns)["'`]\)/g) ?? []).toEqual([])
  })

  it('has the simulated world for pages, free of Node too', async () => {
    const simulated = await bundle(
      "import { SimulatedWorld } from 'failover-client/testing'; new SimulatedWorld().connect()",
    )
    expect(simulated.inputs.some((path) => path.endsWith('failover-client/dist/testing.js'))).toBe(true)
    expect(simulated.inputs.filter((path) => /node_modules\/(ws|undici|isomorphic-ws)\//.test(path))).toEqual([])
    expect(simulated.text.match(/.{0,40}["'`]node:.{0,20}/g) ?? []).toEqual([])
  })

  it(`stays within ${BUDGET_BYTES / 1000} kB, minified and gzipped`, () => {
    const bytes = gzipSync(page.text).length
    console.log(
      `browser import: ${(page.text.length / 1000).toFixed(1)} kB minified, ${(bytes / 1000).toFixed(1)} kB gzipped`,
    )
    expect(bytes).toBeLessThanOrEqual(BUDGET_BYTES)
    // An empty bundle would be small too.
    expect(bytes).toBeGreaterThan(1000)
  })
})
