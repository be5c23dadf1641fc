/** The stage: a real cluster, the contact centre that goes on in it, its two clients, and what can be done to it. */
import { jsonEqual } from '../../core/json-equal'
import { startCluster, type Cluster, type ClusterServer } from '../../testing/node'
import type { ClientState } from '../../index'
import { sum, type AuditCount } from './audit'
import { ContactCentre, TOPICS } from './contact-centre'
import { DEEDS, EVENTS_PER_SECOND, processOf, UCC } from './deeds'
import { Desktop, Wallboard, type Viewer } from './desk'
import { pace, pause, until } from './pace'
import type { Deed } from './scenario'
import type { MoveRow, ServerView, StageView, ViewerName } from './view'

const BARS = 120
const READY_WITHIN_MS = 15_000
const MAX_MOVES = 50

/** A moment to count from. */
export interface Mark {
  readonly audit: AuditCount
  readonly moves: number
  readonly states: number
}

export class Stage {
  readonly cluster: Cluster
  readonly wallboard: Wallboard
  readonly desktop: Desktop
  readonly #abort = new AbortController()
  readonly #centre = new ContactCentre(Date.now())
  readonly #startedAt = performance.now()
  readonly #draining = new Set<string>()
  readonly #listeners: ((move: MoveRow) => void)[] = []
  readonly #states: { readonly client: ViewerName; readonly state: ClientState }[] = []
  #moves: MoveRow[] = []
  #movesSeen = 0
  #stopTraffic: () => void = () => undefined

