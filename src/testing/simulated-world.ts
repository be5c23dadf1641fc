/**
 * The simulated world: one loop over one queue. Each turn does the next thing that is due; when code of a client ran in
 * it, promises get their turns before time goes on, so that a chain of them takes no simulated time.
 */
import type { FailoverClient } from '../client/failover-client-types'
import type { FailoverClientOptions } from '../client/option-types'
import type { Random } from '../core/random'
import type { Cancel } from '../platform/platform'
import { stream } from './chance'
import { Device } from './device'
import { Names } from './names'
import { Network } from './network'
import { captivePortal } from './portal'
import { checkPool, invalid } from './server/pool-options'
import type { Published, PublishInput } from './server/fault-options'
import type { CommandLedger } from './server/ledger'
import { ServerPool } from './server-pool'
import { PoolServer } from './simulated-server'
import { Timeline } from './timeline'
import { Trace } from './trace'
import type { DeviceOptions, SimulatedDevice } from './device-types'
import type { SimulatedServer } from './simulated-server-types'
import type { SimulatedGeneration, SimulatedWorldOptions, World } from './world-types'

const DEFAULT_CONDITIONS = { latencyMs: { min: 1, max: 5 }, loss: 0 }
const DEFAULT_DOMAIN = 'contoso.example'
const HOSTNAME = 'pool'
/** Longer than any chain of promises in the client (a request with a token, a body and a redirect takes about 20). */
const PROMISE_TURNS = 64
const SETTLED = Promise.resolve()
const SETTLE_WITHIN_MS = 60_000
const LINES_SHOWN = 30

/** A whole world in one process, without I/O: servers, network, names, devices and time. See {@link World}. */
export class SimulatedWorld implements World {
  readonly seed: number
  readonly hostname: string
  readonly network: Network
  readonly dns: Names
  readonly trace: Trace
  readonly servers: readonly SimulatedServer[]
  readonly #timeline = new Timeline()
  readonly #startAt: number
  readonly #pool: ServerPool
  readonly #devices = new Map<string, Device>()
  readonly #generations = new Set<SimulatedGeneration>()
  readonly #random: Random
  readonly #newDevice: (options: DeviceOptions, name: string) => Device
  readonly #promiseTurns: number
  #isTouched = false
  #isRunning = false

