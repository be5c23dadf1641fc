/** Links and names: what goes wrong on the way, as one exchange or one socket feels it. */
import { describe, expect, it } from 'vitest'
import type { ExchangeOutcome, Platform } from '../../src/platform/platform'
import { SimulatedWorld, type DeviceOptions, type LinkFault, type SimulatedWorldOptions } from '../../src/testing'
import { exchange, fetchRouted, openSocket } from '../support/platform-probes'

const READY = '/failover/ready?ucc=helpdesk'
const QUIET: SimulatedWorldOptions = { network: { latencyMs: 10, loss: 0 } }

function roadTo(url: string, generation = 0): { endpointId: string; generation: number; url: string } {
  return { endpointId: url, generation, url }
}

interface Scene {
  readonly world: SimulatedWorld
  readonly platform: Platform
  /** Asks srv1 and says what came, in words. */
  ask(timeoutMs?: number, url?: string): Promise<string>
  /** How long that took. */
  time(): Promise<number>
}

function scene(options: SimulatedWorldOptions = QUIET, device: DeviceOptions = {}): Scene {
  const world = new SimulatedWorld(options)
  const platform = world.device({ name: 'pc', ...device }).platform()
  const ask = async (timeoutMs = 5000, url = world.endpoints[0] ?? ''): Promise<string> => {
    const heard = exchange(platform, { road: roadTo(url), path: READY, timeoutMs })
    return wordsOf(await world.settle(heard.first))
  }
  const time = async (): Promise<number> => {
    const before = world.now
    await ask()
    return world.now - before
  }
  return { world, platform, ask, time }
}

function wordsOf(outcome: ExchangeOutcome): string {
  if (!outcome.ok) return `${outcome.failure.kind}, sent: ${outcome.failure.sent}`
  const { server } = JSON.parse(outcome.body) as { server: string }
  return `${outcome.status} ${server}`
}

