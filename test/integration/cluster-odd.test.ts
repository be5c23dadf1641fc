/** The cluster's servers against odd requests, names and orders of events: what the contract says, and no crash. */
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { Cluster, ClusterOptions } from 'failover-client/testing/node'
import { startCluster } from 'failover-client/testing/node'
import { ready, until, Wire } from './cluster-wire'

let cluster: Cluster | undefined

async function start(options: ClusterOptions = {}): Promise<Cluster> {
  cluster = await startCluster({ heartbeatMs: 100, ...options })
  return cluster
}

function urlOf(of: Cluster, server: string): string {
  return of.server(server).url
}

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

/** Sends these bytes on a socket of their own; resolves with all that came back, when the other side closes. */
async function raw(of: Cluster, server: string, text: string): Promise<string> {
  const socket = connect(of.port, of.server(server).address)
  let answer = ''
  let isOver = false
  socket.on('data', (data: Buffer) => (answer += data.toString()))
  socket.on('error', () => undefined)
  socket.on('close', () => (isOver = true))
  socket.write(text)
  await until(() => isOver, 'the end of the connection')
  return answer
}

test.each([
  ['a request', ''],
  ['an upgrade', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'],
])('%s for a target that is no URL is answered 400, and the server lives on', async (_what, headers) => {
  const c = await start()
  const wire = await Wire.open(urlOf(c, 'srv2'))
  for (const target of ['//', 'http://[/', '//x:y/failover/ready']) {
    const close = headers === '' ? 'Connection: close\r\n' : headers
    const answer = await raw(c, 'srv2', `GET ${target} HTTP/1.1\r\nHost: x\r\n${close}\r\n`)
    expect(answer, target).toMatch(/^HTTP\/1\.1 400 /)
    if (headers === '') expect(answer.toLowerCase()).toContain('access-control-allow-origin: *')
  }
  expect(c.server('srv2').alive).toBe(true)
  wire.send({ type: 'ping', n: 1 })
  expect(await wire.frame('pong')).toMatchObject({ n: 1 })
})

test('a connection that is reset while its upgrade waits harms nobody', async () => {
  const c = await start()
  await c.slow('srv1', { delayMs: 100 })
  const socket = connect(c.port, c.server('srv1').address)
  socket.on('error', () => undefined)
  socket.write('GET /failover/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  const upgrades = (): number =>
    c
      .server('srv1')
      .dials()
      .filter(({ kind }) => kind === 'upgrade').length
  await until(() => upgrades() === 1, 'the upgrade')
  socket.resetAndDestroy()
  // Answered after the wait of the other one.
  expect((await ready(urlOf(c, 'srv1'))).status).toBe(200)
  expect((await ready(urlOf(c, 'srv1'))).status).toBe(200)
  expect(c.server('srv1').alive).toBe(true)
})

test('readiness without a UCC is liveness: 200 whatever the state, which is that of the only UCC', async () => {
  const c = await start({ standby: 'stopped' })
  const ask = async (query: string): Promise<unknown[]> => {
    const response = await fetch(`${urlOf(c, 'srv2')}/failover/ready${query}`)
    const { ucc, state } = (await response.json()) as Record<string, unknown>
    return [response.status, ucc, state]
  }
  expect(await ask('')).toEqual([200, 'helpdesk', 'stopped'])
  expect(await ask('?ucc=helpdesk')).toEqual([503, 'helpdesk', 'stopped'])
  expect(await ask('?ucc=nobody')).toEqual([404, undefined, 'unknown'])
})

describe('topics with the names of object members', () => {
  const NAMES = ['constructor', 'toString', '__proto__']

  test.each(NAMES)('%s is a state topic like any other', async (topic) => {
    const c = await start()
    const wire = await Wire.open(urlOf(c, 'srv1'))
    const id = wire.subscribe(topic)
    expect(await wire.frame('subscribed')).toMatchObject({ id, kind: 'state', recovered: false })
    c.publish(topic, { key: 'k', data: 1 })
    await until(() => wire.seqs(id).length === 1, 'the event')
    expect(c.content(topic)).toEqual(new Map([['k', 1]]))
    // A new process learns the topics from the cluster.
    await c.restart('srv1')
    const again = await Wire.open(urlOf(c, 'srv1'))
    again.subscribe(topic)
    expect(await again.frame('snapshot')).toMatchObject({ items: [{ key: 'k', data: 1 }] })
  })

  test.each(NAMES)('%s is unknown where only some topics are served', async (topic) => {
    const c = await start({ topics: { known: 'log' }, onlyTopics: true })
    const wire = await Wire.open(urlOf(c, 'srv1'))
    const id = wire.subscribe(topic)
    expect(await wire.frame('reject')).toMatchObject({ id, code: 'unknown-topic' })
  })
})

describe('not-running promises that a command was not executed', () => {
  test('a key that was executed is a duplicate, also when the UCC has stopped meanwhile', async () => {
    const c = await start()
    const wire = await Wire.open(urlOf(c, 'srv1'))
    expect(await wire.result(wire.command('echo', { n: 1 }, 'k1'))).toMatchObject({ status: 'done' })
    await c.stopUcc('srv1')
    const repeat = await wire.result(wire.command('echo', { n: 1 }, 'k1'))
    expect(repeat).toMatchObject({ status: 'duplicate', data: { n: 1 } })
    const unseen = await wire.result(wire.command('echo', { n: 2 }, 'k2'))
    expect(unseen).toMatchObject({ status: 'rejected', error: { code: 'not-running' } })
    const late = await wire.result(wire.command('echo', { n: 1 }, 'k1', { notAfter: Date.now() - 1000 }))
    expect(late).toMatchObject({ status: 'duplicate' })
    expect(c.ledger.executions('k1')).toHaveLength(1)
    expect(c.ledger.executions('k2')).toEqual([])
  })

  test('one that still runs is answered when it has ended', async () => {
    const c = await start()
    c.setCommandDelay({ afterMs: 300 })
    const wire = await Wire.open(urlOf(c, 'srv1'))
    const first = wire.command('echo', 1, 'k1')
    await until(() => c.ledger.executions('k1').length === 1, 'the execution')
    await c.stopUcc('srv1')
    const second = wire.command('echo', 1, 'k1')
    expect(await wire.result(second)).toMatchObject({ status: 'duplicate', data: 1 })
    // Nobody promises which of the two is told first.
    expect(await wire.result(first)).toMatchObject({ status: 'done' })
  })

  test('by POST too', async () => {
    const c = await start()
    const post = async (key: string): Promise<unknown> => {
      const body = JSON.stringify({ type: 'command', id: 1, name: 'echo', args: 1, key, client: { id: 'c' } })
      const headers = { 'Content-Type': 'application/json' }
      const url = `${urlOf(c, 'srv1')}/failover/command?ucc=helpdesk`
      return (await fetch(url, { method: 'POST', headers, body })).json()
    }
    expect(await post('k1')).toMatchObject({ status: 'done' })
    await c.stopUcc('srv1')
    expect(await post('k1')).toMatchObject({ status: 'duplicate', data: 1 })
    expect(await post('k2')).toMatchObject({ status: 'rejected', error: { code: 'not-running' } })
  })
})
