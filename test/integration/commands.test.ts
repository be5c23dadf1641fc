/** Commands of all classes under faults, judged by the servers' ledger; the restore hook; refusals and aborts. */
import { describe, expect, test } from 'vitest'
import { isFailoverError, type CommandOptions, type FailoverError, type RestoreContext } from 'failover-client'
import type { ClusterOptions } from 'failover-client/testing/node'
import { elapse, recordLog, reportTimes, startHarness, until, type Connected, type Harness } from '../support/harness'

const CHAT = 'chat/room1'
const FAST = { detection: { heartbeatMs: 500 } } as const
const CLASSES = ['read', 'set', 'keyed', 'claim', 'effect'] as const
type Safety = (typeof CLASSES)[number]

interface Settled {
  readonly safety: Safety
  readonly key: string
  readonly outcome: 'done' | string
}

/** A client with a live topic on srv1. */
async function ready(
  options: ClusterOptions,
  more: Parameters<Harness['connect']>[0] = {},
): Promise<Connected & Harness> {
  const harness = await startHarness({ heartbeatMs: 500, ...options })
  const connected = harness.connect({ ...FAST, ...more })
  const log = recordLog(connected.client, CHAT)
  await until('the topic', () => log.subscription.state === 'live' && connected.client.state === 'connected', 5000)
  expect(connected.client.active?.server).toBe('srv1')
  return { ...harness, ...connected }
}

function codeOf(error: unknown): string {
  return isFailoverError(error) ? (error as FailoverError).code : String(error)
}

/** Sends a command of each class, five of each; says how each ended. */
function sendAll(
  { client }: Connected,
  name: string,
  args: (n: number) => object,
  options: CommandOptions = {},
): Promise<Settled>[] {
  return CLASSES.flatMap((safety) =>
    [0, 1, 2, 3, 4].map(async (n) => {
      const key = `${safety}-${n}`
      // Targets of their own: nothing is superseded here.
      const sent = client.command(name, { ...args(n), key }, { safety, key, target: key, ...options })
      const outcome = await sent.then(
        () => 'done',
        (error: unknown) => codeOf(error),
      )
      return { safety, key, outcome }
    }),
  )
}

function outcomes(settled: readonly Settled[]): Record<Safety, string[]> {
  const of = (safety: Safety): string[] => [
    ...new Set(settled.filter((one) => one.safety === safety).map((one) => one.outcome)),
  ]
  return { read: of('read'), set: of('set'), keyed: of('keyed'), claim: of('claim'), effect: of('effect') }
}

const ALL_DONE = { read: ['done'], set: ['done'], keyed: ['done'], claim: ['done'], effect: ['done'] }
const OTHER_KEYS = { ...ALL_DONE, keyed: ['OUTCOME_UNKNOWN'], claim: ['OUTCOME_UNKNOWN'], effect: ['OUTCOME_UNKNOWN'] }

const executed = ({ cluster }: Harness): number =>
  cluster.ledger.all().filter((entry) => entry.status === 'executed').length

/** What the contract forbids, whatever happened. */
function expectNothingForbidden({ cluster }: Harness): void {
  expect(cluster.ledger.violations()).toEqual([])
  const twice = cluster.ledger.repeated().filter((key) => key.startsWith('claim') || key.startsWith('effect'))
  expect(twice).toEqual([])
}

