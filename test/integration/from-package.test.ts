/** What this tier runs on: all of it is the packed package when that is asked for, and nothing falls back unseen. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createFailoverClient } from 'failover-client'
import { createDispatcher } from 'failover-client/node'
import { startCluster } from 'failover-client/testing/node'
import { describe, expect, it } from 'vitest'
import { buildCli, removeCli } from '../support/cli'
import { root } from '../support/commands'
import { onCleanup, startHarness, until } from '../support/harness'
import { installedIn } from '../support/library'
import { runBundled } from '../support/run-bundled'

const isAsked = process.env['FAILOVER_CLIENT_FROM'] === 'package'
const consumer = installedIn()
/** Where its code may lie. The source maps of the package lead to a folder that the package does not contain. */
const homes =
  consumer === undefined ? [join(root, 'src/')] : [join(consumer.home, 'dist/'), join(consumer.home, 'src/')]

/** Files of this library, whichever it is, that a call went through until it threw. */
async function filesOf(call: () => unknown): Promise<string[]> {
  const error: unknown = await Promise.resolve()
    .then(call)
    .catch((thrown: unknown) => thrown)
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const files = [...stack.matchAll(/(?:file:\/\/)?(\/[^\s():]+):\d+:\d+/g)].map(([, file = '']) => file)
  return files.filter((file) => /\/(src|dist)\//.test(file) && !/\/node_modules\/(?!failover-client\/)/.test(file))
}

describe('the library under test', () => {
  it('is the installed package if and only if that was asked for', () => {
    expect(consumer !== undefined).toBe(isAsked)
  })

  it.each([
    ['failover-client', () => createFailoverClient({ hostname: '' })],
    ['failover-client/node', () => createDispatcher({} as never)],
    ['failover-client/testing/node', () => startCluster({ servers: 0 })],
  ])('%s is all of it', async (_name, call) => {
    const files = await filesOf(call)
    expect(files.length).toBeGreaterThan(0)
    expect(files.filter((file) => !homes.some((home) => file.startsWith(home)))).toEqual([])
  })

  it('cannot be mixed with its sources', async () => {
    const sources = '../../src/errors'
    const loaded = await import(/* @vite-ignore */ sources).then(
      () => 'loaded',
      (error: unknown) => String(error),
    )
    expect(loaded).toMatch(isAsked ? /this tier runs on the packed package only/ : /^loaded$/)
  })

  it('starts servers whose program is its own', async () => {
    const { cluster } = await startHarness()
    const programs = cluster.servers.map(({ pid }) => {
      return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
    })
    const expected = consumer === undefined ? 'cluster-server-' : join(consumer.home, 'dist', 'testing', 'server.js')
    for (const program of programs) expect(program).toContain(expected)
  })

  it('has its command', async () => {
    const file = await buildCli()
    onCleanup(() => Promise.resolve(removeCli()))
    expect(file.startsWith(consumer?.home ?? root)).toBe(true)
  })

  it('is what programs of their own import', async () => {
    const { child, stop } = await runBundled('test/support/whereabouts-process.ts')
    onCleanup(stop)
    let told = ''
    child.on('message', (message) => (told = String(message)))
    await until('it has told', () => told !== '', 10_000)
    expect(told).toContain(consumer === undefined ? '/.cache-run-' : pathToFileURL(join(consumer.home, 'dist/')).href)
  })
})
