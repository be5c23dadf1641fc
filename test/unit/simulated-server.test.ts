/** Servers of the simulated world: the contract that they share with the real cluster, and what can befall them. */
import { describe, expect, it } from 'vitest'
import type { FailoverClient } from '../../src/public'
import { logTopic, stateTopic } from '../../src/public'
import { SimulatedWorld, type SimulatedWorldOptions } from '../../src/testing'

const AGENTS = stateTopic<unknown>('ucc/helpdesk/agents')
const LOG = logTopic<unknown>('chat/1')

async function connected(
  options: SimulatedWorldOptions = {},
  more: Parameters<SimulatedWorld['connect']>[0] = {},
): Promise<{ readonly world: SimulatedWorld; readonly client: FailoverClient; readonly warnings: string[] }> {
  const world = new SimulatedWorld(options)
  const client = world.connect(more)
  const warnings: string[] = []
  client.on('warning', ({ code }) => warnings.push(code))
  client.subscribe(AGENTS)
  await world.runUntil(() => client.state === 'connected', 5000)
  return { world, client, warnings }
}

async function end(world: SimulatedWorld, client: FailoverClient): Promise<void> {
  await world.settle(client.close(), 2000)
  expect(world.leftovers()).toEqual([])
}

describe('your application', () => {
  it('answers HTTP, on whichever server lives, as late as it likes', async () => {
    const { world, client } = await connected({
      http: ({ path, method, server, state, body, headers }) => {
        if (path === '/api/orders?open') return { body: { server, state, method } }
        if (path === '/api/text') return { status: 201, headers: { 'X-Own': 'yes' }, body, afterMs: 300 }
        return path === '/api/secret' ? { body: headers['authorization'] } : undefined
      },
    })
    const json = async (path: string): Promise<unknown> => (await world.settle(client.fetch(path))).json()
    expect(await json('/api/orders?open')).toEqual({ server: 'srv1', state: 'running', method: 'GET' })
    const before = world.now
    const posted = await world.settle(client.fetch('/api/text', { method: 'POST', body: 'hello' }))
    expect([posted.status, posted.headers.get('x-own'), await posted.text()]).toEqual([201, 'yes', 'hello'])
    expect(world.now - before).toBeGreaterThan(300)
    expect(await json('/api/whoami')).toEqual({ server: 'srv1' })
    expect((await world.settle(client.fetch('/nothing'))).status).toBe(404)
    world.server('srv1').kill()
    await world.run(1000)
    expect(await json('/api/orders?open')).toMatchObject({ server: 'srv2' })
    await end(world, client)
  })

  it('executes commands: data, publications and refusals of its own', async () => {
    const { world, client } = await connected({
      commands: {
        greet: (args, { server, ucc, publish }) => {
          publish('ucc/helpdesk/agents', { key: 'anna', data: args })
          return { server, ucc }
        },
        refuse: () => {
          throw Object.assign(new Error('not today'), { code: 'closed' })
        },
        crash: () => {
          throw new Error('a defect')
        },
      },
    })
    expect(await world.settle(client.command('greet', 'hi'))).toEqual({ server: 'srv1', ucc: 'helpdesk' })
    expect([...world.content('ucc/helpdesk/agents')]).toEqual([['anna', 'hi']])
    expect([...world.server('srv2').content('ucc/helpdesk/agents')]).toEqual([['anna', 'hi']])
    const refused = world.settle(client.command('refuse'))
    await expect(refused).rejects.toMatchObject({
      code: 'COMMAND_REJECTED',
      message: expect.stringMatching(/not today/),
    })
    await expect(world.settle(client.command('crash'))).rejects.toMatchObject({ code: 'COMMAND_REJECTED' })
    expect(await world.settle(client.command('anything', { n: 1 }))).toEqual({ n: 1 })
    expect(world.ledger.violations()).toEqual([])
    await end(world, client)
  })
})

