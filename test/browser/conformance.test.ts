/**
 * The conformance cases in a page: the core decides there as it does in Node. It is bundled from its sources, since the
 * package exports none of it.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { caseFiles, readCase } from '../conformance/runner/files'
import { launchBrowser, type Browser } from './harness'

const CODE = `
  import { parseCase } from './test/conformance/runner/format'
  import { runCase } from './test/conformance/runner/run'
  globalThis.conform = (file, json) => runCase(parseCase(file, json))
`

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())

it('every case holds in Chromium', async () => {
  const { page, errors, close } = await browser.open(CODE)
  const cases = caseFiles().map((file) => [file, readCase(file)] as const)
  const problems = await page.evaluate((all) => {
    const { conform } = globalThis as unknown as { conform: (file: string, json: unknown) => readonly string[] }
    return all.flatMap(([file, json]) => conform(file, json).map((problem) => `${file}: ${problem}`))
  }, cases)
  expect(problems).toEqual([])
  expect(errors).toEqual([])
  expect(cases.length).toBeGreaterThanOrEqual(120)
  await close()
})
