/** Page life and machine life: timers, clocks, signals, sleep, captive networks; and what is left after close. */
import { describe, expect, it } from 'vitest'
import type { PlatformSignal } from '../../src/platform/platform'
import { SimulatedWorld, type SimulatedDevice } from '../../src/testing'
import { exchange, fetchRouted, openSocket, stream } from '../support/platform-probes'

interface Scene {
  readonly world: SimulatedWorld
  readonly device: SimulatedDevice
  /** World time at which each timer fired. */
  readonly fired: number[]
  tick(delayMs: number): () => void
}

function scene(kind: 'node' | 'page' = 'page'): Scene {
  const world = new SimulatedWorld()
  const device = world.device({ name: 'tab', kind })
  const platform = device.platform()
  const fired: number[] = []
  return { world, device, fired, tick: (delayMs) => platform.setTimer(delayMs, () => fired.push(world.now)) }
}

function everySecond({ device, world, fired }: Scene): void {
  const platform = device.platform()
  const again = (): void => {
    fired.push(world.now)
    platform.setTimer(1000, again)
  }
  platform.setTimer(1000, again)
}

function roadTo(url: string | undefined): { endpointId: string; generation: number; url: string } {
  return { endpointId: 'e', generation: 0, url: url ?? '' }
}

describe('timers', () => {
  it('fire in order, at their time, not when cancelled, and never for an endless delay', async () => {
    const { world, fired, tick } = scene()
    tick(20)
    tick(10)
    tick(15)()
    tick(Infinity)
    tick(0)
    await world.run(1000)
    expect(fired).toEqual([0, 10, 20])
  })

  it('fire at multiples of the throttle only', async () => {
    const { world, device, fired, tick } = scene()
    device.throttle(1000)
    tick(10)
    tick(1001)
    await world.run(5000)
    expect(fired).toEqual([1000, 2000])
    device.throttle(60_000)
    tick(10)
    await world.run(120_000)
    expect(fired).toEqual([1000, 2000, 60_000])
    device.throttle(0)
    tick(10)
    await world.run(100)
    expect(fired.at(-1)).toBe(125_010)
  })
})

describe('a machine', () => {
  it('that sleeps runs nothing; its monotonic clock stops, its wall clock goes on', async () => {
    const { world, device, fired, tick } = scene('node')
    tick(1000)
    await world.run(400)
    device.sleep({ forMs: 10_000 })
    await world.run(10_000)
    expect([device.now, device.wallClock - Date.UTC(2026, 0, 1)]).toEqual([400, 10_400])
    await world.run(1000)
    expect(fired).toEqual([11_000])
    expect(device.now).toBe(1400)
  })

  it('may have a monotonic clock that counts sleep: its timers are late then', async () => {
    const { world, device, fired, tick } = scene('node')
    tick(1000)
    device.sleep({ countsSleep: true })
    await world.run(5000)
    expect(device.now).toBe(5000)
    device.wake()
    await world.run(1)
    expect(fired).toEqual([5000])
  })

  it('that sleeps hears nothing, and TCP brings later what came meanwhile', async () => {
    const { world, device } = scene('node')
    const heard = openSocket(device.platform(), { road: roadTo(world.endpoints[0]), path: '/ws/echo' })
    await world.run(200)
    heard.socket.send('hello')
    device.sleep()
    await world.run(3000)
    expect(heard.messages).toEqual([])
    device.wake()
    await world.run(20_000)
    expect(heard.messages).toEqual(['hello'])
  })

  it('has a wall clock of its own', async () => {
    const world = new SimulatedWorld({ startAt: 1_000_000 })
    const device = world.device({ clockSkewMs: -5000 })
    expect([world.wallClock, device.wallClock]).toEqual([1_000_000, 995_000])
    device.stepClock(60_000)
    await world.run(1)
    expect([device.wallClock, device.now]).toEqual([1_055_001, 1])
  })
})