describe('a server', () => {
  it('that is overloaded refuses with advice, and answers readiness', async () => {
    const { world, client } = await connected()
    world.server('srv1').overload({ retryAfterMs: 3000 })
    const response = await world.settle(client.fetch('/api/echo', { method: 'POST', body: 'x' }), 20_000)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '3'])
    expect(world.server('srv1').serves()).toBe(false)
    const safe = await world.settle(client.fetch('/api/whoami'))
    expect(await safe.json()).toEqual({ server: 'srv2' })
    world.server('srv1').overload(false)
    expect(world.server('srv1').serves()).toBe(true)
    await end(world, client)
  })

  it('refuses tokens, ends connections with them, and forgets nobody who has a good one', async () => {
    let token = 'good'
    const { world, client } = await connected({ tokens: ['good', 'better'] }, { token: () => token })
    token = 'better'
    world.server('srv1').setTokens(['better'], { enforce: true })
    await world.run(200)
    await world.runUntil(() => client.state === 'connected', 10_000)
    expect(client.active?.server).toBe('srv1')
    const shown = world.server('srv1').tokensSeen()
    expect(shown.map((one) => one.token)).toEqual(['good', 'better'])
    await end(world, client)
  })

  it('with a split log has positions of its own, and loses them with its process', async () => {
    const { world, client } = await connected({ log: 'split' })
    const { positions } = world.publish(LOG.name, { key: 'm1', data: 1 })
    expect(positions['srv1']).not.toEqual(positions['srv2'])
    expect(world.server('srv2').publish(LOG.name, { key: 'only-here' }).positions).not.toHaveProperty('srv1')
    world.server('srv2').restart()
    expect([...world.server('srv2').content(LOG.name).keys()]).toEqual(['m1'])
    world.server('srv2').restart({ content: 'empty' })
    expect([...world.server('srv2').content(LOG.name).keys()]).toEqual([])
    expect(world.server('srv2').incarnation).toBe(3)
    await end(world, client)
  })

  it('may lag behind a shared log, and catches up in order', async () => {
    const { world, client } = await connected()
    const behind = world.server('srv2')
    behind.lag(2000)
    world.publish(LOG.name, { key: 'm1' })
    await world.run(1500)
    world.publish(LOG.name, { key: 'm2' })
    expect([...behind.content(LOG.name).keys()]).toEqual([])
    await world.run(1000)
    expect([...behind.content(LOG.name).keys()]).toEqual(['m1'])
    behind.lag(0)
    world.publish(LOG.name, { key: 'm3' })
    await world.run(5000)
    expect([...behind.content(LOG.name).keys()]).toEqual(['m1', 'm2', 'm3'])
    await end(world, client)
  })

  it('judges deadlines by its own clock', async () => {
    const { world, client } = await connected()
    world.setCommandDelay({ beforeMs: 2000 })
    const done = client.command('set', { value: 1 }, { deadlineMs: 5000 })
    await world.run(100)
    world.server('srv1').skewClock(60_000)
    await expect(world.settle(done)).rejects.toMatchObject({ code: 'COMMAND_EXPIRED' })
    expect(world.ledger.all().map(({ status }) => status)).toEqual(['expired'])
    await end(world, client)
  })

  it('that hangs executes nothing late', async () => {
    const { world, client } = await connected({ servers: 1 })
    const done = client.command('set', { value: 1 }, { deadlineMs: 2000 })
    world.server('srv1').hang()
    const refused = expect(world.settle(done, 10_000)).rejects.toThrow()
    await refused
    await world.run(5000)
    world.server('srv1').unhang()
    await world.run(5000)
    expect(world.ledger.all().filter(({ status }) => status === 'executed')).toEqual([])
    await end(world, client)
  })

  it('starts a UCC in its time, with a new term; a second one that runs is a split brain', async () => {
    const { world, client } = await connected({ standby: 'stopped' })
    const [first, second] = [world.server('srv1'), world.server('srv2')]
    expect([first.ucc(), second.ucc()]).toEqual([
      { state: 'running', term: 1 },
      { state: 'stopped', term: undefined },
    ])
    second.startUcc('helpdesk', { startingMs: 3000 })
    await world.run(2000)
    expect(second.ucc().state).toBe('starting')
    await world.run(2000)
    expect(second.ucc()).toEqual({ state: 'running', term: 2 })
    await world.runUntil(() => client.active?.server === 'srv2', 30_000)
    first.promote()
    expect([first.ucc(), second.ucc()]).toEqual([
      { state: 'running', term: 3 },
      { state: 'stopped', term: 2 },
    ])
    second.promote('helpdesk', { fence: false })
    expect([first.ucc().state, second.ucc()]).toEqual(['running', { state: 'running', term: 4 }])
    await end(world, client)
  })

  it('announces what it is told to: peers of its own, load, no load', async () => {
    const { world, client } = await connected({ servers: 3 }, { endpoints: ['https://srv1.contoso.example'] })
    await world.runUntil(() => client.endpoints.length === 3, 5000)
    world.server('srv1').announce({
      peers: [{ server: 'srv1', url: 'https://srv1.contoso.example' }],
      clients: 99,
      acceptPerSec: 10,
    })
    const answer = await world.settle(client.fetch('/failover/ready?ucc=helpdesk'))
    expect(await answer.json()).toMatchObject({ load: { clients: 99, acceptPerSec: 10 }, peers: [{ server: 'srv1' }] })
    await end(world, client)
  })

  it('is slow, and everything comes that much later', async () => {
    const { world, client } = await connected()
    world.server('srv1').slow(400)
    const before = world.now
    await world.settle(client.fetch('/api/whoami'))
    expect(world.now - before).toBeGreaterThan(400)
    await end(world, client)
  })

  it('whose live connections fall silent is left or dialled anew, though HTTP works', async () => {
    const { world, client } = await connected({ servers: 1 })
    world.server('srv1').goSilent()
    await world.run(5000)
    expect(client.state).toBe('connected')
    expect(world.server('srv1').connections()).toHaveLength(2)
    await end(world, client)
  })

  it('that strips upgrades is reached by event stream, commands included', async () => {
    const { world, client } = await connected({ refuseUpgrades: true })
    expect(world.server('srv1').connections()[0]).toMatchObject({ transport: 'events' })
    expect(await world.settle(client.command('set', { value: 2 }))).toMatchObject({ value: 2 })
    world.publish(AGENTS.name, { key: 'anna', data: 1 })
    world.server('srv1').kill()
    await world.runUntil(() => client.active?.server === 'srv2' && client.state === 'connected', 5000)
    await end(world, client)
  })

  it('serves a page as readiness, refuses hellos, closes all, sends nonsense: the client bears it', async () => {
    const { world, client, warnings } = await connected()
    const [first, second] = [world.server('srv1'), world.server('srv2')]
    first.sendRaw('{"type":"event","id":"nonsense"}')
    await world.run(500)
    expect(warnings).toContain('FRAME_REFUSED')
    second.rejectNext({ code: 'overloaded', retryAfterMs: 500 })
    first.closeAll(1012, 'restart')
    await world.run(5000)
    expect(client.state).toBe('connected')
    second.serveReadiness({ status: 200, body: '<html>', contentType: 'text/html' })
    first.serveReadiness({ status: 200, body: '<html>', contentType: 'text/html' })
    await world.run(10_000)
    second.serveReadiness(null)
    first.serveReadiness(null)
    await world.run(20_000)
    expect(client.state).toBe('connected')
    await end(world, client)
  })

  it('cuts a snapshot, resynchronises, begins a new epoch: the view stays right', async () => {
    const { world, client } = await connected({ snapshotPartBytes: 50 })
    for (let n = 0; n < 20; n += 1) world.publish('ucc/helpdesk/queue', { key: `k${n}`, data: n })
    world.server('srv1').cutSnapshotAfterParts(3)
    const queue = client.subscribe(stateTopic('ucc/helpdesk/queue'))
    await world.run(5000)
    expect([...queue.view]).toEqual([...world.content('ucc/helpdesk/queue')])
    world.newEpoch({ topic: 'ucc/helpdesk/queue' })
    world.publish('ucc/helpdesk/queue', { key: 'k0', op: 'remove' })
    world.server('srv1').resync()
    await world.run(1000)
    expect([...queue.view.keys()].sort()).toEqual([...world.content('ucc/helpdesk/queue').keys()].sort())
    expect(queue.view.has('k0')).toBe(false)
    await end(world, client)
  })

  it('says everything twice: nothing is delivered or settled twice', async () => {
    const { world, client } = await connected()
    world.server('srv1').repeatFrames()
    const heard: unknown[] = []
    const log = client.subscribe(LOG)
    log.on('change', (change) => heard.push(change.op === 'append' ? change.key : change.op))
    await world.run(500)
    for (const key of ['m1', 'm2', 'm3']) world.publish(LOG.name, { key })
    expect(await world.settle(client.command('echo', { n: 1 }))).toEqual({ n: 1 })
    await world.run(500)
    expect(heard).toEqual(['m1', 'm2', 'm3'])
    expect(client.state).toBe('connected')
    await end(world, client)
  })

  it('forgets executed keys under a new name: a repeat elsewhere is an unknown outcome', async () => {
    const { world, client } = await connected()
    world.setCommandDelay({ afterMs: 500 })
    const done = client.command('once', {}, { safety: 'effect' })
    await world.run(100)
    world.forgetKeys()
    world.server('srv1').kill()
    await expect(world.settle(done)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(world.ledger.all().filter(({ status }) => status === 'executed')).toHaveLength(1)
    await end(world, client)
  })

  it('ends connections that know a lost memory by its name: nothing that comes on them is executed', async () => {
    const { world, client } = await connected({ uccs: { helpdesk: { running: ['srv1'] } } })
    world.setCommandDelay({ afterMs: 500 })
    const done = client.command('once', {}, { safety: 'keyed' })
    await world.run(100)
    const server = world.server('srv1')
    server.reset()
    await world.runUntil(() => client.state !== 'connected', 5000)
    await world.runUntil(() => client.state === 'connected', 5000)
    // The repeat waits in front of a server that hangs while its memory is lost.
    server.hang()
    await world.run(100)
    world.forgetKeys()
    server.unhang()
    await expect(world.settle(done)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(world.ledger.all().map(({ status }) => status)).toEqual(['executed'])
    expect(server.connections().map(({ closeCode }) => closeCode)).toEqual([1006, 1012, undefined])
    await end(world, client)
  })

  it('ends idle ones as well, but none where no memory has a name', async () => {
    const { world, client } = await connected({ uccs: { helpdesk: { running: ['srv1'] } } })
    world.forgetKeys()
    await world.run(2000)
    expect(
      world
        .server('srv1')
        .connections()
        .map(({ closeCode }) => closeCode),
    ).toEqual([1012, undefined])
    await end(world, client)
    const nameless = await connected({ keys: 'none' })
    nameless.world.forgetKeys()
    await nameless.world.run(2000)
    expect(nameless.world.server('srv1').connections()).toHaveLength(1)
    await end(nameless.world, nameless.client)
  })

  it('is asked by two UCCs side by side; one that it does not know is refused', async () => {
    const world = new SimulatedWorld({ uccs: { sales: {}, helpdesk: { running: ['srv2'] } } })
    const sales = world.connect({ ucc: 'sales' })
    const helpdesk = world.connect({ ucc: 'helpdesk' })
    sales.subscribe('ucc/sales/agents')
    helpdesk.subscribe(AGENTS)
    await world.runUntil(() => sales.state === 'connected' && helpdesk.state === 'connected', 3000)
    expect([sales.active?.server, helpdesk.active?.server]).toEqual(['srv1', 'srv2'])
    await world.settle(sales.close())
    await end(world, helpdesk)
  })
})

it('plain sockets end when their server is left', async () => {
  const { world, client } = await connected()
  const socket = new client.WebSocket('/ws/echo')
  const heard: unknown[] = []
  socket.onmessage = ({ data }: MessageEvent) => heard.push(data)
  socket.onclose = ({ code }: CloseEvent) => heard.push(code)
  socket.onopen = () => socket.send('hello')
  await world.run(500)
  expect(heard).toEqual(['hello'])
  world.server('srv1').stopUcc()
  await world.run(1000)
  expect(heard).toEqual(['hello', 1012])
  await end(world, client)
})
