/** The world of one run, set up as its plan says: servers, clients, deeds and faults, each at its moment. */
import { SimulatedWorld } from '../simulated-world'
import type { SimulatedVip } from '../network-types'
import type { SimulatedServer } from '../simulated-server-types'
import type { World } from '../world-types'
import { Actor, type ActorHost } from './actor'
import { applicationCommands, applicationHttp, type ApplicationOptions } from './application'
import { ACCEPT_PER_SEC, OLD_TOKEN_MS } from './bounds'
import { FAULTS, type FaultStage } from './faults'
import { healAll } from './heal'
import type { RunView, Truth } from './invariant'
import type { Deed, Fault, SwarmPlan, TopicName } from './plan'
import { SECRET } from './secrets'
import type { Sighting, StageSighting, Witness } from './sighting'
import { Story } from './story'

const TOPICS: readonly TopicName[] = ['agents', 'log', 'queues']
/** Keys of the state topics. */
const KEYS = 7
/** Two items or three: snapshots come in several parts, and can be cut between them. */
const SNAPSHOT_PART_BYTES = 64
const SAMPLE_MS = 1000
const NAME_TTL_MS = 1000
const CLOSE_WITHIN_MS = 5000
const CALM_EVERY_MS = 7000

/** What stands between clients and servers: at one of them, or everywhere. */
interface Separation {
  /** A server's name, a client's, or all. */
  readonly of: string
}

function clientName(index: number): string {
  return `client ${index}`
}

export class Stage {
  readonly world: World
  readonly story: Story
  readonly actors: readonly Actor[]
  readonly view: RunView
  readonly moves: Record<string, number> = {}
  readonly #published = new Map<string, number>()
  readonly #separating = new Map<Fault, Separation>()
  readonly #roads: readonly string[]
  readonly #vip: SimulatedVip | undefined
  #token = 1
  #isUnruly = true
  /** Left behind at the healing. */
  #lost: SimulatedServer | undefined
  #isQuiet = false