describe('under a kill', () => {
  // `beforeMs`: killed before the execution; `afterMs`: killed between the execution and its answer.
  test.each(['beforeMs', 'afterMs'] as const)(
    'the same keys (%s): each is done once, whatever its class',
    async (when) => {
      const world = await ready({})
      const { cluster } = world
      cluster.setCommandDelay({ [when]: 5000 })
      const sent = sendAll(world, 'echo', (n) => ({ n }))
      await until('all are with the server', () => cluster.ledger.underWay() === 25, 5000)
      if (when === 'afterMs') await until('all executions', () => executed(world) === 25, 5000)
      expect(executed(world)).toBe(when === 'afterMs' ? 25 : 0)
      const { atMonotonicMs } = await cluster.kill('srv1')
      cluster.setCommandDelay({})
      const settled = await Promise.all(sent)
      reportTimes(`25 commands of all classes (${when}): kill to settled`, [performance.now() - atMonotonicMs])
      expect(outcomes(settled)).toEqual(ALL_DONE)
      for (const { key } of settled) expect(cluster.ledger.executions(key), key).toHaveLength(1)
      expect(world.events.outcomeUnknown).toEqual([])
      expectNothingForbidden(world)
    },
  )

  test.each([
    ['split', false],
    ['split', true],
    ['none', false],
  ] as const)('other keys (%s, sharedKeys %s): by class', async (keys, sharedKeys) => {
    const world = await ready({ keys }, { commands: { sharedKeys } })
    const { cluster } = world
    cluster.setCommandDelay({ afterMs: 5000 })
    const sent = sendAll(world, 'echo', (n) => ({ n }))
    await until('all executions', () => executed(world) === 25, 5000)
    await cluster.kill('srv1')
    cluster.setCommandDelay({})
    const settled = await Promise.all(sent)
    const expected = sharedKeys ? { ...OTHER_KEYS, keyed: ['done'] } : OTHER_KEYS
    expect(outcomes(settled)).toEqual(expected)
    // One event for each whose outcome nobody knows, with the key to look it up.
    const unknown = settled.filter((one) => one.outcome === 'OUTCOME_UNKNOWN').map((one) => one.key)
    expect(world.events.outcomeUnknown.map((event) => event.key).sort()).toEqual([...unknown].sort())
    expect(world.events.outcomeUnknown[0]).toMatchObject({ kind: 'command', subject: 'echo', server: 'srv1' })
    for (const key of unknown) expect(cluster.ledger.executions(key), key).toHaveLength(1)
    expectNothingForbidden(world)
  })

  test('the newest value of a `set` comes last; a superseded one is not repeated', async () => {
    const world = await ready({ keys: 'split' })
    const { cluster, client } = world
    cluster.setCommandDelay({ afterMs: 5000 })
    const set = (value: string): Promise<unknown> =>
      client.command('set', { target: 'state', value }, { safety: 'set', target: 'state' })
    const values = ['away', 'ready', 'busy']
    const sent = values.map((value) => set(value).catch((error: unknown) => error))
    await until('all executions', () => executed(world) === 3, 5000)
    await cluster.kill('srv1')
    cluster.setCommandDelay({})
    // Asked for while nobody is there.
    const last = set('ready again')
    const results = await Promise.all(sent)
    await last
    expect(results.map((result) => isFailoverError(result, 'OUTCOME_UNKNOWN'))).toEqual([true, true, true])
    const onSrv2 = cluster.ledger.all().filter((entry) => entry.server === 'srv2' && entry.status === 'executed')
    expect(onSrv2.map((entry) => (entry.args as { value: string }).value)).toEqual(['ready again'])
    expect(cluster.ledger.values().get('state')).toBe('ready again')
  })

  test('a command called during the outage waits and is done once', async () => {
    const world = await ready({ keys: 'split', standby: 'stopped' })
    const { cluster, client } = world
    await cluster.kill('srv1')
    await until('the loss to be seen', () => client.state !== 'connected', 3000)
    const sent = Array.from({ length: 20 }, (_, n) =>
      client.command('claim', { n }, { safety: 'claim', key: `claim-${n}` }),
    )
    await cluster.startUcc('srv2')
    const claims = await Promise.all(sent)
    expect(claims).toHaveLength(20)
    for (let n = 0; n < 20; n += 1) expect(cluster.ledger.executions(`claim-${n}`)).toMatchObject([{ server: 'srv2' }])
    // In the order of the calls.
    const order = cluster.ledger.all().map((entry) => entry.key)
    expect(order).toEqual(claims.map((_claim, n) => `claim-${n}`))
    expectNothingForbidden(world)
  })
})

