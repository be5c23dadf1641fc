/**
 * The edges of routed HTTP with whole clients and real servers: a server that hangs before TLS, redirects between
 * endpoints, endpoints that share an origin, tokens of servers that give no name, bodies and dials after the end.
 */
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createFailoverClient, isFailoverError, type FailoverClient, type FailoverClientOptions } from 'failover-client'
import { nodePlatform, type NodePlatformOptions } from 'failover-client/node'
import type { Platform } from 'failover-client'
import { onCleanup, reportTimes, startHarness, until } from '../support/harness'
import { TLS } from './cluster-tls'

function connect(options: FailoverClientOptions): FailoverClient {
  const client = createFailoverClient(options)
  onCleanup(() => client.close())
  return client
}

function ownPlatform(options: NodePlatformOptions = {}): Platform {
  const platform = nodePlatform(options)
  onCleanup(() => Promise.resolve(platform.close()))
  return platform
}

async function listen(server: Server, address: string, port = 0): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => undefined))
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(port, address, resolve))
  onCleanup(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(() => resolve()))
  })
  return (server.address() as AddressInfo).port
}

/** A server of the contract's readiness, and what it was asked besides. */
async function serve(name: string, address: string, port: number, listener: RequestListener) {
  const asked: string[] = []
  const server = createHttpServer((request, response) => {
    const ready = /^\/(?:srv\d\/)?failover\/ready/.test(request.url ?? '')
    if (!ready) asked.push(`${request.method} ${request.url}`)
    if (!ready) return listener(request, response)
    const given = /^\/(srv\d)\//.exec(request.url ?? '')?.[1] ?? name
    const state = given === 'srv1' ? 'stopped' : 'running'
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ server: given, versions: [1], ucc: 'x', state }))
  })
  return { asked, port: await listen(server, address, port) }
}