  constructor(
    readonly plan: SwarmPlan,
    keepsTrace: boolean,
  ) {
    this.story = new Story(keepsTrace)
    this.world = new SimulatedWorld(this.#worldOptions())
    const first = this.world.servers[0]?.name ?? ''
    this.#vip = plan.topology.hasSecondRoad ? this.world.network.vip('lb', first) : undefined
    this.#roads = [...this.world.endpoints, ...(this.#vip === undefined ? [] : [this.#vip.url])]
    for (const index of plan.topology.withoutSockets) this.#server(index).refuseUpgrades(true)
    this.actors = plan.clients.map((client, index) => {
      const device = this.world.device({ name: `device${index}`, kind: client.device })
      return new Actor(index, client, device, this.#hostOf(index))
    })
    // Nobody remembers a name for longer than the healing may take.
    this.world.dns.point(new URL(this.world.hostname).hostname, first, { ttlMs: NAME_TTL_MS })
    this.view = { plan, clients: this.actors, truth: this.#truth() }
  }

  tell(sighting: StageSighting): void {
    this.story.tell({ ...sighting, at: this.world.now, client: -1 })
  }

  /** The clients start, and everything else happens at its moment of the run. */
  begin(): void {
    for (const actor of this.actors) actor.start()
    for (const deed of this.plan.deeds) this.world.after(deed.at, () => this.#do(deed))
    for (const fault of this.plan.faults) this.world.after(fault.at, () => this.#begin(fault))
    this.#sample()
  }

  heal(): void {
    this.#isUnruly = false
    this.#separating.clear()
    const { topology, leftBehind } = this.plan
    healAll(this.#faultStage(), topology, leftBehind)
    this.#lost = leftBehind === undefined ? undefined : this.#server(leftBehind.server)
    for (const actor of this.actors) actor.resumed(true)
    this.tell({ is: 'healed' })
  }

  /** An ordinary day: something is published now and then, and nothing is wrong. */
  async calm(forMs: number): Promise<void> {
    for (const until = this.world.now + forMs; this.world.now < until;) {
      for (const topic of TOPICS) this.#publish(topic)
      await this.world.run(Math.min(CALM_EVERY_MS, until - this.world.now))
    }
  }

  /** A little of everything, now that everything works, and then nothing more: whoever was forgotten shows it. */
  lastWords(times: number): void {
    for (const topic of TOPICS) for (let count = 0; count < times; count += 1) this.#publish(topic)
    this.#isQuiet = true
  }

  /** Every third run closes while nothing gets through any more. */
  async close(): Promise<void> {
    if (this.plan.seed % 3 === 0) this.world.network.links().break('partition')
    for (const actor of this.actors) actor.close()
    await this.world.run(CLOSE_WITHIN_MS)
    this.tell({ is: 'closed' })
  }

  #worldOptions(): ConstructorParameters<typeof SimulatedWorld>[0] {
    const { seed, topology, network } = this.plan
    const application: ApplicationOptions = {
      sharesKeys: topology.keys === 'shared',
      answerAfterMs: topology.answerAfterMs,
      tell: (client, sighting) => this.story.tell({ ...sighting, at: this.world.now, client }),
    }
    return {
      seed,
      network,
      servers: topology.servers,
      uccs: topology.uccs,
      standby: topology.standby,
      log: topology.log,
      keys: topology.keys === 'own' ? 'split' : topology.keys,
      terms: topology.hasTerms,
      commandDelayMs: topology.answerAfterMs,
      acceptPerSec: ACCEPT_PER_SEC,
      snapshotPartBytes: SNAPSHOT_PART_BYTES,
      commands: applicationCommands(application),
      http: applicationHttp(application),
      ...(topology.spreadMs === undefined ? {} : { spreadMs: topology.spreadMs }),
      ...(topology.hasTokens ? { tokens: [this.#tokenOf(1)] } : {}),
    }
  }

  #hostOf(index: number): ActorHost {
    const tell: Witness = (sighting) => {
      if (sighting.is === 'event') this.#count(sighting.name)
      this.story.tell({ ...sighting, at: this.world.now, client: index } as Sighting)
    }
    return {
      topology: this.plan.topology,
      endpoints: this.#roads,
      tell,
      now: () => this.world.now,
      token: () => (this.plan.topology.hasTokens ? this.#tokenOf(this.#token) : undefined),
      isUnruly: () => this.#isUnruly,
      random: () => this.world.random(),
    }
  }

  #count(event: string): void {
    if (event === 'failover' || event === 'switchover' || event === 'failback')
      this.moves[event] = (this.moves[event] ?? 0) + 1
  }

  // ---- what happens ---------------------------------------------------------------------------------------------

  #do(deed: Deed): void {
    if (deed.do === 'publish') return this.#publishAll(deed.topic, deed.times, deed.everyMs)
    if (deed.do === 'rotate-token') return this.#rotateToken()
    this.actors[deed.client]?.do(deed)
  }

  #publishAll(topic: TopicName, times: number, everyMs: number): void {
    for (let count = 0; count < times; count += 1) this.world.after(count * everyMs, () => this.#publish(topic))
  }

  #publish(name: TopicName): void {
    if (this.#isQuiet) return
    for (const ucc of this.plan.topology.uccs) {
      const topic = `ucc/${ucc}/${name}`
      const n = (this.#published.get(topic) ?? 0) + 1
      this.#published.set(topic, n)
      const key = `k${n % KEYS}`
      if (name === 'log') this.world.publish(topic, { key: `m${n}`, data: { n } })
      else if (n % 5 === 0) this.world.publish(topic, { op: 'remove', key })
      else this.world.publish(topic, { key, data: { n } })
    }
  }

  #rotateToken(): void {
    this.#token += 1
    const accept = (tokens: readonly string[]): void => {
      for (const server of this.world.servers) server.setTokens(tokens)
    }
    const [before, now] = [this.#tokenOf(this.#token - 1), this.#tokenOf(this.#token)]
    accept([before, now])
    this.world.after(OLD_TOKEN_MS, () => accept([this.#tokenOf(this.#token)]))
  }

  #tokenOf(number: number): string {
    return `${SECRET}${number}`
  }

  #begin(fault: Fault): void {
    const kind = FAULTS[fault.fault]
    if (kind === undefined) throw new RangeError(`no such fault: ${fault.fault}`)
    const stage = this.#faultStage()
    const isServers = kind.of === 'server'
    const target = fault.target % (isServers ? this.world.servers.length : this.actors.length)
    const name = isServers ? this.#server(target).name : clientName(target)
    const isLost = (): boolean => isServers && !this.#server(target).alive
    if (isLost()) return
    this.tell({ is: 'fault', fault: fault.fault, target: name, on: true })
    if (kind.separates !== undefined) this.#separating.set(fault, { of: kind.separates === 'all' ? 'all' : name })
    // Nothing outlasts the healing, not even what ends by itself.
    const forMs = Math.min(fault.forMs, Math.max(0, this.plan.healAtMs - this.world.now))
    kind.begin(stage, target, forMs)
    if (kind.pauses) this.actors[target]?.paused()
    this.world.after(forMs, () => {
      // Healed by then.
      if (!this.#isUnruly) return
      this.#separating.delete(fault)
      if (!isLost() || kind.revives || kind.isOfNetwork) kind.end?.(this.#faultStage(), target)
      if (kind.pauses) this.actors[target]?.resumed()
      this.tell({ is: 'fault', fault: fault.fault, target: name, on: false })
    })
  }

  #sample(): void {
    this.world.after(SAMPLE_MS, () => {
      for (const actor of this.actors) actor.sample()
      this.#sample()
    })
  }

  // ---- what there is --------------------------------------------------------------------------------------------

  #server(index: number): SimulatedServer {
    const { servers } = this.world
    const server = servers[index % servers.length]
    if (server === undefined) throw new RangeError(`no server ${index}`)
    return server
  }

  #faultStage(): FaultStage {
    const { world } = this
    return {
      world,
      answerAfterMs: this.plan.topology.answerAfterMs,
      server: (index) => this.#server(index),
      otherThan: (index) => this.#server(index + 1),
      vip: this.#vip,
      device: (index) => {
        const device = world.devices[index]
        if (device === undefined) throw new RangeError(`no device ${index}`)
        return device
      },
      ucc: (index) => this.plan.topology.uccs[index % this.plan.topology.uccs.length] ?? '',
      tokens: this.plan.topology.hasTokens ? [this.#tokenOf(this.#token)] : undefined,
      misbehaves: (client, how, on) => this.actors[client]?.misbehave(how, on),
    }
  }

  #truth(): Truth {
    const { world } = this
    const byUrl = (id: string): SimulatedServer | undefined => world.servers.find(({ url }) => id.startsWith(url))
    return {
      serverOf: (endpointId) => byUrl(endpointId)?.name ?? world.servers[0]?.name,
      serves: (name, ucc) => world.server(name).serves(ucc),
      reaches: (client, name) => this.#reaches(client, name),
      bestFor: (client) => this.#bestFor(client),
      stateOf: (name, topic) => world.server(name).content(topic),
      published: (topic) => this.#published.get(topic) ?? 0,
      newestOn: (name, topic) => newest(world.server(name).content(topic)),
    }
  }

  #reaches(client: number, server: string): boolean {
    if (server === this.#lost?.name) return false
    const between = [...this.#separating.values()].filter(
      ({ of }) => of === 'all' || of === server || of === clientName(client),
    )
    return between.length === 0
  }

  /** By the order of reasons: term, designation, rank. */
  #bestFor(client: number): ReadonlySet<string> {
    const actor = this.actors[client]
    const { ucc = '', failback } = actor?.plan ?? {}
    const serving = this.world.servers.filter((server) => server !== this.#lost && server.serves(ucc))
    const termOf = (server: SimulatedServer): number => server.ucc(ucc).term ?? -Infinity
    const highest = Math.max(...serving.map(termOf))
    const ofTerm = serving.filter((server) => termOf(server) === highest)
    const designated = this.plan.topology.hasDesignation ? this.#designated() : undefined
    const best = ofTerm.find(({ name }) => name === designated) ?? ofTerm[0]
    if (actor?.isHeld === true) return namesOf(serving)
    // By hand: nobody goes back to a better rank, by term neither; only a designation moves.
    const isByHand = failback === 'manual' && best?.name !== designated
    const rank = (server: SimulatedServer): number => this.world.servers.indexOf(server)
    // The road decides what is better: the second one to the first server has the worst rank of all.
    const here = actor?.client.active
    const isWorse = (server: SimulatedServer): boolean =>
      best !== undefined && (server.name === here?.server ? here.rank : rank(server)) > rank(best)
    const worse = isByHand ? serving.filter(isWorse) : []
    return namesOf([...(best === undefined ? [] : [best]), ...worse])
  }

  #designated(): string | undefined {
    const address = this.world.dns.address(new URL(this.world.hostname).hostname)
    return this.world.servers.find((server) => server.address === address)?.name
  }
}

function namesOf(servers: readonly SimulatedServer[]): ReadonlySet<string> {
  return new Set(servers.map(({ name }) => name))
}

/** Number of the newest message. */
function newest(content: ReadonlyMap<string, unknown>): number {
  const last = [...content.keys()].at(-1)
  return last === undefined ? 0 : Number.parseInt(last.slice(1), 10)
}
