/** The simulated world, whole: the shipped client on it, outage by outage, in simulated time. */
import { describe, expect, it } from 'vitest'
import type { FailoverClient, MoveReport } from '../../src/public'
import { logTopic, stateTopic } from '../../src/public'
import { SimulatedWorld, type Announce, type SimulatedWorldOptions } from '../../src/testing'

const LOG = 'chat/4711'
const AGENTS = 'ucc/helpdesk/agents'

interface Scene {
  readonly world: SimulatedWorld
  readonly client: FailoverClient
  readonly moves: MoveReport[]
  /** Keys of the log, as they were delivered. */
  readonly delivered: string[]
}

async function play(options: SimulatedWorldOptions = {}): Promise<Scene> {
  const world = new SimulatedWorld(options)
  const client = world.connect()
  const moves: MoveReport[] = []
  const delivered: string[] = []
  client.on('failover', (move) => moves.push(move))
  client.on('switchover', (move) => moves.push(move))
  client.subscribe(logTopic(LOG)).on('change', (change) => {
    if ('key' in change) delivered.push(change.key)
  })
  await world.runUntil(() => client.state === 'connected', 1000)
  return { world, client, moves, delivered }
}

/** Publishing has ended, and everything is there: once, in order. */
async function expectExact({ world, delivered }: Scene): Promise<void> {
  await world.run(1000)
  expect(delivered).toEqual(world.published(LOG).map(({ key }) => key))
  expect(delivered.length).toBeGreaterThan(0)
}

/** Nothing is left of a client that was closed. */
async function end({ world, client }: Scene): Promise<void> {
  await world.settle(client.close(), 2000)
  expect(world.leftovers()).toEqual([])
  await world.run(60_000)
  expect(world.network.openConnections).toBe(0)
  world.close()
}

describe('a story of one outage', () => {
  it('a kill under 200 events a second loses nothing and repeats nothing', async () => {
    const scene = await play({ seed: 7 })
    const { world, client, moves } = scene
    const generation = world.generate({ topic: LOG, perSecond: 200 })
    await world.run(5000)
    world.server('srv1').kill()
    await world.run(3000)
    generation.stop()
    await expectExact(scene)
    expect(client.active?.server).toBe('srv2')
    expect(moves.map(({ to, reason }) => [to.server, reason])).toEqual([['srv2', 'connection-lost']])
    expect(moves[0]?.timings.totalMs).toBeLessThan(500)
    expect(world.server('srv2').connections()[0]?.previous).toEqual({ server: 'srv1', reason: 'connection-lost' })
    await end(scene)
  })

  it('a server that hangs is left within 3 s', async () => {
    const scene = await play()
    const { world, client } = scene
    const generation = world.generate({ topic: LOG, perSecond: 20 })
    await world.run(2000)
    world.server('srv1').hang()
    await world.runUntil(() => client.active?.server === 'srv2' && client.state === 'connected', 3000)
    generation.stop()
    await expectExact(scene)
    await end(scene)
  })

  it('a machine that is switched off answers nothing, and is left within 3 s', async () => {
    const scene = await play()
    const { world, client } = scene
    world.server('srv1').powerOff()
    await world.runUntil(() => client.active?.server === 'srv2' && client.state === 'connected', 3000)
    world.server('srv1').restart()
    await world.run(2000)
    expect(client.active?.server).toBe('srv2')
    await end(scene)
  })

  const ANNOUNCED: readonly [Announce, number][] = [
    ['status', 1000],
    ['heartbeat', 2500],
    ['beats', 4000],
    ['readiness', 20_000],
  ]
  it.each(ANNOUNCED)('a UCC that stops and tells it by %s is left within %i ms', async (announce, withinMs) => {
    const scene = await play({ standby: 'stopped' })
    const { world, client, moves } = scene
    await world.run(5000)
    world.server('srv1').stopUcc('helpdesk', { announce })
    world.server('srv2').startUcc()
    await world.runUntil(() => client.active?.server === 'srv2' && client.state === 'connected', withinMs)
    expect(moves[0]?.reason).toBe('ucc-stopped')
    await end(scene)
  })

  it('a drain moves the client before its end, and nobody falls silent', async () => {
    const scene = await play()
    const { world, client, moves } = scene
    const generation = world.generate({ topic: LOG, perSecond: 50 })
    world.server('srv1').drain({ leaveWithinMs: 10_000 })
    await world.run(12_000)
    generation.stop()
    await expectExact(scene)
    expect(moves.map(({ kind, reason }) => [kind, reason])).toEqual([['switchover', 'drain']])
    expect(world.server('srv1').connections()[0]).toMatchObject({ left: 'drain', closeCode: 1000 })
    expect(client.active?.server).toBe('srv2')
    await end(scene)
  })

  it('a state topic becomes what the other server has, though their logs are split', async () => {
    const world = new SimulatedWorld({ log: 'split' })
    const client = world.connect()
    const agents = client.subscribe(stateTopic(AGENTS))
    world.publish(AGENTS, { key: 'anna', data: 'ready' })
    world.publish(AGENTS, { key: 'bert', data: 'busy' })
    await world.run(1000)
    world.server('srv1').kill()
    world.publish(AGENTS, { key: 'bert', op: 'remove' })
    await world.run(2000)
    expect([...agents.view]).toEqual([['anna', 'ready']])
    await end({ world, client, moves: [], delivered: [] })
  })

  it('a command whose result was lost in a kill is executed once', async () => {
    const scene = await play()
    const { world, client } = scene
    world.setCommandDelay({ afterMs: 400 })
    const answered = client.command('set', { target: 'door', value: 'open' }, { safety: 'effect' })
    await world.run(200)
    world.server('srv1').kill()
    expect(await world.settle(answered, 5000)).toMatchObject({ value: 'open' })
    expect(world.ledger.all().map(({ status, server }) => [status, server])).toEqual([
      ['executed', 'srv1'],
      ['duplicate', 'srv2'],
    ])
    await end(scene)
  })
})

