/**
 * A tab that is really in the background. Playwright keeps every page it attaches to visible (it emulates focus), so
 * this Chromium is driven over the DevTools protocol directly.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import WebSocket from 'ws'
import { CHROMIUM_HINT, findChromium } from '../../scripts/chromium.mjs'
import { FLAGS } from './harness'

export interface Tab {
  /** Value of an expression; Promises are awaited. */
  evaluate<T>(expression: string): Promise<T>
  /** Brings it to the front. */
  activate(): Promise<void>
  /** Freezes it, as Chromium does with hidden tabs to save energy (visible ones do not freeze), or ends that. */
  setFrozen(frozen: boolean): Promise<void>
}

export interface PlainBrowser {
  open(url: string): Promise<Tab>
  close(): Promise<void>
}

type Send = (method: string, params?: object, sessionId?: string) => Promise<Record<string, unknown>>

/** Starts a Chromium with a fresh profile. `close()` ends it and removes the profile. */
export async function launchPlain(flags: readonly string[] = []): Promise<PlainBrowser> {
  const executable = findChromium()
  if (executable === undefined) throw new Error(CHROMIUM_HINT)
  const profile = mkdtempSync(join(tmpdir(), 'failover-client-chromium-'))
  const own = ['--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`]
  const child = spawn(executable, [...FLAGS, ...own, ...flags, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const { send, end } = await connect(await findDevtools(child.stderr))
  return {
    async open(url) {
      const { targetId } = await send('Target.createTarget', { url })
      const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true })
      return {
        evaluate: (expression) => evaluate(send, sessionId as string, expression),
        activate: async () => void (await send('Target.activateTarget', { targetId })),
        setFrozen: async (frozen) => {
          await send('Page.setWebLifecycleState', { state: frozen ? 'frozen' : 'active' }, sessionId as string)
        },
      }
    },
    async close() {
      await send('Browser.close')
      end()
      await gone
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

/** Chromium tells where it listens on its standard error, which is read to its end all the same. */
function findDevtools(stderr: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    stderr.on('data', (chunk) => {
      text = (text + String(chunk)).slice(-8192)
      const found = /DevTools listening on (ws:\S+)/.exec(text)?.[1]
      if (found !== undefined) resolve(found)
    })
    stderr.once('end', () => reject(new Error(`Chromium ended: ${text}`)))
  })
}

async function connect(url: string): Promise<{ send: Send; end: () => void }> {
  const socket = new WebSocket(url)
  const waiting = new Map<number, { resolve: (result: Record<string, unknown>) => void; reject: (e: Error) => void }>()
  let last = 0
  socket.on('message', (data) => {
    const message = JSON.parse(String(data as Buffer)) as { id?: number; result?: object; error?: { message: string } }
    const call = waiting.get(message.id ?? 0)
    waiting.delete(message.id ?? 0)
    if (message.error !== undefined) call?.reject(new Error(message.error.message))
    else call?.resolve((message.result ?? {}) as Record<string, unknown>)
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const send: Send = (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      last += 1
      waiting.set(last, { resolve, reject })
      socket.send(JSON.stringify({ id: last, method, params, ...(sessionId === undefined ? {} : { sessionId }) }))
    })
  return { send, end: () => socket.terminate() }
}

async function evaluate<T>(send: Send, sessionId: string, expression: string): Promise<T> {
  const asked = { expression, awaitPromise: true, returnByValue: true }
  const answer = await send('Runtime.evaluate', asked, sessionId)
  if (answer['exceptionDetails'] !== undefined) throw new Error(JSON.stringify(answer['exceptionDetails']))
  return (answer['result'] as { value: T }).value
}