describe('under a frozen server that thaws', () => {
  test('the same keys: each is done once, the thawed server executes none again', async () => {
    const world = await ready({})
    const { cluster } = world
    await cluster.freeze('srv1')
    const sent = sendAll(world, 'echo', (n) => ({ n }))
    const settled = await Promise.all(sent)
    expect(outcomes(settled)).toEqual(ALL_DONE)
    expect(world.client.active?.server).toBe('srv2')
    await cluster.thaw('srv1')
    await until('the thawed server to hear them', () => heardBy(world, 'srv1') > 0 || closedOn(world, 'srv1'), 5000)
    await cluster.sync()
    for (const { key } of settled) expect(cluster.ledger.executions(key), key).toHaveLength(1)
    expectNothingForbidden(world)
  })

  test('other keys, thawed after the deadlines: what it had received it executes no more', async () => {
    const world = await ready({ keys: 'split' })
    const { cluster } = world
    await cluster.freeze('srv1')
    const deadlineMs = 4000
    const started = performance.now()
    const settled = await Promise.all(sendAll(world, 'echo', (n) => ({ n }), { deadlineMs }))
    expect(outcomes(settled)).toEqual(OTHER_KEYS)
    reportTimes('25 commands to a frozen server: settled', [performance.now() - started])
    await until('the deadlines', () => performance.now() - started > deadlineMs + 50, 6000)
    await cluster.thaw('srv1')
    await until(
      'the thawed server to judge all of them',
      () => heardBy(world, 'srv1') === 25,
      5000,
      () => heardBy(world, 'srv1'),
    )
    const onSrv1 = cluster.ledger.all().filter((entry) => entry.server === 'srv1')
    expect(new Set(onSrv1.map((entry) => entry.status))).toEqual(new Set(['expired']))
    for (const { safety, key } of settled) {
      const repeats = safety === 'read' || safety === 'set'
      expect(cluster.ledger.executions(key), key).toHaveLength(repeats ? 1 : 0)
    }
    expectNothingForbidden(world)
  })

  test('other keys, thawed within the deadlines: claim and effect once at most, and never called done', async () => {
    const world = await ready({ keys: 'split' })
    const { cluster } = world
    await cluster.freeze('srv1')
    const settled = await Promise.all(sendAll(world, 'echo', (n) => ({ n }), { deadlineMs: 20_000 }))
    expect(outcomes(settled)).toEqual(OTHER_KEYS)
    await cluster.thaw('srv1')
    await until(
      'the thawed server to judge all of them',
      () => heardBy(world, 'srv1') === 25,
      5000,
      () => heardBy(world, 'srv1'),
    )
    expectNothingForbidden(world)
  })
})

/** Commands a server has judged. */
function heardBy({ cluster }: Harness, server: string): number {
  return cluster.ledger.all().filter((entry) => entry.server === server).length
}

function closedOn({ cluster }: Harness, server: string): boolean {
  return cluster
    .server(server)
    .connections()
    .every((one) => one.closedAt !== undefined)
}

describe('when the UCC stops', () => {
  test('commands are held and done where it runs next, in order', async () => {
    const world = await ready({ standby: 'stopped', keys: 'split' })
    const { cluster, client } = world
    await cluster.stopUcc('srv1')
    const sent = Array.from({ length: 10 }, (_, n) =>
      client.command('claim', { n }, { safety: 'claim', key: `claim-${n}` }),
    )
    await elapse(300)
    expect(executed(world)).toBe(0)
    await cluster.startUcc('srv2')
    await Promise.all(sent)
    for (let n = 0; n < 10; n += 1) expect(cluster.ledger.executions(`claim-${n}`)).toMatchObject([{ server: 'srv2' }])
    expectNothingForbidden(world)
  })

  test('COMMAND_EXPIRED: its deadline passed while nobody ran the UCC; it was never executed', async () => {
    const world = await ready({ servers: 1 })
    const { cluster, client } = world
    await cluster.stopUcc('srv1')
    const started = performance.now()
    const error: unknown = await client
      .command('effect', {}, { key: 'late', deadlineMs: 700 })
      .catch((thrown: unknown) => thrown)
    const took = performance.now() - started
    expect(isFailoverError(error, 'COMMAND_EXPIRED')).toBe(true)
    expect(took).toBeGreaterThan(650)
    expect(took).toBeLessThan(2100)
    await cluster.startUcc('srv1')
    expect(await client.command('echo', 'after')).toBe('after')
    expect(cluster.ledger.executions('late')).toEqual([])
    expect(world.events.outcomeUnknown).toEqual([])
  })

  test('BUFFER_FULL: one command, or one byte, too many', async () => {
    const world = await ready({ servers: 1 }, { commands: { maxQueued: 3, maxQueuedBytes: 2000 } })
    const { cluster, client } = world
    await cluster.stopUcc('srv1')
    await until('the news', () => client.state !== 'connected', 5000)
    const big: unknown = await client.command('echo', 'x'.repeat(3000)).catch((error: unknown) => error)
    expect(isFailoverError(big, 'BUFFER_FULL')).toBe(true)
    const held = [0, 1, 2].map((n) => client.command('echo', n, { key: `held-${n}` }))
    const fourth: unknown = await client.command('echo', 3, { key: 'fourth' }).catch((error: unknown) => error)
    expect(isFailoverError(fourth, 'BUFFER_FULL')).toBe(true)
    await cluster.startUcc('srv1')
    expect(await Promise.all(held)).toEqual([0, 1, 2])
    expect(cluster.ledger.executions('fourth')).toEqual([])
  })
})

