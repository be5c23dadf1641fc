/**
 * A real page in a real Chromium, with the built package in it. The page is served from loopback under an origin of its
 * own, so that CORS is as it is for users. Each browser has a fresh profile and nothing of it is left after `close()`.
 */
import { build } from 'esbuild'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import { CHROMIUM_HINT, findChromium } from '../../scripts/chromium.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Browser {
  /** Opens a page that has run `code`, a module that may import `failover-client` by its name. */
  open(code: string): Promise<OpenPage>
  close(): Promise<void>
}

export interface OpenPage {
  readonly page: Page
  /** What went wrong in the page so far: uncaught errors, and what it wrote to the console as errors. */
  readonly errors: readonly string[]
  close(): Promise<void>
}

export async function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error(CHROMIUM_HINT)
  // An empty name: playwright makes a profile folder and removes it at the end.
  const context = await chromium.launchPersistentContext('', { executablePath, headless: true, args: FLAGS })
  return {
    open: (code) => openPage(context, code),
    close: () => context.close(),
  }
}

async function openPage(context: BrowserContext, code: string): Promise<OpenPage> {
  const server = await serve(await bundle(code))
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  return {
    page,
    errors,
    async close() {
      await page.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The package resolves itself by its name, through `exports`: the page gets dist/, as a user's page would. */
async function bundle(code: string): Promise<string> {
  const result = await build({
    stdin: { contents: code, resolveDir: root, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  })
  return result.outputFiles[0]?.text ?? ''
}

function serve(script: string): Promise<Server> {
  const html = '<!doctype html><meta charset="utf-8"><title>page</title><script type="module" src="/page.js"></script>'
  const answers: Record<string, [type: string, body: string]> = {
    '/': ['text/html', html],
    '/page.js': ['text/javascript', script],
  }
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? '']
    if (answer === undefined) return void response.writeHead(204).end()
    response.writeHead(200, { 'content-type': answer[0], 'cache-control': 'no-store' }).end(answer[1])
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
