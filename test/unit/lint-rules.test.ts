import { ESLint } from 'eslint'
import { fileURLToPath } from 'node:url'
import tseslint from 'typescript-eslint'
import { beforeAll, describe, expect, it } from 'vitest'

// A rule that never fires is worse than none: each is shown a snippet that breaks it, at a path where it holds.

const root = fileURLToPath(new URL('../..', import.meta.url))
const asciiLine = `export const text = '${'x'.repeat(120)}'\n`
const longFunction = `export function long() {\n${'  call()\n'.repeat(71)}}\ndeclare function call(): void\n`
const switchState = `
type State = 'open' | 'closed'
export function read(state: State): number {
  switch (state) {
    case 'open':
      return 1
  }
  return 0
}
`

let linter: ESLint
let typedLinter: ESLint

beforeAll(() => {
  // The snippets' paths do not exist, so the compiler knows nothing of them: no rule that needs types.
  linter = new ESLint({ cwd: root, overrideConfig: [tseslint.configs.disableTypeChecked] })
  typedLinter = new ESLint({ cwd: root })
})

async function rulesBroken(path: string, code: string): Promise<(string | null)[]> {
  const [result] = await linter.lintText(code, { filePath: `${root}/${path}` })
  return (result?.messages ?? []).map((message) => message.ruleId ?? message.message)
}

describe('arrows point down', () => {
  const refused: [path: string, code: string][] = [
    ['src/core/pool.ts', "import type { Platform } from '../platform/platform'"],
    ['src/core/deep/pool.ts', "import type { Client } from '../../client/client'"],
    ['src/core/pool.ts', "import { readFileSync } from 'node:fs'"],
    ['src/core/pool.ts', "export * from '../driver/driver'"],
    ['src/core/pool.ts', "export const load = () => import('../driver/driver')"],
    ['src/core/pool.ts', "export type Client = import('../client/client').Client"],
    ['src/errors.ts', "import { NEVER } from './core/time'"],
    ['src/platform/platform.ts', "import { NEVER } from '../core/time'"],
    ['src/platform/platform.ts', "import Socket from 'isomorphic-ws'"],
    ['src/platform/browser/index.ts', "import { Agent } from 'undici'"],
    ['src/platform/browser/index.ts', "import { dial } from '../node/dial'"],
    ['src/transports/http.ts', "import { nodePlatform } from '../platform/node/index'"],
    ['src/driver/driver.ts', "import { openWebSocket } from '../transports/web-socket'"],
    ['src/streams/subscription.ts', "import type { Client } from '../client/client'"],
    ['src/drop-in/fetch.ts', "import { FailoverClient } from '../client/client'"],
    ['src/client/client.ts', "import { nodePlatform } from '../platform/node/index'"],
    ['src/client/client.ts', "import { browserPlatform } from '../platform/browser/index'"],
    ['src/client/client.ts', "import { Agent } from 'undici'"],
    ['src/contact-center/agents.ts', "import { Pool } from '../core/pool'"],
    ['src/testing/world.ts', "import { createServer } from 'node:http'"],
    ['src/index.browser.ts', "export { nodePlatform } from './platform/node/index'"],
    ['src/index.ts', "export { main } from './cli/main'"],
    ['src/attic/new.ts', "import { NEVER } from '../core/time'"],
  ]
  it.each(refused)('refuses in %s: %s', async (path, code) => {
    expect(await rulesBroken(path, code)).toContain('house/arrows')
  })

  const allowed: [path: string, code: string][] = [
    ['src/core/pool.ts', "import { ConsecutiveBreaker } from 'cockatiel'\nexport { ConsecutiveBreaker }"],
    ['src/core/deep/pool.ts', "export { NEVER } from '../time'"],
    ['src/platform/platform.ts', "export type { Road } from '../core/road'"],
    ['src/platform/web-socket.ts', "import Socket from 'isomorphic-ws'\nexport { Socket }"],
    ['src/platform/node/index.ts', "export { lookup } from 'node:dns'\nexport { Agent } from 'undici'"],
    ['src/driver/driver.ts', "export type { LiveLink } from '../transports/live-transport'"],
    ['src/client/client.ts', "export { Driver } from '../driver/driver'\nexport { EventEmitter } from 'eventemitter3'"],
    ['src/index.ts', "export { nodePlatform } from './platform/node'\nexport * from './client/client'"],
    ['src/testing/node/index.ts', "export { createServer } from 'node:http'\nexport { WebSocketServer } from 'ws'"],
    ['src/cli/main.ts', "export { startCluster } from '../testing/node/index'\nexport * from '../index'"],
  ]
  it.each(allowed)('allows in %s: %s', async (path, code) => {
    expect(await rulesBroken(path, code)).toEqual([])
  })
})

