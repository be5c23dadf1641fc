/**
 * A seed becomes a plan. As in swarm testing (Groce et al., "Swarm Testing", ISSTA 2012) each seed first leaves out
 * most of what could happen, and then makes much of the rest: faults that are always mixed hide each other.
 */
import type { Priority } from '../../client/option-types'
import type { CommandSafety } from '../../core/command-protocol'
import { seededRandom, type Random } from '../../core/random'
import { FAULTS } from './faults'
import type { ClientPlan, Deed, Fault, NetworkPlan, SwarmPlan, TopicName, TopologyPlan } from './plan'

const PRIORITIES: readonly Priority[] = ['agent', 'agent', 'interactive', 'board', 'visitor']
const SAFETIES: readonly CommandSafety[] = ['read', 'set', 'keyed', 'claim', 'effect']
const TOPICS: readonly TopicName[] = ['agents', 'log', 'queues']
const UCCS = ['helpdesk', 'sales'] as const

export function drawPlan(seed: number): SwarmPlan {
  const draw = new Draw(seededRandom(seed))
  const topology = drawTopology(draw)
  const clients = draw.times(draw.oneOf([1, 1, 1, 2, 2, 3]), () => drawClient(draw, topology))
  const healAtMs = draw.between(15_000, 75_000)
  const faults = drawFaults(draw, topology, clients, healAtMs)
  return {
    seed,
    topology,
    network: drawNetwork(draw),
    clients,
    deeds: drawDeeds(draw, topology, clients, faults, healAtMs),
    faults,
    healAtMs,
    ...drawLeftBehind(draw, topology, clients),
    calmMs: draw.chance(0.2) ? draw.between(30_000, 120_000) : 0,
  }
}

/**
 * No network is even: what crosses on the way in another order than it was sent, between connections, is where the
 * races are. One packet in a hundred takes so many times as long as most (five times on Wi-Fi and an office line).
 */
function drawNetwork(draw: Draw): NetworkPlan {
  const median = draw.oneOf([1, 5, 20, 60])
  return { latencyMs: { median, p99: median * draw.oneOf([2, 3, 5]) }, loss: draw.oneOf([0, 0, 0, 0.01, 0.03]) }
}

function drawTopology(draw: Draw): TopologyPlan {
  const servers = draw.oneOf([1, 2, 2, 2, 2, 2, 3])
  const log = draw.oneOf(['shared', 'shared', 'split'] as const)
  return {
    servers,
    hasSecondRoad: draw.chance(0.15),
    uccs: draw.chance(0.25) ? UCCS : UCCS.slice(0, 1),
    log,
    standby: servers === 1 || draw.chance(0.6) ? 'running' : 'stopped',
    hasTerms: draw.chance(0.75),
    keys: draw.oneOf(log === 'shared' ? ['shared', 'shared', 'own', 'none'] : ['own', 'none']),
    answerAfterMs: draw.oneOf([0, 0, 150, 800]),
    hasTokens: draw.chance(0.3),
    withoutSockets: draw.chance(0.15) ? [draw.index(servers)] : [],
    spreadMs: draw.oneOf([undefined, undefined, 0, 500, 3000]),
    hasDesignation: draw.chance(0.2),
  }
}

function drawClient(draw: Draw, { servers, hasSecondRoad, uccs, keys }: TopologyPlan): ClientPlan {
  return {
    device: draw.chance(0.3) ? 'page' : 'node',
    ucc: draw.oneOf(uccs),
    endpoints: draw.chance(0.8) ? servers + Number(hasSecondRoad) : 1,
    priority: draw.oneOf(PRIORITIES),
    standby: draw.chance(0.25) ? 'warm' : 'cold',
    restores: draw.chance(0.25),
    asksCanMove: draw.chance(0.2),
    failback: draw.chance(0.25) ? 'manual' : 'automatic',
    holdDownMs: draw.oneOf([500, 2000, 5000]),
    heartbeatMs: draw.oneOf([500, 1000, 1000, 2000]),
    sharedKeys: keys === 'shared' && draw.chance(0.5),
  }
}