  constructor(options: SimulatedWorldOptions = {}) {
    const { seed = 1, domain = DEFAULT_DOMAIN, startAt = Date.UTC(2026, 0, 1), network, http, commands = {} } = options
    const timeline = this.#timeline
    const { promiseTurns = PROMISE_TURNS } = options
    if (!(promiseTurns >= 1)) throw invalid('promiseTurns', 'must be 1 or more')
    this.#promiseTurns = promiseTurns
    this.seed = seed
    this.#startAt = startAt
    this.hostname = `https://${HOSTNAME}.${domain}`
    this.#random = stream(seed, 'world')
    this.trace = new Trace(timeline, options.traceSize ?? Infinity)
    const { trace } = this
    const conditions = { ...DEFAULT_CONDITIONS, ...network }
    const pool = checkPool(options)
    this.dns = new Names(timeline, trace, pool.names, (server) => this.#pool.seat(server).address)
    this.network = new Network({ timeline, trace, seed, conditions }, (name, address) => {
      this.dns.set(`${name}.${domain}`, address)
      return `https://${name}.${domain}`
    })
    const wallClock = (): number => this.wallClock
    this.#pool = new ServerPool({ timeline, trace, wallClock, options: pool, domain, http, commands })
    for (const seat of this.#pool.seats.values()) {
      this.network.put(seat.address, seat)
      this.dns.set(new URL(seat.url).hostname, seat.address)
    }
    this.dns.point(`${HOSTNAME}.${domain}`, pool.names[0] ?? '')
    this.servers = [...this.#pool.seats.values()].map((seat) => new PoolServer(this.#pool, seat))
    this.#newDevice = (own, name) =>
      new Device(
        {
          timeline,
          trace,
          seed,
          startAt,
          recordsKept: options.traceSize ?? Infinity,
          network: this.network,
          names: this.dns,
          portal: captivePortal(),
          touched: () => (this.#isTouched = true),
          defaults: () => this.#clientDefaults(),
          serverAt: (address) => [...this.#pool.seats.values()].find((seat) => seat.address === address)?.url,
        },
        own,
        name,
      )
  }

  get now(): number {
    return this.#timeline.now
  }

  get wallClock(): number {
    return Math.floor(this.#startAt + this.#timeline.now)
  }

  get endpoints(): readonly string[] {
    return this.servers.map((server) => server.url)
  }

  get ledger(): CommandLedger {
    return this.#pool.ledger
  }

  get devices(): readonly SimulatedDevice[] {
    return [...this.#devices.values()]
  }

  server(name: string): SimulatedServer {
    this.#pool.seat(name)
    const server = this.servers.find((one) => one.name === name)
    if (server === undefined) throw invalid('server', `there is no server ${name}`)
    return server
  }

  device(options: DeviceOptions | string = {}): SimulatedDevice {
    const own = typeof options === 'string' ? { name: options } : options
    const name = own.name ?? `device${this.#devices.size + 1}`
    const known = this.#devices.get(name)
    if (known !== undefined) return known
    const device = this.#newDevice(own, name)
    this.#devices.set(name, device)
    if (own.network !== undefined) this.network.links({ device: name }).quality(own.network)
    return device
  }

  connect(options: Partial<FailoverClientOptions> = {}): FailoverClient {
    return this.device().connect(options)
  }

  publish(topic: string, change: PublishInput): Published {
    return this.#pool.publish(topic, change)
  }

  generate(options: Parameters<World['generate']>[0]): SimulatedGeneration {
    const { topic, perSecond, count = Infinity } = options
    const isLog = this.#pool.reality.kind(topic) === 'log'
    const change = options.change ?? ((n: number) => ({ key: isLog ? `m${n}` : `k${n % 50}`, data: { n } }))
    const published: Published[] = []
    const startedAt = this.now
    let cancel: Cancel = () => undefined
    const next = (): void => {
      published.push(this.publish(topic, change(published.length)))
      if (published.length < count) arm()
    }
    const arm = (): void => {
      cancel = this.#timeline.after(startedAt + (published.length * 1000) / perSecond - this.now, next)
    }
    arm()
    const generation = {
      published,
      stop: () => {
        cancel()
        return published
      },
    }
    this.#generations.add(generation)
    return generation
  }

  published(topic: string): readonly Published[] {
    return this.#pool.published(topic)
  }

  content(topic: string): ReadonlyMap<string, unknown> {
    return this.#pool.publisher.content(topic)
  }

  newEpoch({ server, topic }: { readonly server?: string; readonly topic?: string } = {}): void {
    this.trace.note('world', 'new epoch', `${server ?? '*'} ${topic ?? '*'}`)
    this.#pool.publisher.newEpoch(server === undefined ? undefined : this.#pool.seat(server), topic)
  }

  forgetKeys(): void {
    this.trace.note('world', 'executed keys are forgotten')
    this.#pool.forgetKeys()
  }

  setCommandDelay({ beforeMs = 0, afterMs = 0 }: { readonly beforeMs?: number; readonly afterMs?: number }): void {
    this.#pool.ledger.beforeMs = beforeMs
    this.#pool.ledger.afterMs = afterMs
  }

  run(ms: number): Promise<void> {
    return this.#run(this.now + ms, () => false)
  }

  async runUntil(condition: () => boolean, withinMs: number): Promise<void> {
    await this.#run(this.now + withinMs, condition)
    if (!condition()) throw new Error(`still not after ${withinMs} ms. ${this.#last()}`)
  }

  async settle<T>(promise: Promise<T>, withinMs = SETTLE_WITHIN_MS): Promise<T> {
    let isSettled = false
    const settled = (): boolean => (isSettled = true)
    promise.then(settled, settled)
    await this.#run(this.now + withinMs, () => isSettled)
    if (!isSettled) throw new Error(`not settled after ${withinMs} ms. ${this.#last()}`)
    return promise
  }

  after(ms: number, action: () => void): Cancel {
    return this.#timeline.after(ms, () => {
      this.#isTouched = true
      action()
    })
  }

  random(): number {
    return this.#random()
  }

  leftovers(): readonly string[] {
    return [...this.#devices.values()].flatMap((device) => device.leftovers())
  }

  close(): void {
    for (const generation of this.#generations) generation.stop()
    this.#pool.publisher.close()
    for (const device of this.#devices.values()) device.close()
    for (const seat of this.#pool.seats.values()) this.#pool.kill(seat, true)
  }

  async #run(end: number, isEnough: () => boolean): Promise<void> {
    if (this.#isRunning) throw new Error('the world runs already: await the run before the next one')
    this.#isRunning = true
    try {
      await promiseTurns(this.#promiseTurns)
      while (!isEnough() && this.#timeline.step(end)) {
        if (!this.#isTouched) continue
        this.#isTouched = false
        await promiseTurns(this.#promiseTurns)
      }
    } finally {
      this.#isRunning = false
    }
  }

  #clientDefaults(): FailoverClientOptions {
    const { hostname, endpoints } = this
    const [ucc] = this.#pool.parts.options.placements.keys()
    return { hostname, endpoints, ...(ucc === undefined ? {} : { ucc }) }
  }

  #last(): string {
    return `The last that happened:\n${this.trace.lines({ last: LINES_SHOWN }).join('\n')}`
  }
}

/** Lets every promise that can go on do so. No timer of the host is used: those may be faked by whoever tests. */
function promiseTurns(turns: number): Promise<void> {
  let last = SETTLED
  // A chain takes a turn for each link, as an await would, and a third less time (measured).
  for (let turn = 0; turn < turns; turn += 1) last = last.then()
  return last
}