describe('each rule fires', () => {
  const cases: [rule: string, path: string, code: string][] = [
    ['no-restricted-globals', 'src/core/pool.ts', 'export const now = () => Date.now()'],
    ['no-restricted-globals', 'src/core/pool.ts', 'export const now = () => performance.now()'],
    ['no-restricted-globals', 'src/core/pool.ts', 'export const arm = () => setTimeout(() => undefined, 1)'],
    ['no-restricted-globals', 'src/core/pool.ts', 'export const soon = Promise.resolve()'],
    ['no-restricted-properties', 'src/core/pool.ts', 'export const draw = () => Math.random()'],
    ['no-restricted-syntax', 'src/core/pool.ts', 'export async function wait() {}'],
    ['no-restricted-syntax', 'src/client/client.ts', "export const page = typeof window !== 'undefined'"],
    ['no-restricted-syntax', 'src/client/client.ts', "export const node = typeof process === 'object'"],
    ['no-restricted-syntax', 'src/client/client.ts', "export const page = typeof globalThis.navigator === 'object'"],
    ['no-restricted-syntax', 'src/client/client.ts', 'export default class {}'],
    ['no-restricted-syntax', 'src/core/pool.ts', 'export default class {}'],
    ['no-console', 'src/client/client.ts', "console.log('state')"],
    ['@typescript-eslint/no-explicit-any', 'src/client/client.ts', 'export const payload = {} as any'],
    ['@typescript-eslint/no-explicit-any', 'test/unit/pool.test.ts', 'export const payload: any = {}'],
    ['@typescript-eslint/ban-ts-comment', 'src/client/client.ts', '// @ts-ignore\nexport const one = 1'],
    ['@typescript-eslint/no-unused-vars', 'src/client/client.ts', 'const one = 1'],
    ['max-len', 'src/client/client.ts', asciiLine],
    ['max-lines', 'src/client/client.ts', 'export {}\n'.repeat(301)],
    ['max-lines-per-function', 'src/client/client.ts', longFunction],
    ['eqeqeq', 'src/client/client.ts', 'export const same = (a: number, b: number) => a == b'],
  ]
  it.each(cases)('%s in %s: %s', async (rule, path, code) => {
    expect(await rulesBroken(path, code)).toContain(rule)
  })

  const typed: [rule: string, code: string][] = [
    ['@typescript-eslint/no-floating-promises', 'declare const work: () => Promise<void>\nwork()'],
    ['@typescript-eslint/no-misused-promises', 'declare const work: () => Promise<void>\n[1].forEach(work)'],
    ['@typescript-eslint/switch-exhaustiveness-check', switchState],
    ['@typescript-eslint/await-thenable', 'export const wait = async () => await 1'],
    ['@typescript-eslint/only-throw-error', "export const fail = () => {\n  throw 'text'\n}"],
    ['@typescript-eslint/consistent-type-imports', "import { NEVER } from './core/time'\nexport type N = typeof NEVER"],
  ]
  it.each(typed)(
    '%s',
    async (rule, code) => {
      // A file of the project, with other text: only so do the rules that need types see any.
      const [result] = await typedLinter.lintText(code, { filePath: `${root}/src/errors.ts` })
      expect(result?.messages.map((message) => message.ruleId)).toContain(rule)
      // The first one reads the whole project's types.
    },
    60_000,
  )

  it('leaves the command line and the test servers their console', async () => {
    expect(await rulesBroken('src/cli/main.ts', "console.log('ready')")).toEqual([])
    expect(await rulesBroken('src/testing/node/server/main.ts', "console.log('ready')")).toEqual([])
  })
})
