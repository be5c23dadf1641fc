/** Where endpoints come from: peers, topology documents, resolvers of the user; and what is refused. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import {
  createFailoverClient,
  topologyDocument,
  type FailoverClient,
  type FailoverClientOptions,
  type ResolveContext,
  type ResolvedEndpoint,
} from 'failover-client'
import type { Cluster } from 'failover-client/testing/node'
import { onCleanup, record, reportTimes, startHarness, until } from '../support/harness'

/** A client that is told the dedicated hostname only: an address, whose pool's addresses are allowed. */
function bare(cluster: Cluster, more: Partial<FailoverClientOptions> = {}): FailoverClient {
  const client = createFailoverClient({
    hostname: cluster.hostname,
    ucc: 'helpdesk',
    allowedHosts: cluster.servers.map(({ address }) => address),
    failover: { spreadMs: 0 },
    ...more,
  })
  onCleanup(() => client.close())
  return client
}

function urls(client: FailoverClient): string[] {
  return client.endpoints.map(({ url }) => url)
}

async function who(client: FailoverClient): Promise<string> {
  return ((await (await client.fetch('/api/whoami')).json()) as { server: string }).server
}

describe('peers', () => {
  // fault-matrix: 13
  it('make a failover possible for a client that knows the hostname only', async () => {
    const { cluster } = await startHarness()
    const client = bare(cluster)
    const events = record(client)
    await until('the other is learned', () => urls(client).length === 2, 9000)
    expect(urls(client)).toEqual([...cluster.endpoints])
    expect(events.topologyChange.at(-1)).toMatchObject({ source: 'peers', added: [{ url: cluster.endpoints[1] }] })
    await until('it is probed', () => client.endpoints[1]?.readiness === 'running', 9000)
    await cluster.kill('srv1')
    expect(await who(client)).toBe('srv2')
    expect(events.warning.map(({ code }) => code)).not.toContain('ONLY_HOSTNAME')
  })

  it('of an address are foreign where they are not allowed; named in a warning, once', async () => {
    const { cluster } = await startHarness()
    const client = bare(cluster, { allowedHosts: [] })
    const events = record(client)
    await client.ready({ timeoutMs: 9000 })
    await until('the warning', () => events.warning.some(({ code }) => code === 'FOREIGN_PEER_REFUSED'), 3000)
    const sentence = events.warning.find(({ code }) => code === 'FOREIGN_PEER_REFUSED')?.sentence
    expect(sentence).toContain(cluster.servers[1]?.address)
    expect(urls(client)).toEqual([cluster.hostname])
    await until('it is said what that means', () => events.warning.some(({ code }) => code === 'ONLY_HOSTNAME'), 3000)
  })

  it('that become empty or wholly foreign leave the last good list in force', async () => {
    const { cluster } = await startHarness()
    const client = bare(cluster, { health: { activeIntervalMs: 300, standbyIntervalMs: 300 } })
    const events = record(client)
    await until('the other is learned', () => urls(client).length === 2, 9000)
    await cluster.announce({ peers: [{ server: 'evil', url: 'http://evil.example' }] })
    await until('the warning', () => events.warning.some(({ code }) => code === 'FOREIGN_PEER_REFUSED'), 9000)
    expect(urls(client)).toEqual([...cluster.endpoints])
    await cluster.announce({ peers: [] })
    await until('the warning', () => events.warning.some(({ code }) => code === 'MALFORMED_ANSWER'), 9000)
    expect(urls(client)).toEqual([...cluster.endpoints])
    expect(events.topologyChange.flatMap(({ removed }) => removed)).toEqual([])
  })
})

interface Document {
  url: string
  body: string
  /** Entity tag of the body. */
  tag: string | undefined
  readonly authorizations: (string | undefined)[]
  readonly statuses: number[]
}