describe('one seed', () => {
  const story = async (seed: number): Promise<SimulatedWorld> => {
    const scene = await play({ seed, network: { loss: 0.02 } })
    const { world, client } = scene
    world.generate({ topic: LOG, perSecond: 20 })
    await world.run(3000)
    const answered = client.fetch('/api/whoami').then((response) => response.json())
    expect(await world.settle(answered)).toEqual({ server: 'srv1' })
    world.server('srv1').hang()
    await world.run(5000)
    // A program that hangs does not hang up: its kernel would hold what the client has closed.
    world.server('srv1').unhang()
    await end(scene)
    return world
  }

  it('gives one trace, to the last packet; another seed gives another', async () => {
    const [one, same, other] = [await story(3), await story(3), await story(4)]
    expect(same.trace.lines().join('\n')).toBe(one.trace.lines().join('\n'))
    expect(same.trace.hash()).toBe(one.trace.hash())
    expect(other.trace.hash()).not.toBe(one.trace.hash())
    expect(one.trace.lines().length).toBeGreaterThan(100)
  })
})

it('a trace that is kept short has the same hash', async () => {
  const tell = async (options: SimulatedWorldOptions): Promise<SimulatedWorld> => {
    const scene = await play(options)
    scene.world.generate({ topic: LOG, perSecond: 500, count: 1000 })
    await scene.world.run(3000)
    await end(scene)
    return scene.world
  }
  const whole = await tell({})
  const short = await tell({ traceSize: 10 })
  expect(short.trace.hash()).toBe(whole.trace.hash())
  expect(short.trace.entries().length).toBeLessThan(whole.trace.entries().length)
  expect(whole.trace.lines({ last: 2, actor: 'srv1' })).toHaveLength(2)
  const none = await tell({ traceSize: 0 })
  expect(none.trace.entries()).toEqual([])
  expect(none.now).toBe(whole.now)
})

describe('time', () => {
  it('stands still until it is moved, and goes exactly as far as it is told', async () => {
    const world = new SimulatedWorld({ startAt: 1000 })
    const seen: number[] = []
    world.after(10, () => seen.push(world.now))
    world.after(20.5, () => seen.push(world.now))
    await world.run(15)
    expect([world.now, world.wallClock, seen]).toEqual([15, 1015, [10]])
    await world.run(5.5)
    expect([world.now, seen]).toEqual([20.5, [10, 20.5]])
  })

  it('gives promises as many turns as it is told', async () => {
    const chain = async (promiseTurns: number): Promise<boolean> => {
      const world = new SimulatedWorld({ promiseTurns })
      let isOver = false
      let last = Promise.resolve()
      for (let link = 0; link < 100; link += 1) last = last.then()
      void last.then(() => (isOver = true))
      await world.run(1)
      return isOver
    }
    expect([await chain(50), await chain(150)]).toEqual([false, true])
    expect(() => new SimulatedWorld({ promiseTurns: 0 })).toThrow(/promiseTurns/)
  })

  it('settles a promise, chains of promises included, in no time at all', async () => {
    const world = new SimulatedWorld()
    const later = new Promise<string>((resolve) => void world.after(100, () => resolve('done')))
    const chain = later.then((text) => Promise.resolve(`${text} twice`)).then((text) => Promise.resolve(`${text}!`))
    expect(await world.settle(chain)).toBe('done twice!')
    expect(world.now).toBe(100)
  })

  it('hands on a rejection, and says what happened last when nothing settles', async () => {
    const world = new SimulatedWorld()
    await expect(world.settle(Promise.reject(new Error('no')))).rejects.toThrow('no')
    world.server('srv1').kill()
    await expect(world.settle(new Promise(() => undefined), 50)).rejects.toThrow(/not settled after 50 ms.*killed/s)
    await expect(world.runUntil(() => false, 50)).rejects.toThrow(/still not after 50 ms.*srv1 is killed/s)
  })

  it('runs once at a time', async () => {
    const world = new SimulatedWorld()
    const running = world.run(10)
    await expect(world.run(10)).rejects.toThrow('await the run')
    await running
  })
})

it('a wrong option or server is named', () => {
  expect(() => new SimulatedWorld({ servers: 0 })).toThrow(/servers/)
  expect(() => new SimulatedWorld().server('srv9')).toThrow(/srv9/)
  const world = new SimulatedWorld()
  world.server('srv1').kill()
  expect(() => world.server('srv1').hang()).toThrow(/not alive/)
})