/** What sockets and servers keep this process alive. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCP|TLS|ConnectWrap/i.test(name)).length
}

describe('a server that hangs before TLS', () => {
  it('POSTs that never got a connection go to the other server at once; each is executed at most once', async () => {
    const { cluster } = await startHarness({ tls: TLS })
    const platform = ownPlatform({ tls: { ca: TLS.cert } })
    const url = `https://cluster.test:${cluster.port}`
    const client = connect({
      hostname: url,
      endpoints: cluster.servers.map(({ address, name }) => ({ url, address, name })),
      ucc: 'helpdesk',
      platform,
    })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('it is live', () => agents.state === 'live', 15_000)
    await cluster.freeze('srv1')
    const promoted = cluster.promote('srv2').catch(() => undefined)
    const started = performance.now()
    const moved: number[] = []
    const posts = [1, 2, 3, 4].map(async (number) => {
      try {
        const init = { method: 'POST', body: `n${number}` }
        const response = await client.fetch('/api/ucc/helpdesk/actions', init)
        moved.push(performance.now() - started)
        return `${response.status} ${((await response.json()) as { server: string }).server}`
      } catch (error) {
        return isFailoverError(error, 'OUTCOME_UNKNOWN') ? 'OUTCOME_UNKNOWN' : String(error)
      }
    })
    // One may have been written on a connection that was kept; nobody can say what became of that one.
    await until(
      'three were answered',
      () => moved.length >= 3,
      9000,
      () => moved,
    )
    reportTimes('unsent POSTs answered by the other server', moved)
    await cluster.thaw('srv1')
    const outcomes = await Promise.all(posts)
    expect(outcomes.filter((outcome) => outcome === '200 srv2').length).toBeGreaterThanOrEqual(3)
    await promoted
    const bodies = cluster.ledger.all().map(({ args }) => args)
    expect([...new Set(bodies)]).toHaveLength(bodies.length)
  })
})

describe('redirects between endpoints', () => {
  it('one to another candidate goes there, with its body', async () => {
    let body = ''
    const first = await serve('a', '127.77.1.1', 0, (request, response) => {
      response.writeHead(307, { location: `http://127.77.1.2:${first.port}${request.url}` }).end()
    })
    const second = await serve('b', '127.77.1.2', first.port, (request, response) => {
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
      request.on('end', () => response.end('from b'))
    })
    const { port } = first
    const urls = [`http://127.77.1.1:${port}`, `http://127.77.1.2:${port}`]
    const client = connect({ hostname: urls[0] ?? '', endpoints: urls, ucc: 'x' })
    await client.ready({ timeoutMs: 9000 })
    await until('both are candidates', () => client.endpoints.every(({ readiness }) => readiness === 'running'), 9000)
    expect(await (await client.fetch('/api/x', { method: 'POST', body: 'once' })).text()).toBe('from b')
    expect([first.asked, second.asked, body]).toEqual([['POST /api/x'], ['POST /api/x'], 'once'])
  })

  it('a server that sends everybody to one that is down gets the request once', async () => {
    const passive = await serve('a', '127.77.1.3', 0, (request, response) => {
      response.writeHead(307, { location: `http://127.77.1.4:${passive.port}${request.url}` }).end()
    })
    const urls = [`http://127.77.1.3:${passive.port}`, `http://127.77.1.4:${passive.port}`]
    const client = connect({ hostname: urls[0] ?? '', endpoints: urls, ucc: 'x' })
    await client.ready({ timeoutMs: 9000 })
    const error = await client.fetch('/api/x', { method: 'POST', body: 'once' }).catch((thrown: unknown) => thrown)
    expect(isFailoverError(error, 'PROTOCOL_ERROR')).toBe(true)
    expect(passive.asked).toEqual(['POST /api/x'])
  })
})

describe('endpoints that are paths of one origin', () => {
  it('are routed: by relative URLs, those of the hostname, and those of either endpoint', async () => {
    const server = await serve('h', '127.77.1.5', 0, (request, response) => {
      response.writeHead(/^\/srv\d\//.test(request.url ?? '') ? 200 : 404).end()
    })
    const base = `http://127.77.1.5:${server.port}`
    const client = connect({ hostname: base, endpoints: [`${base}/srv1`, `${base}/srv2`], ucc: 'x' })
    await client.ready({ timeoutMs: 9000 })
    await until('srv2 is active', () => client.active?.server === 'srv2', 9000)
    for (const url of ['/api/x', `${base}/api/x`, client.url('/api/x'), `${base}/srv1/api/x`]) {
      expect((await client.fetch(url)).status).toBe(200)
    }
    expect(server.asked).toEqual(Array(4).fill('GET /srv2/api/x'))
  })
})

describe('tokens', () => {
  it('of servers that give no name are asked for each and shown to none but that one', async () => {
    const seen = { a: new Set<string>(), b: new Set<string>() }
    const plain =
      (name: 'a' | 'b'): RequestListener =>
      (request, response) => {
        if (request.headers.authorization !== undefined) seen[name].add(request.headers.authorization)
        response.writeHead(request.url === '/x' ? 200 : 404).end(name)
      }
    const one = createHttpServer(plain('a'))
    const port = await listen(one, '127.77.1.6')
    await listen(createHttpServer(plain('b')), '127.77.1.7', port)
    let given = 0
    const urls = [`http://127.77.1.6:${port}`, `http://127.77.1.7:${port}`]
    const client = connect({ hostname: urls[0] ?? '', endpoints: urls, token: () => `T${(given += 1)}` })
    await client.ready({ timeoutMs: 9000 })
    expect(await (await client.fetch('/x')).text()).toBe('a')
    one.close()
    one.closeAllConnections()
    expect(await (await client.fetch('/x')).text()).toBe('b')
    expect([[...seen.a], [...seen.b]]).toEqual([['Bearer T1'], ['Bearer T2']])
  })
})

describe('after close()', () => {
  it('of a client on a platform of the user’s: bodies that were handed over have ended', async () => {
    const { cluster, connect: join } = await startHarness()
    const { client } = join({ platform: ownPlatform() })
    await client.ready({ timeoutMs: 9000 })
    const response = await client.fetch('/events/plain')
    const reader = response.body?.getReader()
    await client.close()
    const ended = reader?.read().then(
      () => 'more',
      (error: unknown) => isFailoverError(error, 'CLIENT_CLOSED'),
    )
    expect(await ended).toBe(true)
    const open = (): number => cluster.servers.flatMap((server) => server.connections()).filter(isOpen).length
    await until('the servers have no connection', () => open() === 0, 3000, open)
  })

  it.each(['its own', 'the user’s'])(
    'no dial is left at a server that never speaks TLS: %s platform',
    async (whose) => {
      const port = await listen(
        createTcpServer((socket) => void socket.resume()),
        '127.77.1.8',
      )
      const before = sockets()
      const platform = whose === 'its own' ? undefined : ownPlatform()
      const client = connect({ hostname: `https://127.77.1.8:${port}`, ucc: 'x', platform })
      client.subscribe('t')
      await until('it dials', () => sockets() > before, 9000, sockets)
      await client.close()
      await until('nothing is left', () => sockets() <= before, 3000, sockets)
    },
  )

  it('no tunnel is left at a proxy that never answers', async () => {
    const port = await listen(
      createTcpServer((socket) => void socket.resume()),
      '127.77.1.9',
    )
    const before = sockets()
    const platform = ownPlatform({ proxy: `http://127.77.1.9:${port}` })
    const client = connect({ hostname: 'https://127.77.1.10:4443', ucc: 'x', platform })
    await until('it asks the proxy', () => sockets() > before, 9000, sockets)
    await client.close()
    await until('nothing is left', () => sockets() <= before, 3000, sockets)
  })
})

function isOpen({ closedAt }: { readonly closedAt?: number | undefined }): boolean {
  return closedAt === undefined
}