/** A web server that answers one document. */
async function startDocument(): Promise<Document> {
  const document: Document = { url: '', body: '{}', tag: undefined, authorizations: [], statuses: [] }
  const server = createServer((request, response) => {
    document.authorizations.push(request.headers.authorization)
    const isKnown = document.tag !== undefined && request.headers['if-none-match'] === document.tag
    if (document.tag !== undefined) response.setHeader('ETag', document.tag)
    response.statusCode = isKnown ? 304 : 200
    document.statuses.push(response.statusCode)
    response.setHeader('Content-Type', 'application/json').end(isKnown ? undefined : document.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  document.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/topology.json?v=1`
  return document
}

describe('topologyDocument', () => {
  it('names the endpoints, is polled, sees no token, and a server it drops is not used any more', async () => {
    const { cluster } = await startHarness({ servers: 3, peers: false })
    const document = await startDocument()
    const name = (count: number): void => {
      const peers = cluster.servers.slice(0, count).map((server) => ({ server: server.name, url: server.url }))
      document.body = JSON.stringify({ peers })
    }
    name(3)
    const client = bare(cluster, { resolver: topologyDocument(document.url, { pollMs: 1000 }), token: 'secret-token' })
    const events = record(client)
    await until(
      'all are known',
      () => urls(client).length === 3,
      9000,
      () => urls(client),
    )
    name(2)
    const started = performance.now()
    await until(
      'srv3 is dropped',
      () => urls(client).length === 2,
      9000,
      () => urls(client),
    )
    reportTimes('dropped by the document (poll 1000 ms)', [performance.now() - started])
    expect(events.topologyChange.map(({ source }) => source)).toEqual(['topology', 'topology'])
    document.body = '{"peers":[]}'
    await until('the empty answer is told', () => events.warning.some(({ code }) => code === 'RESOLVER_FAILED'), 9000)
    expect(urls(client)).toEqual(cluster.endpoints.slice(0, 2))
    expect(document.authorizations.every((authorization) => authorization === undefined)).toBe(true)
  })

  it('with an entity tag is sent again only when it has changed', async () => {
    const { cluster } = await startHarness({ servers: 3, peers: false })
    const document = await startDocument()
    const name = (count: number): void => {
      const peers = cluster.servers.slice(0, count).map((server) => ({ server: server.name, url: server.url }))
      document.body = JSON.stringify({ peers })
      document.tag = `"${count}"`
    }
    name(2)
    const client = bare(cluster, { resolver: topologyDocument(document.url, { pollMs: 1000 }) })
    const events = record(client)
    await until('not sent again', () => document.statuses.length >= 3, 9000)
    expect(document.statuses.slice(0, 3)).toEqual([200, 304, 304])
    name(3)
    await until('all are known', () => urls(client).length === 3, 9000)
    expect(events.warning.map(({ code }) => code)).not.toContain('RESOLVER_FAILED')
  })

  it('of two origins: what one names the other need not, and one of them may fail', async () => {
    const { cluster } = await startHarness({ servers: 3, peers: false })
    const [one, other] = [await startDocument(), await startDocument()]
    const naming = (index: number): string =>
      JSON.stringify({ peers: [{ server: `srv${index + 1}`, url: cluster.servers[index]?.url }] })
    one.body = naming(1)
    other.body = naming(2)
    const resolver = [one, other].map(({ url }) => topologyDocument(url, { pollMs: 1000 }))
    const client = bare(cluster, { resolver })
    const events = record(client)
    await until(
      'all are known',
      () => urls(client).length === 3,
      9000,
      () => urls(client),
    )
    other.body = '{}'
    await until('told', () => events.warning.some(({ code }) => code === 'RESOLVER_FAILED'), 9000)
    expect(urls(client).sort()).toEqual([...cluster.endpoints].sort())
  })

  it('that fails is told once, and what it said before stays', async () => {
    const { cluster } = await startHarness({ peers: true })
    const client = bare(cluster, { resolver: topologyDocument('/api/no-such-document', { pollMs: 1000 }) })
    const events = record(client)
    await until('the other is learned', () => urls(client).length === 2, 9000)
    const asked = (): number =>
      cluster
        .server('srv1')
        .requests()
        .filter(({ url }) => url === '/api/no-such-document').length
    await until('it was asked three times', () => asked() >= 3, 12_000)
    expect(events.warning.filter(({ code }) => code === 'RESOLVER_FAILED')).toHaveLength(1)
    expect(urls(client)).toEqual([...cluster.endpoints])
    const documents = cluster
      .server('srv1')
      .requests()
      .filter(({ url }) => url === '/api/no-such-document')
    expect(documents.some(({ headers }) => headers['authorization'] !== undefined)).toBe(false)
  })
})

describe('a resolver of the user', () => {
  // fault-matrix: 14
  it('gets the context, adds endpoints, and its changed designation is a planned move', async () => {
    const { cluster } = await startHarness({ peers: false, terms: false })
    const contexts: ResolveContext[] = []
    let designated = 0
    const resolve = (context: ResolveContext): Promise<readonly ResolvedEndpoint[]> => {
      contexts.push(context)
      return Promise.resolve(
        cluster.servers.map(({ url }, index) => ({ url, ...(index === designated ? { designated: true } : {}) })),
      )
    }
    const client = bare(cluster, { resolver: { name: 'mine', pollMs: 1000, resolve } })
    const events = record(client)
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('the topic is live', () => agents.state === 'live', 9000)
    await until('the other runs', () => client.endpoints[1]?.readiness === 'running', 9000)
    expect(contexts[0]).toMatchObject({ hostname: cluster.servers[0]?.address, url: cluster.hostname, ucc: 'helpdesk' })
    expect(client.active?.server).toBe('srv1')
    designated = 1
    const started = performance.now()
    await until(
      'the move',
      () => events.switchover.length === 1,
      20_000,
      () => client.decisions().slice(-4),
    )
    reportTimes('move by designation (poll 1000 ms)', [performance.now() - started])
    expect(events.switchover[0]).toMatchObject({ reason: 'designation', to: { server: 'srv2' } })
    await client.close()
    expect(contexts.every(({ signal }) => signal instanceof AbortSignal)).toBe(true)
  })

  it('that fails, answers nonsense or never answers is a warning and no crash; a close aborts it', async () => {
    const { cluster } = await startHarness()
    const nonsense: unknown[] = [
      undefined,
      [],
      'text',
      [null],
      [5],
      [{}],
      [{ url: 5 }],
      [{ url: 'nowhere' }],
      [{ url: 'http://evil.example' }],
      [{ url: cluster.hostname, address: 'evil.example' }],
      [{ url: cluster.hostname, address: { toString: () => '127.0.0.1' } }],
      JSON.parse('[{"__proto__":{"url":"http://127.0.0.1:1"}}]'),
    ]
    const signals: AbortSignal[] = []
    const resolvers = [
      ...nonsense.map((answer, index) => ({
        name: `nonsense ${index}`,
        resolve: () => Promise.resolve(answer as never),
      })),
      {
        name: 'throws',
        resolve: (): never => {
          throw new Error('thrown')
        },
      },
      { name: 'rejects', resolve: () => Promise.reject(new Error('rejected')) },
      {
        name: 'pending',
        resolve: ({ signal }: ResolveContext) => (signals.push(signal), new Promise<never>(() => undefined)),
      },
    ]
    const client = bare(cluster, { resolver: resolvers })
    const events = record(client)
    await client.ready({ timeoutMs: 9000 })
    const codes = (): string[] => events.warning.map(({ code }) => code)
    await until('all are told', () => codes().length >= nonsense.length + 2 - 1, 3000, codes)
    expect(new Set(codes())).toEqual(new Set(['RESOLVER_FAILED', 'MALFORMED_ANSWER', 'FOREIGN_PEER_REFUSED']))
    expect(urls(client)).toEqual([...cluster.endpoints])
    expect(await who(client)).toBe('srv1')
    await client.close()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })
})