function drawDeeds(
  draw: Draw,
  topology: TopologyPlan,
  clients: readonly ClientPlan[],
  faults: readonly Fault[],
  untilMs: number,
): readonly Deed[] {
  const client = (): number => draw.index(clients.length)
  // What is under way when something breaks is the interesting half.
  const isNear = faults.length > 0 && draw.chance(0.5)
  const at = (): number =>
    isNear ? Math.max(0, draw.oneOf(faults).at + draw.between(-900, 100)) : draw.between(0, untilMs)
  const deeds: Deed[] = []
  for (const [index] of clients.entries()) {
    for (const topic of TOPICS) {
      if (draw.chance(0.7)) deeds.push({ at: draw.between(0, 3000), do: 'subscribe', client: index, topic })
    }
  }
  const add = (upTo: number, deed: () => Deed): void => void deeds.push(...draw.times(draw.index(upTo + 1), deed))
  add(4, () => ({ at: at(), do: 'subscribe', client: client(), topic: draw.oneOf(TOPICS) }))
  add(3, () => ({ at: at(), do: 'unsubscribe', client: client(), topic: draw.oneOf(TOPICS) }))
  add(8, () => ({
    at: at(),
    do: 'publish',
    topic: draw.oneOf(TOPICS),
    times: draw.between(1, 60),
    everyMs: draw.oneOf([0, 20, 300, 1000]),
  }))
  const deadlineMs = (): number => draw.oneOf([500, 3000, 10_000, 10_000])
  add(20, () => ({ at: at(), do: 'command', client: client(), safety: draw.oneOf(SAFETIES), deadlineMs: deadlineMs() }))
  add(draw.chance(0.2) ? 40 : 12, () => ({ at: at(), do: 'get', client: client() }))
  // Many requests at one overloaded server: what their repeats may cost together shows only then.
  for (const overload of faults.filter(({ fault }) => fault === 'overload')) {
    const victim = client()
    const during = (): number => overload.at + draw.between(50, 1500)
    deeds.push(...draw.times(15, (): Deed => ({ at: during(), do: 'get', client: victim })))
  }
  add(6, () => ({ at: at(), do: 'post', client: client(), hasKey: draw.chance(0.4) }))
  if (draw.chance(0.4)) deeds.push(...drawVolley(draw, faults, client()))
  if (draw.chance(0.4)) add(3, () => ({ at: at(), do: 'switchover', client: client(), hold: draw.chance(0.2) }))
  if (draw.chance(0.3)) add(2, () => ({ at: at(), do: 'failback', client: client() }))
  if (topology.hasTokens) add(2, () => ({ at: at(), do: 'rotate-token' }))
  // Who has closed converges to nothing: seldom, where there is nobody else.
  if (draw.chance(clients.length === 1 ? 0.15 : 0.4)) deeds.push({ at: at(), do: 'close', client: client() })
  return deeds.sort((a, b) => a.at - b.at)
}

const WAYS_TO_STAY_BROKEN = ['killed', 'hung', 'stopped', 'partitioned'] as const

/** In every third pool one server is not put right. Whoever was given it alone may never have heard of another one. */
function drawLeftBehind(
  draw: Draw,
  { servers }: TopologyPlan,
  clients: readonly ClientPlan[],
): Pick<SwarmPlan, 'leftBehind'> {
  if (servers < 2 || clients.some(({ endpoints }) => endpoints < servers) || draw.chance(2 / 3)) return {}
  return { leftBehind: { server: draw.index(servers), how: draw.oneOf(WAYS_TO_STAY_BROKEN) } }
}

/** A busy application loses its server: of each kind of work some is sent, some executed and some answered by then. */
function drawVolley(draw: Draw, faults: readonly Fault[], client: number): readonly Deed[] {
  const breaks = faults.filter(({ fault }) => FAULTS[fault]?.of === 'server')
  if (breaks.length === 0) return []
  const { at: breakAt } = draw.oneOf(breaks)
  const spanMs = draw.oneOf([30, 200, 1000])
  return draw.times(draw.between(5, 25), (): Deed => {
    const at = Math.max(0, breakAt + draw.between(-spanMs, Math.ceil(spanMs / 4)))
    if (draw.chance(0.25)) return { at, do: 'post', client, hasKey: draw.chance(0.5) }
    return { at, do: 'command', client, safety: draw.oneOf(SAFETIES), deadlineMs: draw.oneOf([3000, 10_000, 30_000]) }
  })
}

/** A handful of kinds, each perhaps several times. */
function drawFaults(
  draw: Draw,
  topology: TopologyPlan,
  clients: readonly ClientPlan[],
  untilMs: number,
): readonly Fault[] {
  const kinds = draw.times(draw.between(1, 5), () => draw.oneOf(Object.keys(FAULTS)))
  if (topology.hasDesignation) kinds.push('flip', ...(draw.chance(0.5) ? ['dns-rotate'] : []))
  if (topology.hasSecondRoad && draw.chance(0.5)) kinds.push('vip-moves')
  if (topology.hasTokens && draw.chance(0.5)) kinds.push('token-provider-fails', 'reset')
  const faults = draw.times(draw.between(1, 9), (): Fault => {
    const fault = draw.oneOf(kinds)
    const isServers = FAULTS[fault]?.of === 'server'
    // The active server is the interesting one.
    const server = draw.chance(0.6) ? 0 : draw.index(topology.servers)
    const target = isServers ? server : draw.index(clients.length)
    const forMs = draw.oneOf([300, 1500, 4000, 9000, 20_000])
    return { at: draw.between(500, Math.max(501, untilMs - 1000)), fault, target, forMs }
  })
  return faults.sort((a, b) => a.at - b.at)
}

class Draw {
  constructor(private readonly random: Random) {}

  chance(share: number): boolean {
    return this.random() < share
  }

  index(count: number): number {
    return Math.floor(this.random() * count)
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + this.index(most - least + 1)
  }

  oneOf<T>(choices: readonly [T, ...T[]] | readonly T[]): T {
    const chosen = choices[this.index(choices.length)]
    if (chosen === undefined && choices.length === 0) throw new RangeError('nothing to choose from')
    return chosen as T
  }

  times<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, () => make())
  }
}