describe('AbortSignal', () => {
  test('before it left: the reason of the signal, and it never leaves', async () => {
    const world = await ready({ servers: 1 })
    const { cluster, client } = world
    await expect(client.command('echo', 1, { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow(
      'too late',
    )
    await cluster.stopUcc('srv1')
    await until('the news', () => client.state !== 'connected', 5000)
    const controller = new AbortController()
    const sent = client.command('echo', 1, { key: 'aborted', signal: controller.signal })
    const reason = new Error('changed my mind')
    controller.abort(reason)
    await expect(sent).rejects.toBe(reason)
    await cluster.startUcc('srv1')
    await client.command('echo', 2)
    expect(cluster.ledger.all().filter((entry) => entry.key === 'aborted')).toEqual([])
  })

  test('after it left: OUTCOME_UNKNOWN, and the reason as its cause', async () => {
    const world = await ready({ servers: 1 })
    const { cluster, client, events } = world
    const controller = new AbortController()
    const sent = client
      .command('slow', { delayMs: 5000 }, { key: 'gone', signal: controller.signal })
      .catch((error: unknown) => error)
    await until('its execution', () => cluster.ledger.executions('gone').length === 1, 3000)
    const reason = new Error('changed my mind')
    controller.abort(reason)
    const error = await sent
    expect(isFailoverError(error, 'OUTCOME_UNKNOWN')).toBe(true)
    expect((error as Error).cause).toBe(reason)
    expect(events.outcomeUnknown).toMatchObject([{ key: 'gone', subject: 'slow' }])
  })

  test('a refusal is COMMAND_REJECTED with the code of the server', async () => {
    const { client } = await ready({ servers: 1 })
    const error: unknown = await client
      .command('fail', { code: 'no-such-call', message: 'who?' })
      .catch((thrown: unknown) => thrown)
    expect(isFailoverError(error, 'COMMAND_REJECTED')).toBe(true)
    expect(error).toMatchObject({ fields: { subject: 'fail', reason: 'no-such-call' } })
  })
})

describe('restoreSession', () => {
  /** Holds each run of the hook until the test lets it go on. */
  class Gate {
    readonly runs: RestoreContext[] = []
    readonly #open: (() => void)[] = []

    pass(run: number): void {
      this.#open[run]?.()
    }

    readonly hook = async (context: RestoreContext): Promise<void> => {
      const run = this.runs.push(context) - 1
      await context.command('session', { run }, { key: `session-${run}` })
      const answer = await context.fetch('/api/ucc/helpdesk/agents')
      if (answer.headers.get('x-server') !== context.endpoint.server) throw new Error('another server answered')
      await new Promise<void>((resolve) => (this.#open[run] = resolve))
    }

    held(run: number): boolean {
      return this.#open[run] !== undefined
    }
  }

  test('runs before the subscribes and the queued commands, on each new live connection', async () => {
    const harness = await startHarness({ heartbeatMs: 500 })
    const { cluster } = harness
    const gate = new Gate()
    const connected = harness.connect({ ...FAST, restoreSession: gate.hook })
    const { client } = connected
    const log = recordLog(client, CHAT)
    const commands: Promise<unknown>[] = []
    const servers = ['srv1', 'srv2']
    for (const [run, server] of servers.entries()) {
      commands.push(client.command('echo', run, { key: `user-${run}`, safety: 'read', deadlineMs: 20_000 }))
      await until(
        'the hook',
        () => gate.held(run),
        9000,
        () => client.decisions().slice(-8),
      )
      await elapse(200)
      // Restored, but nothing else has reached the server: no topic, no command of the user.
      const open = (): readonly string[] | undefined =>
        cluster
          .server(server)
          .connections()
          .find((one) => one.closedAt === undefined)?.topics
      expect(open()).toEqual([])
      expect(cluster.ledger.all().map((entry) => `${entry.server} ${entry.key}`)).not.toContain(`${server} user-${run}`)
      expect(log.subscription.state).toBe(run === 0 ? 'pending' : 'recovering')
      expect(gate.runs[run]?.endpoint.server).toBe(server)
      expect(gate.runs[run]?.previous?.server).toBe(run === 0 ? undefined : 'srv1')
      gate.pass(run)
      expect(await commands[run]).toBe(run)
      await until('the topic', () => log.subscription.state === 'live' && open()?.length === 1, 3000)
      if (run === 0) await cluster.kill('srv1')
    }
    expect(cluster.ledger.all().map((entry) => `${entry.server} ${entry.key} ${entry.status}`)).toEqual([
      'srv1 session-0 executed',
      'srv1 user-0 executed',
      'srv2 session-1 executed',
      'srv2 user-1 executed',
    ])
    await until('the report', () => connected.events.failover.length === 1, 3000)
    // The hook's time is told as such.
    expect(connected.events.failover[0]?.timings.restoreMs).toBeGreaterThan(150)
  })

  test('a planned move restores the new side while the old one serves on', async () => {
    const harness = await startHarness({ heartbeatMs: 500 })
    const { cluster } = harness
    const gate = new Gate()
    const { client, events } = harness.connect({ ...FAST, restoreSession: gate.hook })
    const log = recordLog(client, CHAT)
    await until('the hook', () => gate.held(0), 9000)
    gate.pass(0)
    await until('the topic', () => log.subscription.state === 'live', 3000)
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    const move = client.switchover()
    await until('the hook', () => gate.held(1), 9000)
    const before = log.keys.length
    await until('the stream to go on meanwhile', () => log.keys.length > before + 50, 3000)
    expect(await client.command('echo', 'meanwhile', { key: 'meanwhile' })).toBe('meanwhile')
    expect(cluster.ledger.executions('meanwhile')).toMatchObject([{ server: 'srv1' }])
    gate.pass(1)
    expect(await move).toMatchObject({ to: { server: 'srv2' } })
    const published = chat.stop()
    await until('all messages', () => log.keys.length >= published.length, 5000)
    expect(log.keys).toEqual(published.map((one) => one.key))
    expect(events.failover).toEqual([])
  })

  test('its rejection ends that attempt: nothing was subscribed there, and the next attempt is made', async () => {
    const harness = await startHarness({ heartbeatMs: 500 })
    const { cluster } = harness
    const servers: (string | undefined)[] = []
    const connected = harness.connect({
      ...FAST,
      restoreSession: async ({ endpoint, command }) => {
        servers.push(endpoint.server)
        await command('session', {}, { key: `session-${servers.length}` })
        if (servers.length === 1) throw new Error('settings were refused')
      },
    })
    const log = recordLog(connected.client, CHAT)
    const answer = connected.client.command('echo', 1, { key: 'user' })
    await until(
      'the topic',
      () => log.subscription.state === 'live',
      9000,
      () => connected.client.decisions().slice(-8),
    )
    expect(await answer).toBe(1)
    expect(servers).toHaveLength(2)
    const first = cluster.server('srv1').connections()[0]
    expect(first?.closedAt).toBeDefined()
    expect(first?.topics).toEqual([])
    expect(connected.events.warning.filter((warning) => warning.code === 'RESTORE_FAILED')).toHaveLength(1)
    expect(cluster.ledger.executions('user')).toMatchObject([{ server: servers[1] }])
    // Nobody's fault but the hook's: no breaker was opened.
    expect(connected.client.endpoints.map((endpoint) => endpoint.breaker)).toEqual(['closed', 'closed'])
  })

  test('over the event stream likewise', async () => {
    const harness = await startHarness({ heartbeatMs: 500, refuseUpgrades: true })
    const { cluster } = harness
    const gate = new Gate()
    const { client } = harness.connect({ ...FAST, restoreSession: gate.hook })
    const log = recordLog(client, CHAT)
    const answer = client.command('echo', 1, { key: 'user', deadlineMs: 20_000 })
    await until(
      'the hook',
      () => gate.held(0),
      9000,
      () => client.decisions().slice(-8),
    )
    await elapse(200)
    const topics = (): string[] =>
      cluster.servers.flatMap((server) => server.connections().flatMap((one) => one.topics))
    expect(topics()).toEqual([])
    expect(cluster.ledger.all().map((entry) => entry.key)).toEqual(['session-0'])
    gate.pass(0)
    expect(await answer).toBe(1)
    await until('the topic', () => log.subscription.state === 'live', 3000)
    expect(topics()).toEqual([CHAT])
    expect(cluster.ledger.all().map((entry) => entry.key)).toEqual(['session-0', 'user'])
  })
})
