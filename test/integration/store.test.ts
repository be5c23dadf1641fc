/** `store`: what was learned in one run helps the next one start, and can do no harm. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { createFailoverClient, type FailoverClient, type FailoverClientOptions, type Store } from 'failover-client'
import { fileStore } from 'failover-client/node'
import type { Cluster } from 'failover-client/testing/node'
import { onCleanup, record, reportTimes, startHarness, until } from '../support/harness'

/** Not there yet: the store makes it. */
let folder: string

beforeEach(async () => {
  const parent = await mkdtemp(join(tmpdir(), 'failover-store-'))
  onCleanup(() => rm(parent, { recursive: true, force: true }))
  folder = join(parent, 'deep', 'known')
})

/** A client that knows nothing but the dedicated hostname, which is the first server's address. */
function bare(cluster: Cluster, more: Partial<FailoverClientOptions>): FailoverClient {
  const client = createFailoverClient({
    hostname: cluster.hostname,
    ucc: 'helpdesk',
    // Addresses have no siblings: these servers may be learned.
    allowedHosts: cluster.servers.map(({ address }) => address),
    failover: { spreadMs: 0 },
    ...more,
  })
  onCleanup(() => client.close())
  return client
}

function names(client: FailoverClient): string[] {
  return client.endpoints.map(({ url }) => url).sort()
}

/** Paths of all files in the store. */
async function files(): Promise<string[]> {
  const entries = await readdir(folder).catch(() => [])
  return entries.map((name) => join(folder, name))
}

/** What the store holds for one key, where there is only one. */
async function stored(): Promise<string> {
  const [file] = await files()
  const text = file === undefined || file.endsWith('.tmp') ? '' : await readFile(file, 'utf8')
  return text === '' ? '' : (JSON.parse(text) as { value: string }).value
}

/** A first run that learns both servers. */
async function learn(cluster: Cluster): Promise<void> {
  const client = bare(cluster, { store: fileStore(folder), token: 'secret-token' })
  await until(
    'both are learned',
    () => client.endpoints.length === 2,
    9000,
    () => names(client),
  )
  await client.ready({ timeoutMs: 9000 })
  let text = ''
  const read = async (): Promise<void> => {
    text = await stored()
  }
  // First who there is, then who serves.
  const isStored = (): boolean => text.includes(cluster.endpoints[1] ?? '?') && text.includes('"active"')
  await until(
    'they are stored',
    () => (void read(), isStored()),
    9000,
    () => text,
  )
  await client.close()
  expect(text).not.toContain('secret-token')
  expect(JSON.parse(text)).toMatchObject({ version: 1, active: cluster.endpoints[0] })
}