describe('a page', () => {
  it('that is frozen hears suspend, then nothing; at the end what was missed comes in order, then resume', async () => {
    const { world, device, fired, tick } = scene()
    const signals: [number, PlatformSignal][] = []
    device.platform().watchSignals((signal) => signals.push([world.now, signal]))
    tick(100)
    tick(200)
    device.freeze()
    await world.run(5000)
    expect([fired, signals]).toEqual([[], [[0, 'suspend']]])
    device.thaw()
    await world.run(1)
    expect(fired).toEqual([5000, 5000])
    expect(signals.at(-1)).toEqual([5000, 'resume'])
    expect(device.now).toBe(5001)
  })

  it('that is blocked is late, and is told nothing', async () => {
    const { world, device, fired, tick } = scene()
    const signals: PlatformSignal[] = []
    device.platform().watchSignals((signal) => signals.push(signal))
    tick(100)
    device.block(700)
    await world.run(1000)
    expect([fired, signals]).toEqual([[700], []])
  })

  it.each(['block', 'freeze'] as const)('after a %s finds what came in the order of its connection', async (how) => {
    const world = new SimulatedWorld({ uccs: ['helpdesk'], network: { latencyMs: 5 } })
    const device = world.device({ kind: 'page' })
    const log = device.connect().subscribe('ucc/helpdesk/log')
    const origins: string[] = []
    log.on('batch', (changes) => origins.push(...changes.map(({ origin }) => origin)))
    await world.run(3000)
    if (how === 'freeze') device.freeze()
    else device.block(100)
    world.after(100, () => device.thaw())
    // One message is missed, the next one arrives in the very instant in which the code runs again.
    for (const at of [90, 95]) world.after(at, () => world.publish('ucc/helpdesk/log', { key: `m${at}`, data: at }))
    await world.run(3000)
    expect(origins).toEqual(['live', 'live'])
  })

  it('that is hidden is told, and throttled to a second until it is shown', async () => {
    const own = scene()
    const { world, device, fired } = own
    const signals: PlatformSignal[] = []
    device.platform().watchSignals((signal) => signals.push(signal))
    await world.run(300)
    everySecond(own)
    device.hide()
    await world.run(3000)
    device.show()
    await world.run(1)
    expect(fired).toEqual([2000, 3000])
    expect(signals).toEqual(['hidden', 'visible'])
  })

  it('that starts hidden or offline is told at once', async () => {
    const { world, device } = scene()
    device.hide()
    device.offline()
    const signals: PlatformSignal[] = []
    device.platform().watchSignals((signal) => signals.push(signal))
    await world.run(2000)
    expect(signals).toEqual(['offline', 'hidden'])
  })

  it('that is offline gets nowhere until it is online', async () => {
    const { world, device } = scene('node')
    const platform = device.platform()
    const ask = async (): Promise<unknown> => {
      const heard = exchange(platform, { road: roadTo(world.endpoints[0]), path: '/failover/ready', timeoutMs: 1000 })
      return world.settle(heard.first)
    }
    expect(await ask()).toMatchObject({ ok: true })
    await world.run(5000)
    device.offline()
    expect(await ask()).toMatchObject({ ok: false, failure: { kind: 'unreachable', sent: 'no' } })
    device.online({ silently: true })
    expect(await ask()).toMatchObject({ ok: true })
  })

  it('in a captive network gets a foreign page for everything', async () => {
    const { world, device } = scene('node')
    device.captive()
    const platform = device.platform()
    const heard = exchange(platform, { road: roadTo(world.endpoints[0]), path: '/failover/ready?ucc=helpdesk' })
    const outcome = await world.settle(heard.first)
    expect(outcome.ok && outcome.body).toContain('accept our terms')
    const socket = openSocket(platform, { road: roadTo(world.endpoints[0]) })
    await world.run(1000)
    expect(socket.closes).toMatchObject([{ code: 1006, status: 200 }])
    device.captive(false)
    await world.run(5000)
    const free = exchange(platform, { road: roadTo(world.endpoints[0]), path: '/failover/ready?ucc=helpdesk' })
    expect(await world.settle(free.first)).toMatchObject({ ok: true, status: 200 })
  })
})