  private constructor(cluster: Cluster) {
    this.cluster = cluster
    for (const { topic, change } of this.#centre.start(Date.now())) cluster.publish(topic, change)
    cluster.publish(TOPICS.desk, { key: 'you', data: { state: 'available', n: 0 } })
    this.wallboard = new Wallboard(cluster)
    this.desktop = new Desktop(cluster, this.#abort.signal)
    for (const viewer of this.viewers) this.#watch(viewer)
  }

  /** Starts everything; resolves when both clients are live and events flow. */
  static async start(signal: AbortSignal): Promise<Stage> {
    const cluster = await startCluster({ servers: 2, uccs: [UCC], log: 'shared' })
    const stage = new Stage(cluster)
    try {
      const isLive = await until(() => stage.isLive(), READY_WITHIN_MS, signal)
      if (!isLive && !signal.aborted) throw new Error(`the clients were not live within ${READY_WITHIN_MS} ms`)
      stage.#begin()
      return stage
    } catch (error) {
      await stage.close()
      throw error
    }
  }

  get viewers(): readonly Viewer[] {
    return [this.wallboard, this.desktop]
  }

  onMove(listener: (move: MoveRow) => void): void {
    this.#listeners.push(listener)
  }

  isLive(): boolean {
    return this.wallboard.isLive() && this.viewers.every(({ client }) => client.state === 'connected')
  }

  /** Name of the server in use: that of the wallboard, else of the desktop, else the first that is alive. */
  activeServer(): string {
    const used = this.viewers.map(({ client }) => client.active?.name).find((name) => name !== undefined)
    return used ?? this.cluster.servers.find((server) => server.alive)?.name ?? 'srv1'
  }

  mark(): Mark {
    for (const viewer of this.viewers) viewer.pulse.restart(performance.now())
    return { audit: this.audit(), moves: this.#movesSeen, states: this.#states.length }
  }

  movesSince(mark: Mark): readonly MoveRow[] {
    const count = this.#movesSeen - mark.moves
    return count === 0 ? [] : this.#moves.slice(-count)
  }

  wasInState(client: ViewerName, state: ClientState, mark: Mark): boolean {
    return this.#states.slice(mark.states).some((one) => one.client === client && one.state === state)
  }

  audit(): AuditCount {
    return sum(this.viewers.map((viewer) => viewer.count()))
  }

  /** Is everything that was published delivered, and does the wallboard show what the cluster holds? */
  isExact(): boolean {
    const { behind, lost } = this.audit()
    return behind === 0 && lost === 0 && this.wrongViews().length === 0
  }

  /** Topics whose view is not what the cluster holds now. */
  wrongViews(): readonly string[] {
    const { agents, queues, desk } = this.wallboard
    return [agents, queues, desk]
      .filter(
        ({ topic, view }) => !jsonEqual(Object.fromEntries(view), Object.fromEntries(this.cluster.content(topic))),
      )
      .map(({ topic }) => topic)
  }

  /** Lets things go on for a while. */
  async flow(ms: number, signal: AbortSignal): Promise<void> {
    await pause(ms, signal)
  }

  /** Lets the last events arrive, with no new ones coming. */
  async settle(withinMs: number, signal: AbortSignal): Promise<void> {
    this.#stopTraffic()
    this.#abort.abort()
    await Promise.race([this.desktop.finished, pause(withinMs, signal)])
    await until(() => this.isExact(), withinMs, signal)
  }

  /** Does it; resolves with what was done, in words. Never rejects: what cannot be done is said. */
  async perform(deed: Deed): Promise<string> {
    try {
      return await DEEDS[deed]({
        cluster: this.cluster,
        clients: this.viewers.map(({ client }) => client),
        active: this.activeServer(),
        draining: this.#draining,
      })
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /** Ends clients and servers; nothing is left when it resolves. */
  async close(): Promise<void> {
    this.#stopTraffic()
    this.#abort.abort()
    await Promise.allSettled(this.viewers.map(({ client }) => client.close()))
    await this.cluster.close()
  }

  view(): StageView {
    const now = performance.now()
    const { commands, requests, lines } = this.desktop
    const desk = this.wallboard.desk.view.get('you')
    return {
      now: Date.now(),
      upMs: now - this.#startedAt,
      agents: this.wallboard.agents.view,
      queues: this.wallboard.queues.view,
      desk: desk?.state ?? '',
      lines,
      clients: this.viewers.map((viewer) => ({
        name: viewer.name,
        state: viewer.client.state,
        offlineReason: viewer.client.offlineReason,
        active: viewer.client.active?.name,
        silentMs: viewer.pulse.silentMs(now),
        bars: viewer.pulse.bars(now, BARS),
        audit: viewer.count(),
      })),
      servers: this.cluster.servers.map((server) => this.#serverView(server)),
      moves: this.#moves,
      movesSeen: this.#movesSeen,
      commands: { ...commands },
      requests: { ...requests },
      executedTwice: this.cluster.ledger.repeated().length,
      audit: this.audit(),
    }
  }

  #begin(): void {
    this.#stopTraffic = pace(EVENTS_PER_SECOND, () => {
      const { topic, change } = this.#centre.next(Date.now())
      const published = this.cluster.publish(topic, change)
      for (const viewer of this.viewers) viewer.published(published)
    })
  }

  #watch(viewer: Viewer): void {
    viewer.client.on('stateChange', ({ to }) => this.#states.push({ client: viewer.name, state: to }))
    viewer.onMove(({ kind, from, to, reason, timings }) => {
      const move = { client: viewer.name, kind, from: from.name, to: to.name, reason, timings }
      this.#moves = [...this.#moves, move].slice(-MAX_MOVES)
      this.#movesSeen += 1
      for (const listener of this.#listeners) listener(move)
    })
  }

  #serverView(server: ClusterServer): ServerView {
    const info = this.wallboard.client.endpoints.find(({ name }) => name === server.name)
    const { state, term } = server.ucc(UCC)
    return {
      name: server.name,
      url: server.url,
      pid: server.pid,
      process: processOf(server),
      ucc: state,
      term,
      draining: this.#draining.has(server.name),
      verdict: info?.verdict ?? 'unknown',
      breaker: info?.breaker ?? 'closed',
      clients: this.viewers.filter(({ client }) => client.active?.name === server.name).map(({ name }) => name),
    }
  }
}