describe('fileStore', () => {
  it('a cold start with the first server dead needs the hostname and the store only', async () => {
    const { cluster } = await startHarness({ tokens: ['secret-token'] })
    await learn(cluster)
    await cluster.kill('srv1')
    const started = performance.now()
    const client = bare(cluster, { store: fileStore(folder), token: 'secret-token' })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until(
      'the topic is live',
      () => agents.state === 'live',
      9000,
      () => [client.state, names(client)],
    )
    reportTimes('live from the store, first server dead', [performance.now() - started])
    expect(client.active?.server).toBe('srv2')
  })

  it('remembers who served last: asked for first, among the learned', async () => {
    const { cluster } = await startHarness({ servers: 3, peers: false })
    const [, second, third] = cluster.endpoints
    const endpoints = [{ url: second }, { url: third }]
    const value = JSON.stringify({ version: 1, savedAt: Date.now(), endpoints, active: third })
    await cluster.kill('srv1')
    const client = bare(cluster, { store: { load: () => value, save: () => undefined } })
    await client.ready({ timeoutMs: 9000 })
    expect(client.active?.server).toBe('srv3')
  })

  it('is read before it is written, however fast it is', async () => {
    const { cluster } = await startHarness({ servers: 3, peers: false })
    const [, second, third] = cluster.endpoints
    const endpoints = [{ url: second }, { url: third }]
    let kept = JSON.stringify({ version: 1, savedAt: Date.now(), endpoints, active: third })
    await cluster.kill('srv1')
    const client = bare(cluster, { store: { load: () => kept, save: (_key, value) => void (kept = value) } })
    await client.ready({ timeoutMs: 9000 })
    expect(client.active?.server).toBe('srv3')
    expect(kept).toContain(second)
  })

  it('without it the same client cannot know the other server', async () => {
    const { cluster } = await startHarness()
    await cluster.kill('srv1')
    const client = bare(cluster, {})
    await until('offline', () => client.state === 'offline', 9000)
    expect(names(client)).toEqual([cluster.hostname])
  })

  it('gives hints only: foreign and downgraded entries are refused, a dead one is never used', async () => {
    const { cluster } = await startHarness({ peers: false })
    const endpoints = [
      { url: 'http://evil.example:8080', server: 'srv2' },
      { url: 'ftp://127.0.0.1', server: 'srv3' },
      {
        url: `http://${cluster.servers[1]?.address ?? ''}:${cluster.port === 61_999 ? 61_998 : 61_999}`,
        server: 'srv9',
      },
    ]
    const value = JSON.stringify({ version: 1, savedAt: Date.now(), endpoints, active: 'srv2' })
    const key = `failover-client ${cluster.hostname}`
    const store: Store = { load: (asked) => (asked === key ? value : undefined), save: () => undefined }
    const client = bare(cluster, { store })
    const events = record(client)
    await client.ready({ timeoutMs: 9000 })
    await until(
      'both are refused',
      () => events.warning.length >= 2,
      3000,
      () => events.warning,
    )
    const refusals = events.warning.map(({ code }) => code).filter((code) => code !== 'STANDBY_UNREACHABLE')
    expect(refusals.sort()).toEqual(['FOREIGN_PEER_REFUSED', 'MALFORMED_ANSWER'])
    expect(client.endpoints.some(({ url }) => url.includes('evil'))).toBe(false)
    expect(client.active?.server).toBe('srv1')
  })

  it.each([
    ['no JSON', '{'],
    ['another shape', '[]'],
    ['another version', '{"version":99}'],
    ['prototype keys', '{"version":1,"savedAt":0,"endpoints":{"__proto__":[]}}'],
    ['deep nesting', '['.repeat(50_000) + ']'.repeat(50_000)],
  ])('that holds %s is ignored with one warning, and replaced', async (_what, value) => {
    const { cluster } = await startHarness()
    const key = `failover-client ${cluster.hostname}`
    const store = fileStore(folder)
    await store.save(key, value)
    const client = bare(cluster, { store })
    const events = record(client)
    await client.ready({ timeoutMs: 9000 })
    await until('the warning', () => events.warning.some(({ code }) => code === 'STORE_CORRUPT'), 3000)
    let text: string | undefined
    const read = async (): Promise<void> => {
      text = await store.load(key)
    }
    await until(
      'it is replaced',
      () => (void read(), text?.includes(cluster.endpoints[1] ?? '?') === true),
      9000,
      () => text,
    )
    expect(events.warning.filter(({ code }) => code === 'STORE_CORRUPT')).toHaveLength(1)
  })

  it.each([
    ['damaged', 'not json at all', 1],
    ['a text', '"text"', 1],
    ['too large', 'x'.repeat(2_000_000), 1],
    ['of another shape', '{"key":5}', 1],
    ['null', 'null', 1],
    ['the file of another key', JSON.stringify({ key: 'of another client', value: '{}' }), 0],
  ])('whose file is %s is survived, told, and mended', async (_what, content, warnings) => {
    const { cluster } = await startHarness()
    const key = `failover-client ${cluster.hostname}`
    await fileStore(folder).save(key, 'y')
    const [file = ''] = await files()
    await writeFile(file, content)
    const client = bare(cluster, { store: fileStore(folder) })
    const events = record(client)
    const told = (): number => events.warning.filter(({ code }) => code === 'STORE_CORRUPT').length
    await client.ready({ timeoutMs: 9000 })
    await until('told', () => told() === warnings, 9000)
    await client.close()
    expect(told()).toBe(warnings)
    expect(await fileStore(folder).load(key)).toContain(cluster.endpoints[0])
  })

  it('shared by many stores loses nothing and leaves nothing behind', async () => {
    const stores = [1, 2, 3].map(() => fileStore(folder))
    const keys = Array.from({ length: 40 }, (_, n) => `key ${n}`)
    const own = stores.flatMap((store, index) => keys.map((key) => store.save(`${index} ${key}`, `${index} of ${key}`)))
    // All of them also fight for one key: each of its values is whole, and one that came last remains.
    const values = stores.map((_, index) => `${index} `.repeat(10_000))
    const shared = stores.flatMap((store, index) => [1, 2, 3].map(() => store.save('shared', values[index] ?? '')))
    await Promise.all([...own, ...shared])
    const [reader] = stores
    for (const index of stores.keys()) {
      for (const key of keys) expect(await reader?.load(`${index} ${key}`)).toBe(`${index} of ${key}`)
    }
    expect(values).toContain(await reader?.load('shared'))
    expect(await files()).toHaveLength(stores.length * keys.length + 1)
    expect((await files()).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('keeps the last of many saves of one key, whatever it is named, for the owner only', async () => {
    const store = fileStore(folder)
    for (const key of ['__proto__', '../../escape', 'failover-client https://h:8443/base', '']) {
      await Promise.all(Array.from({ length: 20 }, async (_, n) => store.save(key, `value ${n}`)))
      expect(await fileStore(folder).load(key)).toBe('value 19')
    }
    for (const file of await files()) expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await files()).toHaveLength(4)
    expect(await readdir(join(folder, '..'))).toEqual(['known'])
  })

  it('that fails is told as STORE_FAILED, and nothing else happens', async () => {
    const { cluster } = await startHarness()
    let saves = 0
    const store: Store = {
      load: () => {
        throw new Error('disk on fire, Bearer abcdefgh')
      },
      save: () => {
        saves += 1
        return Promise.reject(new Error('disk full'))
      },
    }
    const client = bare(cluster, { store })
    const events = record(client)
    await client.ready({ timeoutMs: 9000 })
    const failed = (): string[] =>
      events.warning.filter(({ code }) => code === 'STORE_FAILED').map(({ sentence }) => sentence)
    await until('both are told', () => failed().length >= 2, 9000, failed)
    // Once, though it was written again: with both servers, and with the one in use.
    await until('the second one is known', () => client.endpoints.length === 2, 9000)
    await client.close()
    expect(failed()).toHaveLength(2)
    expect(saves).toBeGreaterThan(1)
    expect(failed().join()).not.toContain('abcdefgh')
  })
})
