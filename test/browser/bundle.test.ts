/** The package's entry for browsers as a page gets it: what is in it, how large it is, and that it runs. */
import { gzipSync } from 'node:zlib'
import { builtinModules } from 'node:module'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleForPage } from './bundle'
import { launchBrowser, type Browser } from './harness'

/** Whole library, minified and gzipped. Measured 2026-11-30: 83,634 bytes (ARCHITECTURE.md, "Size"). */
const BUDGET_BYTES = 84_500

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())

describe('what a bundler makes of it', () => {
  const USE = "import { createFailoverClient } from 'failover-client'; createFailoverClient({ hostname: 'h' })"

  it('holds nothing of Node, ws or undici', async () => {
    const { text, metafile } = await bundleForPage(USE)
    const inputs = Object.keys(metafile.inputs)
    expect(inputs.some((path) => path.endsWith('/node_modules/failover-client/dist/index.browser.js'))).toBe(true)
    expect(inputs.filter((path) => path.startsWith('src/'))).toEqual([])
    expect(inputs.filter((path) => /node_modules\/(ws|undici)\//.test(path))).toEqual([])
    // Neither imported, nor left to be imported when it runs.
    const imports = Object.values(metafile.inputs).flatMap((input) => input.imports)
    expect(imports.filter(({ external }) => external === true)).toEqual([])
    expect(imports.filter(({ path }) => isBuiltin(path)).map(({ path }) => path)).toEqual([])
    expect(Object.values(metafile.outputs).flatMap((output) => output.imports)).toEqual([])
    expect(text.match(/["'`]node:[a-z_/]+["'`]/g) ?? []).toEqual([])
  })

  it(`stays within ${BUDGET_BYTES} bytes, minified and gzipped`, async () => {
    const { text } = await bundleForPage(USE, true)
    const bytes = gzipSync(text).length
    console.log(`browser entry: ${text.length} bytes minified, ${bytes} bytes gzipped, budget ${BUDGET_BYTES}`)
    expect(bytes).toBeLessThanOrEqual(BUDGET_BYTES)
    // A budget that nobody comes near holds nothing.
    expect(bytes).toBeGreaterThan(BUDGET_BYTES * 0.75)
  })
})

describe('in a page', () => {
  it('exports what the entry for pages promises', async () => {
    const page = await browser.openSide()
    try {
      const names = await page.call('exported')
      for (const name of ['createFailoverClient', 'createFailoverDirectory', 'logTopic', 'stateTopic', 'DEFAULTS']) {
        expect(names).toContain(name)
      }
      expect(names.filter((name) => /^(nodePlatform|dnsResolver|fileStore|tcpProbe)$/.test(name))).toEqual([])
      expect(await page.allErrors()).toEqual([])
    } finally {
      await page.close()
    }
  })

  it('is watched: an error and a rejection that nobody handles are told', async () => {
    const open = await browser.open(`
      setTimeout(() => { throw new Error('told by a timer') })
      Promise.reject(new Error('told by a promise'))
      console.error('told on the console')
    `)
    try {
      for (const text of ['told by a timer', 'told by a promise', 'told on the console']) {
        await expect.poll(() => open.errors.join()).toContain(text)
      }
    } finally {
      await open.close()
    }
  })
})

function isBuiltin(path: string): boolean {
  return path.startsWith('node:') || builtinModules.includes(path)
}
