/**
 * Long lives of clients in simulated time: what a laptop's client does in days of ordinary network, and how soon it
 * notices what is wrong with its server. Bundled and run by `bench/months.mjs`.
 */
import type { MoveEvent } from '../../src/client/events'
import { seededRandom, type Random } from '../../src/core/random'
import type { SimulatedDevice } from '../../src/testing/device-types'
import type { SimulatedServer } from '../../src/testing/simulated-server-types'
import { SimulatedWorld } from '../../src/testing/simulated-world'
import type { World } from '../../src/testing/world-types'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** One way, as on Wi-Fi and an office line: half of it below 12 ms, one packet in a hundred above 60 ms. */
const LATENCY = { median: 12, p99: 60 }
/** On bad Wi-Fi (a download, a roaming between access points) everything is slow for a moment, again and again. */
const SPIKE = { everyMs: 10 * MINUTE, minMs: 200, maxMs: 2000, latencyMs: { median: 250, p99: 900 } }
/** Lid closed over lunch and between meetings, and every night. */
const NAP = { aDay: 4, minMs: 1 * MINUTE, maxMs: 60 * MINUTE }
const AT_WORK_MS = 18 * HOUR
/** What a line has shown decides how long silence is borne: nobody loses a server in the first minute of a day. */
const WARM_UP_MS = 1 * HOUR
const EVENT_EVERY_MS = 10 * SECOND
const TOPIC = 'ucc/helpdesk/agents'

/** What the laptop hangs on: jitter and loss only, or slow moments too. */
export type Line = 'office' | 'bad-wifi'

export interface LifeOptions {
  readonly seed: number
  readonly line: Line
  readonly loss: number
  readonly days: number
}

export interface Life {
  readonly awakeMs: number
  /** Nothing was ever wrong with a server: every failover is one without a cause. */
  readonly falseFailovers: number
  /** The connection was given up and dialled again at the same server: a blink, and no failover. */
  readonly redials: number
  readonly sleeps: number
}

/** A working laptop for some days. */
export async function liveFor({ seed, line, loss, days }: LifeOptions): Promise<Life> {
  const world = makeWorld(seed, loss)
  const random = seededRandom(seed)
  const device = world.device({ name: 'laptop' })
  const client = device.connect({ ucc: 'helpdesk', store: false })
  client.subscribe(TOPIC)
  const life = { awakeMs: 0, falseFailovers: 0, redials: 0, sleeps: 0 }
  client.on('failover', () => {
    life.falseFailovers += 1
  })
  client.on('decision', ({ kind }) => {
    if (kind === 'redial') life.redials += 1
  })
  publishNow(world)
  if (line === 'bad-wifi') spikes(world, device, random)
  for (let day = 0; day < days; day += 1) {
    life.awakeMs += await liveADay(world, device, random, life)
    for (const server of world.servers) server.clearRecords()
  }
  await world.settle(client.close(), 5 * SECOND)
  world.close()
  return life
}

async function liveADay(
  world: World,
  device: SimulatedDevice,
  random: Random,
  life: { sleeps: number },
): Promise<number> {
  const dawn = world.now
  let awakeMs = 0
  for (let nap = 0; nap < NAP.aDay; nap += 1) {
    const work = AT_WORK_MS / NAP.aDay
    const napMs = NAP.minMs + random() * (NAP.maxMs - NAP.minMs)
    await world.run(work - napMs)
    await sleep(world, device, napMs, random)
    awakeMs += work - napMs
    life.sleeps += 1
  }
  await sleep(world, device, dawn + DAY - world.now, random)
  life.sleeps += 1
  return awakeMs
}

/** Some systems count sleep in their monotonic clock, some do not. */
async function sleep(world: World, device: SimulatedDevice, forMs: number, random: Random): Promise<void> {
  device.sleep({ countsSleep: random() < 0.5 })
  await world.run(forMs)
  device.wake()
}

function makeWorld(seed: number, loss: number): SimulatedWorld {
  return new SimulatedWorld({
    seed,
    servers: 2,
    standby: 'running',
    log: 'shared',
    network: { latencyMs: LATENCY, loss },
    // Three days are a third of a million lines, which nobody reads.
    traceSize: 0,
    // Nobody but the client has promises here: a tenth less time than with the default.
    promiseTurns: 24,
  })
}

function publishNow(world: World): void {
  let n = 0
  const publish = (): void => {
    n += 1
    world.publish(TOPIC, { key: `agent-${n % 10}`, data: { n } })
    world.after(EVENT_EVERY_MS, publish)
  }
  publish()
}

function spikes(world: World, device: SimulatedDevice, random: Random): void {
  const links = world.network.links({ device: device.name })
  const begin = (): void => {
    links.quality({ latencyMs: SPIKE.latencyMs })
    world.after(SPIKE.minMs + random() * (SPIKE.maxMs - SPIKE.minMs), () => {
      links.quality({ latencyMs: LATENCY })
      world.after(-Math.log(1 - random()) * SPIKE.everyMs, begin)
    })
  }
  world.after(-Math.log(1 - random()) * SPIKE.everyMs, begin)
}

/** Ways to lose a server, as behaviour tables name them. */
export const LOSSES: Readonly<Record<string, (server: SimulatedServer) => void>> = {
  'killed (reset)': (server) => server.kill(),
  'hung, or its network gone': (server) => server.hang(),
  'machine off': (server) => server.powerOff(),
  'UCC stopped: status': (server) => server.stopUcc('helpdesk', { announce: 'status' }),
  'UCC stopped: next heartbeat': (server) => server.stopUcc('helpdesk', { announce: 'heartbeat' }),
  'UCC stopped: beats without a state': (server) => server.stopUcc('helpdesk', { announce: 'beats' }),
  'UCC stopped: readiness only': (server) => server.stopUcc('helpdesk', { announce: 'readiness' }),
}

export interface Detection {
  /** From the fault until the evidence was complete. */
  readonly detectMs: number
  /** From the fault until the last topic was live on the other server. */
  readonly liveMs: number
}

export interface LossOptions {
  /** A key of {@link LOSSES}. */
  readonly how: string
  readonly seed: number
  readonly line: Line
  readonly loss: number
}

/** One client, an hour on its line, loses its server at a moment of its own. */
export async function loseServer({ how, seed, line, loss }: LossOptions): Promise<Detection | undefined> {
  const world = makeWorld(seed, loss)
  const random = seededRandom(seed)
  const device = world.device({ name: 'laptop' })
  const client = device.connect({ ucc: 'helpdesk', store: false })
  client.subscribe(TOPIC)
  publishNow(world)
  if (line === 'bad-wifi') spikes(world, device, random)
  await world.run(WARM_UP_MS + random() * 5 * SECOND)
  // On bad Wi-Fi it may be on its way somewhere just now.
  await world.runUntil(() => client.state === 'connected', 60 * SECOND)
  const begun = world.now
  let move: MoveEvent | undefined
  let ended = NaN
  client.on('failover', (event) => {
    move ??= event
    if (Number.isNaN(ended)) ended = world.now
  })
  const server = world.servers.find(({ name }) => name === client.active?.server)
  if (server !== undefined) LOSSES[how]?.(server)
  for (let waited = 0; move === undefined && waited < 60; waited += 1) await world.run(SECOND)
  await world.settle(client.close(), 5 * SECOND)
  world.close()
  if (move === undefined) return undefined
  const { decideMs, spreadMs, connectMs, restoreMs, resumeMs } = move.timings
  const since = decideMs + spreadMs + connectMs + restoreMs + resumeMs
  return { detectMs: Math.max(0, ended - since - begun), liveMs: ended - begun }
}