describe('a client', () => {
  it('goes on after a sleep of an hour, and blames nobody', async () => {
    const world = new SimulatedWorld()
    const device = world.device({ kind: 'page' })
    const client = device.connect()
    client.subscribe('ucc/helpdesk/agents')
    await world.runUntil(() => client.state === 'connected', 1000)
    device.sleep({ forMs: 3_600_000 })
    await world.run(3_600_000)
    await world.runUntil(() => client.state === 'connected', 15_000)
    expect(client.active?.server).toBe('srv1')
    await world.settle(client.close())
    expect(world.leftovers()).toEqual([])
  })

  it('knows within 5 s that its own network is gone, and comes back', async () => {
    const world = new SimulatedWorld()
    const device = world.device({ kind: 'page' })
    const client = device.connect()
    client.subscribe('ucc/helpdesk/agents')
    await world.runUntil(() => client.state === 'connected', 1000)
    device.offline()
    await world.runUntil(() => client.state === 'offline', 5000)
    expect(client.offlineReason).toBe('network')
    device.online()
    await world.runUntil(() => client.state === 'connected', 30_000)
    await world.settle(client.close())
    expect(world.leftovers()).toEqual([])
  })

  it('lists what it tried to reach', async () => {
    const world = new SimulatedWorld()
    const client = world.connect({ endpoints: world.endpoints.slice(0, 1) })
    client.subscribe('ucc/helpdesk/agents')
    await world.runUntil(() => client.state === 'connected', 1000)
    const [device] = world.devices
    const kinds = device?.attempts().map(({ kind, at }) => [kind, at >= 0])
    expect(kinds).toContainEqual(['readiness', true])
    expect(kinds).toContainEqual(['socket', true])
    expect(device?.leftovers().length).toBeGreaterThan(0)
    await world.settle(client.close())
    expect(device?.leftovers()).toEqual([])
  })
})