describe('a link', () => {
  it('takes its time: a name, three round trips for the first answer, one for the next', async () => {
    const { time } = scene()
    const first = await time()
    expect(first).toBeGreaterThan(61)
    expect(first).toBeLessThan(80)
    expect(await time()).toBeCloseTo(20)
  })

  it('draws from a distribution, each link and way its own', async () => {
    const { world, time } = scene({ network: { latencyMs: { median: 20, p99: 200 } } })
    await time()
    const times: number[] = []
    for (let count = 0; count < 200; count += 1) times.push(await time())
    times.sort((one, other) => one - other)
    expect(times[100]).toBeGreaterThan(35)
    expect(times[100]).toBeLessThan(70)
    expect(times[199]).toBeGreaterThan(120)
    world.network.links().quality({ latencyMs: 1 }, 'up')
    world.network.links().quality({ latencyMs: 2 }, 'down')
    expect(await time()).toBeCloseTo(3)
  })

  it('loses packets: TCP makes it late, and never loses or reorders anything', async () => {
    const { world, platform } = scene({ network: { latencyMs: { min: 1, max: 30 }, loss: 0.2 } })
    const heard = openSocket(platform, { road: roadTo(world.endpoints[0] ?? ''), path: '/ws/echo' })
    await world.runUntil(() => heard.opened.length === 1, 60_000)
    const sent = Array.from({ length: 100 }, (_unused, index) => `${index}`)
    for (const text of sent) heard.socket.send(text)
    const before = world.now
    await world.runUntil(() => heard.messages.length === 100, 60_000)
    expect(heard.messages).toEqual(sent)
    expect(world.now - before).toBeGreaterThan(200)
  })

  const FAULTS: readonly [LinkFault, string][] = [
    ['partition', 'connect-timeout, sent: no'],
    ['lost-up', 'connect-timeout, sent: no'],
    ['lost-down', 'connect-timeout, sent: no'],
    ['black-hole', 'connect-timeout, sent: no'],
    ['accept-and-hang', 'connect-timeout, sent: no'],
    ['refused', 'refused, sent: no'],
    ['unreachable', 'unreachable, sent: no'],
    ['certificate', 'certificate, sent: no'],
  ]
  it.each(FAULTS)('with %s: a new connection ends as "%s", and works again when it is healed', async (fault, ends) => {
    const { world, ask } = scene()
    world.network.links({ server: 'srv1' }).break(fault)
    expect(await ask(2000)).toBe(ends)
    expect(await ask(2000, world.endpoints[1])).toBe('200 srv2')
    world.network.links({ server: 'srv1' }).heal()
    expect(await ask(2000)).toBe('200 srv1')
  })

  const FOR_OPEN: readonly [LinkFault, string][] = [
    ['partition', 'timeout, sent: maybe'],
    ['lost-up', 'timeout, sent: maybe'],
    ['lost-down', 'timeout, sent: maybe'],
    ['black-hole', '200 srv1'],
    ['refused', '200 srv1'],
    ['accept-and-hang', '200 srv1'],
    ['certificate', '200 srv1'],
  ]
  it.each(FOR_OPEN)('with %s: a connection that is open answers "%s"', async (fault, answers) => {
    const { world, ask } = scene()
    await ask()
    world.network.links({ device: 'pc' }).break(fault)
    expect(await ask(1500)).toBe(answers)
  })

  it('partitioned for a moment delivers what waited, in order, at the next try', async () => {
    const { world, platform } = scene()
    const heard = openSocket(platform, { road: roadTo(world.endpoints[0] ?? ''), path: '/ws/echo' })
    await world.run(200)
    world.network.links().break('partition')
    heard.socket.send('one')
    await world.run(700)
    heard.socket.send('two')
    world.network.links().heal()
    const before = world.now
    await world.runUntil(() => heard.messages.length === 2, 5000)
    expect(heard.messages).toEqual(['one', 'two'])
    // Tried again after 200 ms, 400 ms, 800 ms.
    expect(world.now - before).toBeGreaterThan(300)
    expect(heard.closes).toEqual([])
  })

  it('forgotten by a NAT: open connections stay half-open, new ones work', async () => {
    const { world, platform, ask } = scene()
    const heard = openSocket(platform, { road: roadTo(world.endpoints[0] ?? ''), path: '/ws/echo' })
    await world.run(200)
    world.network.links().forget()
    heard.socket.send('lost')
    await world.run(60_000)
    expect([heard.messages, heard.closes]).toEqual([[], []])
    expect(await ask()).toBe('200 srv1')
    // Linux gives up after a quarter of an hour.
    await world.run(900_000)
    expect(heard.closes).toMatchObject([{ code: 1006, failure: { kind: 'reset' } }])
  })

  it('reset: open connections break at once', async () => {
    const { world, platform } = scene()
    const heard = openSocket(platform, { road: roadTo(world.endpoints[0] ?? ''), path: '/ws/echo' })
    await world.run(200)
    world.network.links({ server: 'srv1' }).reset()
    await world.run(1)
    expect(heard.closes).toMatchObject([{ code: 1006, clean: false, failure: { kind: 'reset' } }])
  })

  it('faults hold for devices that come later; heal() ends them all', async () => {
    const { world } = scene()
    world.network.links({ server: 'srv1' }).break('refused')
    world.network.links().quality({ latencyMs: 100 })
    const late = world.device('late').platform()
    const refused = exchange(late, { road: roadTo(world.endpoints[0] ?? '') })
    expect(wordsOf(await world.settle(refused.first))).toBe('refused, sent: no')
    world.network.heal()
    const healed = exchange(late, { road: roadTo(world.endpoints[0] ?? ''), path: READY })
    expect(wordsOf(await world.settle(healed.first))).toBe('200 srv1')
  })
})

describe('a machine', () => {
  it('that is off answers nothing; what comes back resets connections that it does not know', async () => {
    const { world, platform, ask } = scene()
    const heard = openSocket(platform, { road: roadTo(world.endpoints[0] ?? ''), path: '/ws/echo' })
    await world.run(200)
    world.server('srv1').powerOff()
    expect(await ask(1500)).toBe('connect-timeout, sent: no')
    expect(heard.closes).toEqual([])
    world.server('srv1').restart()
    heard.socket.send('anybody there?')
    await world.run(100)
    expect(heard.closes).toMatchObject([{ failure: { kind: 'reset' } }])
  })

  it('whose process is killed refuses; one that hangs accepts TCP and no TLS', async () => {
    const { world, platform, ask } = scene()
    const connect = async (): Promise<string> => {
      const done = new Promise<string>((resolve) => {
        platform.connectTcp?.(roadTo(world.endpoints[0] ?? ''), 443, 1000, (failure) => resolve(failure?.kind ?? 'yes'))
      })
      return world.settle(done)
    }
    expect(await connect()).toBe('yes')
    world.server('srv1').hang()
    expect([await connect(), await ask(1000)]).toEqual(['yes', 'connect-timeout, sent: no'])
    world.server('srv1').kill()
    expect([await connect(), await ask(1000)]).toEqual(['refused', 'refused, sent: no'])
  })

  it('that refuses keeps its open connections', async () => {
    const { world, platform, ask } = scene()
    const heard = openSocket(platform, { road: roadTo(world.endpoints[0] ?? ''), path: '/ws/echo' })
    await world.run(200)
    world.server('srv1').refuse()
    expect(await ask()).toBe('refused, sent: no')
    heard.socket.send('still here')
    await world.run(100)
    expect(heard.messages).toEqual(['still here'])
    world.server('srv1').accept()
    expect(await ask()).toBe('200 srv1')
  })
})

