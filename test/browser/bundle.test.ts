import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchBrowser, type Browser } from './harness'

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())

it('runs the built package in a page', async () => {
  const open = await browser.open(`
    import * as library from 'failover-client'
    globalThis.names = Object.keys(library)
  `)
  try {
    const names = await open.page.evaluate(() => (globalThis as unknown as { names: string[] }).names)
    expect(names).toContain('createFailoverClient')
    expect(open.errors).toEqual([])
  } finally {
    await open.close()
  }
})

it('tells what went wrong in a page', async () => {
  const open = await browser.open("setTimeout(() => { throw new Error('told') })")
  try {
    await expect.poll(() => open.errors.join()).toContain('told')
  } finally {
    await open.close()
  }
})