describe('a platform', () => {
  it('ends everything with close(), in silence, and does nothing after it', async () => {
    const { world, device } = scene('node')
    const platform = device.platform()
    const road = roadTo(world.endpoints[0])
    const slow = fetchRouted(platform, { road, url: `${road.url}/api/slow?ms=5000`, init: {} })
    const socket = openSocket(platform, { road, path: '/ws/echo' })
    const stuck = exchange(platform, { road: roadTo('https://nowhere.contoso.example') })
    const signals: PlatformSignal[] = []
    platform.watchSignals((signal) => signals.push(signal))
    await world.run(100)
    expect(socket.opened).toHaveLength(1)
    expect(stuck.outcomes).toMatchObject([{ ok: false, failure: { kind: 'dns' } }])
    platform.close()
    platform.close()
    expect(device.leftovers()).toEqual([])
    await world.run(100)
    expect(world.network.openConnections).toBe(0)
    device.offline()
    const late = exchange(platform, { road })
    const lateSocket = openSocket(platform, { road })
    await world.run(10_000)
    expect([slow.outcomes, socket.closes, signals, late.outcomes, lateSocket.closes]).toEqual([[], [], [], [], []])
  })

  it('reads a response, hides nothing from Node, and tells a page nothing without CORS', async () => {
    const http = (): { status: number; headers: Record<string, string> } => {
      return { status: 302, headers: { Location: '/b' } }
    }
    const world = new SimulatedWorld({ http })
    const road = roadTo(world.endpoints[0])
    const init: RequestInit = { method: 'POST', body: new URLSearchParams({ a: '1' }), redirect: 'manual' }
    const node = fetchRouted(world.device('pc').platform(), { road, url: `${road.url}/a`, init })
    const outcome = await world.settle(node.first)
    expect(outcome.ok && outcome.response.headers.get('location')).toBe('/b')
    const [seen] = world.server('srv1').requests()
    expect(seen).toMatchObject({ method: 'POST', url: '/a' })
    expect(seen?.headers['content-type']).toMatch(/x-www-form-urlencoded/)
    const page = world.device({ name: 'tab', kind: 'page' }).platform()
    expect(await world.settle(exchange(page, { road }).first)).toMatchObject({ ok: false, failure: { kind: 'opaque' } })
  })

  it('aborts by signal with its reason, before and during a request', async () => {
    const { world, device } = scene('node')
    const platform = device.platform()
    const road = roadTo(world.endpoints[0])
    const url = `${road.url}/api/slow?ms=5000`
    const early = new AbortController()
    early.abort('at once')
    const first = fetchRouted(platform, { road, url, init: { signal: early.signal } })
    expect(await world.settle(first.first)).toMatchObject({
      failure: { kind: 'aborted', sent: 'no', cause: 'at once' },
    })
    const late = new AbortController()
    const second = fetchRouted(platform, { road, url, init: { signal: late.signal } })
    await world.run(500)
    late.abort('later')
    expect(await world.settle(second.first)).toMatchObject({
      failure: { kind: 'aborted', sent: 'maybe', cause: 'later' },
    })
  })

  it('tells while a request waits for a connection, and gives up waiting', async () => {
    const { world, device } = scene('node')
    const platform = device.platform()
    const road = roadTo(world.endpoints[0])
    const waits: boolean[] = []
    const told = { waits: (isWaiting: boolean) => void waits.push(isWaiting) }
    const request = { road, url: `${road.url}/api/whoami`, init: {}, connectTimeoutMs: 500, ...told }
    expect(await world.settle(fetchRouted(platform, request).first)).toMatchObject({ ok: true })
    expect(waits).toEqual([true, false])
    await world.run(5000)
    world.network.links().break('black-hole')
    const before = world.now
    const outcome = await world.settle(fetchRouted(platform, request).first)
    expect(outcome).toMatchObject({ failure: { kind: 'connect-timeout', sent: 'no' } })
    expect(world.now - before).toBe(500)
  })

  it('has a deadline for the head of a stream, and none for its body', async () => {
    const { world, device } = scene('node')
    const road = roadTo(world.endpoints[0])
    const hello = { type: 'hello', version: 1, client: { id: 'c' }, ucc: 'helpdesk', heartbeatMs: 1000 }
    const request = { road, path: '/failover/events', body: JSON.stringify([hello]), timeoutMs: 200 }
    const heard = stream(device.platform(), request)
    await world.run(5000)
    expect(heard.status).toBe(200)
    expect(heard.text).toMatch(/^data: {"type":"welcome".*"type":"heartbeat"/s)
    expect(heard.ends).toEqual([])
    world.server('srv1').kill()
    await world.run(100)
    expect(heard.ends).toMatchObject([{ kind: 'reset' }])
    world.server('srv1').restart()
    world.server('srv1').hang()
    const silent = stream(device.platform(), request)
    await world.run(300)
    expect(silent.ends).toMatchObject([{ kind: 'connect-timeout' }])
  })

  it('closes a socket at a message over its limit, and cleanly when asked to', async () => {
    const { world, device } = scene('node')
    const road = roadTo(world.endpoints[0])
    const small = openSocket(device.platform(), { road, path: '/ws/echo', maxMessageBytes: 10 })
    const other = openSocket(device.platform(), { road, path: '/ws/echo' })
    await world.run(200)
    small.socket.send('more than ten characters')
    other.socket.send(new Uint8Array([1, 2, 3]))
    await world.run(100)
    expect(small.closes).toMatchObject([{ code: 1009, failure: { kind: 'too-large' } }])
    expect(new Uint8Array(other.messages[0] as ArrayBuffer)).toEqual(new Uint8Array([1, 2, 3]))
    other.socket.close(1000, 'bye')
    await world.run(100)
    expect(other.closes).toMatchObject([{ code: 1000, clean: true }])
    expect(world.network.openConnections).toBe(0)
  })
})
