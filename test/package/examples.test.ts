/** Every example runs from the packed package, asserts what it tells and ends by itself; README shows it as it is. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { bin, root, runNode } from '../support/commands'

const { folder } = inject('consumer')
const examples = join(folder, 'examples')
const stories = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

/** What a reader is told to see. */
const OUTPUT: Readonly<Record<string, RegExp>> = {
  'first-minute': /ada is available, says srv1[^]*failover from[^]*bob is on a call, says srv2[^]*server: 'srv2'/,
  'chat-log': /400 messages, each exactly once/,
  'planned-outage': /moved to srv2 \(drain\)/,
  'simulated-outage': /pass 3\n/,
  'test-your-app': /pass 2\n/,
}

beforeAll(() => {
  cpSync(join(root, 'examples'), examples, { recursive: true })
  // The same types of Node as here, so that nothing more is to be downloaded.
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true })
  for (const name of ['@types/node', 'undici-types']) {
    cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true })
  }
})

/** Type-checks files of the consumer's project with its installed package. */
function typeCheck(name: string, include: readonly string[], more: object = {}): string {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'ES2022',
    module: 'NodeNext',
    lib: ['ES2023', 'DOM', 'DOM.Iterable'],
    types: ['node'],
    ...more,
  }
  const file = join(folder, `tsconfig.${name}.json`)
  writeFileSync(file, JSON.stringify({ compilerOptions, include }))
  return runNode([bin('typescript', 'bin', 'tsc'), '-p', file], folder).output
}

describe('examples', () => {
  it('are there', () => {
    expect(stories.length).toBeGreaterThanOrEqual(10)
  })

  it.each(stories)('%s runs and exits 0', (story) => {
    const main = readdirSync(join(examples, story)).find((name) => name.startsWith('index.')) ?? 'index.mjs'
    const run = runNode([join(examples, story, main)], folder)
    // A status of null is a process that had to be ended: something was left alive.
    expect(run.status, run.output).toBe(0)
    expect(run.output).toMatch(OUTPUT[story] ?? /^/)
  })

  it('are right by the types of the package', () => {
    const files = ['examples/**/*.mjs', 'examples/**/*.cjs']
    expect(typeCheck('examples', files, { allowJs: true, checkJs: true })).toBe('')
  })
})

describe('README', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const pieces = [...readme.matchAll(/^( *)```ts\n([^]*?)^\1```$/gm)].map(([, , code = '']) => code)

  it('shows the files it names, word for word', () => {
    const shown = [...readme.matchAll(/<!-- (examples\/[\w/.-]+) -->\n```js\n([^]*?)^```$/gm)]
    expect(shown.map(([, path]) => path)).toEqual([
      'examples/first-minute/index.mjs',
      'examples/test-your-app/index.mjs',
    ])
    for (const [, path = '', code] of shown) expect(code, path).toBe(readFileSync(join(root, path), 'utf8'))
  })

  it('shows code that is right by the types of the package', () => {
    expect(pieces.length).toBeGreaterThan(10)
    mkdirSync(join(folder, 'readme'), { recursive: true })
    writeFileSync(join(folder, 'readme', 'around.d.ts'), AROUND)
    for (const [index, code] of pieces.entries()) {
      // A module of its own; what it does not import is the reader's application.
      writeFileSync(join(folder, 'readme', `piece-${index + 1}.mts`), `${code}\nexport {}\n`)
    }
    expect(typeCheck('readme', ['readme'], { skipLibCheck: true })).toBe('')
  })
})

/** The reader's application, as far as README speaks of it. */
const AROUND = `
type Library = typeof import('failover-client')
declare const client: import('failover-client').FailoverClient
declare const createFailoverClient: Library['createFailoverClient']
declare const stateTopic: Library['stateTopic']
declare const logTopic: Library['logTopic']
declare const isFailoverError: Library['isFailoverError']
declare const hostname: string
declare const endpoints: readonly string[]
interface Agent { readonly name: string; readonly state: string }
interface Message { readonly text: string }
declare const auth: { token(): Promise<string> }
declare const phone: { readonly inCall: boolean }
declare const user: { readonly name: string }
declare function render(what: unknown): void
declare function log(...what: unknown[]): void
declare function reconcile(): Promise<void>
declare const powerMonitor: { on(event: 'suspend' | 'resume', listener: () => void): void }
`
