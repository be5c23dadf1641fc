/**
 * A real page in a real Chromium, with the packed package's entry for browsers in it. The page is served from loopback
 * under an origin of its own, so that CORS is as it is for users. Each browser has a fresh profile and nothing of it is
 * left after `close()`.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium, type BrowserContext, type ConsoleMessage, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'
import type { FailoverClientOptions } from 'failover-client'
import type { Cluster } from 'failover-client/testing/node'
import { CHROMIUM_HINT, findChromium } from '../../scripts/chromium.mjs'
import { elapse } from '../support/harness'
import { bundleForPage } from './bundle'
import type { PageSide } from './page-side'

/** For every Chromium of the tests: nothing of its own on the network, and fit to run as root. */
export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Runs before anything else in the page: what nobody catches is kept, and timers are counted. */
const WATCH = `
  globalThis.uncaught = []
  globalThis.liveTimers = new Set()
  addEventListener('error', (event) => uncaught.push('error: ' + (event.error?.stack ?? event.message)))
  addEventListener('unhandledrejection', ({ reason }) => uncaught.push('rejection: ' + (reason?.stack ?? reason)))
  const { setTimeout: arm, clearTimeout: disarm } = globalThis
  globalThis.setTimeout = (callback, delay, ...rest) => {
    const timer = arm(() => {
      liveTimers.delete(timer)
      callback(...rest)
    }, delay)
    liveTimers.add(timer)
    return timer
  }
  globalThis.clearTimeout = (timer) => {
    liveTimers.delete(timer)
    disarm(timer)
  }
`

/** A page whose `side` is driven from outside. */
export const PAGE_SIDE = `
  import * as library from 'failover-client'
  import { createPageSide } from './test/browser/page-side'
  globalThis.side = createPageSide(library)
`

export interface Browser {
  readonly context: BrowserContext
  /** Opens a page that has run `code`, a module that may import `failover-client` by its name. */
  open(code: string): Promise<OpenPage>
  /**
   * Opens a page that can be driven by `call`; `headers` are those of its document. Scripts that ask for the document
   * are answered with a redirect to `redirect`, where there is one, as a sign-in page does it.
   */
  openSide(headers?: Readonly<Record<string, string>>, redirect?: string): Promise<DrivenPage>
  close(): Promise<void>
}

export interface OpenPage {
  readonly page: Page
  /** Where it is served from. */
  readonly origin: string
  /** What went wrong in the page so far: uncaught errors, and what it wrote to the console as errors. */
  readonly errors: readonly string[]
  close(): Promise<void>
}

export interface DrivenPage extends OpenPage {
  /** Calls a method of the page's side. */
  call<Name extends keyof PageSide>(
    name: Name,
    ...parameters: Parameters<PageSide[Name]>
  ): Promise<Awaited<ReturnType<PageSide[Name]>>>
  /** Waits until `condition` holds for what `read` finds in the page, and returns that. */
  when<T>(what: string, read: () => Promise<T>, condition: (found: T) => boolean, withinMs: number): Promise<T>
  /** Everything that went wrong, also what only the page itself could see. */
  allErrors(): Promise<readonly string[]>
}

export interface LaunchOptions {
  /** More flags for Chromium. */
  readonly flags?: readonly string[]
}

export async function launchBrowser({ flags = [] }: LaunchOptions = {}): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error(CHROMIUM_HINT)
  // An empty name: playwright makes a profile folder and removes it at the end.
  const context = await chromium.launchPersistentContext('', {
    executablePath,
    headless: true,
    args: [...FLAGS, ...flags],
  })
  return {
    context,
    open: (code) => openPage(context, code),
    openSide: async (headers, redirect) => drive(await openPage(context, PAGE_SIDE, headers, redirect)),
    close: () => context.close(),
  }
}

/** One browser for all tests of a file. Every test opens its own pages; they are closed after it. */
export function useBrowser(options: LaunchOptions = {}): Browser['openSide'] {
  let browser: Browser | undefined
  const pages: DrivenPage[] = []
  beforeAll(async () => {
    browser = await launchBrowser(options)
  })
  afterAll(() => browser?.close())
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.close()
  })
  return async (headers, redirect) => {
    if (browser === undefined) throw new Error('the browser runs within tests only')
    const page = await browser.openSide(headers, redirect)
    pages.push(page)
    return page
  }
}

/** Makes the page's client of a cluster and waits until it is connected. */
export async function connectTo(
  page: DrivenPage,
  cluster: Cluster,
  more: Omit<Partial<FailoverClientOptions>, 'token'> & { readonly token?: string } = {},
): Promise<void> {
  const options = { hostname: cluster.hostname, endpoints: [...cluster.endpoints], ucc: 'helpdesk', ...more }
  await page.call('connect', options)
  await page.call('ready', 10_000)
}

/**
 * What a browser writes for every request that fails or is answered with 400 and more (readiness says 503 where the UCC
 * does not run): no page can prevent it. A request that CORS blocks is told in other words.
 */
function isNetworkNoise(message: ConsoleMessage): boolean {
  return /^(Failed to load resource: |WebSocket connection to )/.test(message.text())
}

async function openPage(
  context: BrowserContext,
  code: string,
  headers: Readonly<Record<string, string>> = {},
  redirect?: string,
): Promise<OpenPage> {
  const served = await servePage(code, headers, redirect)
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !isNetworkNoise(message)) errors.push(message.text())
  })
  await page.goto(`${served.origin}/`)
  return {
    page,
    origin: served.origin,
    errors,
    async close() {
      await page.close()
      await served.close()
    },
  }
}

/** Serves a page that runs `code`, on loopback, from an origin of its own. */
export async function servePage(
  code: string,
  headers: Readonly<Record<string, string>> = {},
  redirect?: string,
): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const server = await serve((await bundleForPage(code)).text, headers, redirect)
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function drive(open: OpenPage): DrivenPage {
  const { page, errors } = open
  return {
    ...open,
    call: (name, ...parameters) =>
      page.evaluate(
        ([method, values]) => {
          const { side } = globalThis as unknown as { side: Record<string, (...given: unknown[]) => unknown> }
          return side[method]?.(...values)
        },
        [name as string, parameters as unknown[]] as const,
      ) as never,
    async when(what, read, condition, withinMs) {
      const started = performance.now()
      for (;;) {
        const found = await read()
        if (condition(found)) return found
        if (performance.now() - started > withinMs) {
          throw new Error(`not within ${withinMs} ms: ${what} ${JSON.stringify(found)?.slice(0, 2000)}`)
        }
        await elapse(10)
      }
    },
    async allErrors() {
      const uncaught = await page.evaluate(() => (globalThis as unknown as { uncaught: string[] }).uncaught)
      return [...new Set([...errors, ...uncaught])]
    },
  }
}

function serve(
  script: string,
  headers: Readonly<Record<string, string>>,
  redirect: string | undefined,
): Promise<Server> {
  const head = `<!doctype html><meta charset="utf-8"><title>page</title><script>${WATCH}</script>`
  const answers: Record<string, [type: string, body: string]> = {
    '/': ['text/html', `${head}<script type="module" src="/page.js"></script>`],
    '/page.js': ['text/javascript', script],
  }
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? '']
    if (redirect !== undefined && request.url === '/' && request.headers['sec-fetch-dest'] !== 'document') {
      return void response.writeHead(302, { location: redirect }).end()
    }
    if (answer === undefined) return void response.writeHead(204).end()
    response.writeHead(200, { 'content-type': answer[0], 'cache-control': 'no-store', ...headers }).end(answer[1])
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