describe('an address in front', () => {
  it('leads new connections where it points; open ones stay', async () => {
    const { world, platform, ask } = scene()
    const vip = world.network.vip('lb', 'srv1')
    expect(vip.url).toBe('https://lb.contoso.example')
    const heard = openSocket(platform, { road: roadTo(vip.url), path: '/ws/echo?greet' })
    await world.run(200)
    vip.point('srv2')
    expect(await ask(1000, vip.url)).toBe('200 srv2')
    heard.socket.send('still srv1')
    await world.run(100)
    expect(heard.messages).toEqual(['{"server":"srv1"}', 'still srv1'])
  })
})

describe('names', () => {
  it('are cached for their TTL: a flip is seen after it, and by new connections only', async () => {
    const { world, platform } = scene()
    const hostname = new URL(world.hostname).hostname
    world.dns.point(hostname, 'srv1', { ttlMs: 30_000 })
    let generation = 0
    const whoAnswers = async (): Promise<string> => {
      generation += 1
      const heard = exchange(platform, { road: roadTo(world.hostname, generation), path: READY })
      return wordsOf(await world.settle(heard.first))
    }
    expect(await whoAnswers()).toBe('200 srv1')
    world.dns.point(hostname, 'srv2')
    await world.run(20_000)
    expect(await whoAnswers()).toBe('200 srv1')
    await world.run(10_000)
    expect(await whoAnswers()).toBe('200 srv2')
    expect(world.dns.address(hostname)).toBe(world.server('srv2').address)
    expect(world.devices[0]?.attempts().filter(({ kind }) => kind === 'dns')).toHaveLength(2)
  })

  it('go wrong: unknown, failing, silent, stale, and different each time', async () => {
    const { world, ask } = scene()
    const hostname = new URL(world.hostname).hostname
    world.dns.break('nxdomain', hostname)
    expect(await ask(2000, world.hostname)).toBe('dns, sent: no')
    world.dns.break('servfail')
    world.dns.heal(hostname)
    expect(await ask(2000, world.hostname)).toBe('dns, sent: no')
    world.dns.break('timeout')
    expect(await ask(2000, world.hostname)).toBe('connect-timeout, sent: no')
    world.dns.heal()
    expect(await ask(2000, world.hostname)).toBe('200 srv1')
    world.dns.break('stale')
    world.dns.point(hostname, 'srv2')
    await world.run(120_000)
    expect(await ask(2000, world.hostname)).toBe('200 srv1')
    world.dns.break('rotate')
    const answers: string[] = []
    for (let count = 0; count < 4; count += 1) {
      await world.run(61_000)
      answers.push(await ask(2000, world.hostname))
    }
    expect(new Set(answers)).toEqual(new Set(['200 srv1', '200 srv2']))
  })

  it('are followed by a resolver: the server that the hostname points at is designated', async () => {
    const { world } = scene()
    const device = world.device('pc')
    const client = device.connect({ resolver: device.resolver({ pollMs: 5000 }), failback: { holdDownMs: 60_000 } })
    await world.runUntil(() => client.active?.server === 'srv1', 1000)
    world.dns.point(new URL(world.hostname).hostname, 'srv2', { ttlMs: 1000 })
    await world.runUntil(() => client.active?.server === 'srv2', 90_000)
    await world.settle(client.close())
    expect(world.leftovers()).toEqual([])
  })
})

it('a page cannot tell refused from reset from a bad certificate', async () => {
  const { world, ask } = scene(QUIET, { kind: 'page' })
  world.network.links().break('refused')
  expect(await ask()).toBe('opaque, sent: maybe')
  world.network.links().break('certificate')
  expect(await ask()).toBe('opaque, sent: maybe')
  world.network.links().break('partition')
  expect(await ask(1000)).toBe('timeout, sent: maybe')
})

it('a request in flight when its server is killed may have been executed', async () => {
  const { world, platform } = scene()
  const url = `${world.endpoints[0] ?? ''}/api/slow?ms=1000`
  const heard = fetchRouted(platform, { road: roadTo(world.endpoints[0] ?? ''), url, init: { method: 'POST' } })
  await world.run(300)
  world.server('srv1').kill()
  expect(await world.settle(heard.first)).toMatchObject({ ok: false, failure: { kind: 'reset', sent: 'maybe' } })
})
