/** The two clients of the demo, as their applications would use the library: a wallboard and an agent desktop. */
import { createFailoverClient, isFailoverError, logTopic, stateTopic } from '../../index'
import type { Change, FailoverClient, FailoverClientOptions, MoveEvent, StateSubscription } from '../../index'
import type { Cluster, Published } from '../../testing/node'
import { StreamAudit, sum, type AuditCount } from './audit'
import { TOPICS, type Agent, type DialogueLine, type QueueFigures } from './contact-centre'
import { pause } from './pace'
import { Pulse } from './pulse'
import type { CommandFigures, RequestFigures, ViewerName } from './view'

/** What differs from the defaults, and why: the demo shall not take minutes. */
export const DEMO_TUNING = {
  // Default 60 s and up to half as much again, growing: too long to watch.
  failback: { holdDownMs: 2000, jitter: 0, factor: 1 },
  // Default 15 s: a UCC that was started again is seen sooner.
  health: { standbyIntervalMs: 1000 },
} as const

const MAX_LINES = 30

/** A client with the account of what it was sent. */
export class Viewer {
  readonly name: ViewerName
  readonly client: FailoverClient
  readonly pulse = new Pulse(performance.now())
  readonly #audits: StreamAudit[] = []

  constructor(name: ViewerName, cluster: Cluster, options: Partial<FailoverClientOptions>) {
    this.name = name
    this.client = createFailoverClient({
      hostname: cluster.hostname,
      endpoints: cluster.servers.map((server) => ({ url: server.url, name: server.name })),
      ucc: 'helpdesk',
      client: { name: `demo-${name}` },
      ...DEMO_TUNING,
      ...options,
    })
  }

  onMove(listener: (event: MoveEvent) => void): void {
    for (const name of ['failover', 'switchover', 'failback'] as const) this.client.on(name, listener)
  }

  state<T>(topic: string, isAudited = true): StateSubscription<T> {
    const subscription = this.client.subscribe(stateTopic<T>(topic))
    if (isAudited) this.#audit(topic, 'state', (listener) => subscription.on('change', listener))
    return subscription
  }

  log<T>(topic: string, listener: (data: T) => void): void {
    const subscription = this.client.subscribe(logTopic<T>(topic))
    this.#audit(topic, 'log', (audit) => subscription.on('change', audit))
    subscription.on('change', (change) => {
      if (change.op === 'append' || change.op === 'upsert') listener(change.data)
    })
  }

  published(one: Published): void {
    for (const audit of this.#audits) if (audit.topic === one.topic) audit.published(one)
  }

  count(): AuditCount {
    return sum(this.#audits.map((audit) => audit.count()))
  }

  #audit(topic: string, kind: 'state' | 'log', listen: (listener: (change: Change) => void) => void): void {
    const audit = new StreamAudit(topic, kind)
    this.#audits.push(audit)
    listen((change) => {
      this.pulse.hit(performance.now())
      audit.delivered(change)
    })
  }
}

/** The wallboard: state of agents and queues. */
export class Wallboard extends Viewer {
  readonly agents: StateSubscription<Agent>
  readonly queues: StateSubscription<QueueFigures>
  readonly desk: StateSubscription<DeskState>

  constructor(cluster: Cluster) {
    super('wallboard', cluster, { priority: 'board' })
    this.agents = this.state<Agent>(TOPICS.agents)
    this.queues = this.state<QueueFigures>(TOPICS.queues)
    this.desk = this.state<DeskState>(TOPICS.desk, false)
  }

  isLive(): boolean {
    return [this.agents, this.queues, this.desk].every(({ state }) => state === 'live')
  }
}

/** What the desktop's own agent has set. */
export interface DeskState {
  readonly state: 'available' | 'break'
  readonly n: number
}

/** The agent desktop: the dialogue log, commands whose repetition is safe, and ordinary requests. */
export class Desktop extends Viewer {
  readonly lines: DialogueLine[] = []
  readonly commands: Mutable<CommandFigures> = { done: 0, failed: 0, unknown: 0, slowestMs: 0, lastError: undefined }
  readonly requests: Mutable<RequestFigures> = {
    done: 0,
    failed: 0,
    empty: 0,
    slowestMs: 0,
    server: undefined,
    lastError: undefined,
  }
  readonly #work: Promise<void>

  constructor(cluster: Cluster, signal: AbortSignal) {
    super('desktop', cluster, { priority: 'agent' })
    this.log<DialogueLine>(TOPICS.dialogue, (line) => {
      this.lines.push(line)
      if (this.lines.length > MAX_LINES) this.lines.shift()
    })
    this.#work = Promise.all([
      this.#repeat(900, signal, (n) => this.#setState(n)),
      this.#repeat(1300, signal, (n) => this.#note(n)),
      this.#repeat(600, signal, () => this.#get()),
    ]).then(() => undefined)
  }

  /** Resolves when nothing is under way any more, after the signal. */
  get finished(): Promise<void> {
    return this.#work
  }

  async #repeat(everyMs: number, signal: AbortSignal, act: (n: number) => Promise<void>): Promise<void> {
    for (let n = 1; !signal.aborted; n += 1) {
      await act(n)
      await pause(everyMs, signal)
    }
  }

  /** Setting twice is the same as setting once: `set`. */
  #setState(n: number): Promise<void> {
    const data: DeskState = { state: n % 2 === 0 ? 'break' : 'available', n }
    return this.#command('publish', { topic: TOPICS.desk, key: 'you', data }, 'set')
  }

  /** A second execution would be a second note: `keyed`, so that servers that share their memory know the first. */
  #note(n: number): Promise<void> {
    return this.#command('note', { text: `note ${n}` }, 'keyed')
  }

  async #command(name: string, args: unknown, safety: 'set' | 'keyed'): Promise<void> {
    const startedAt = performance.now()
    try {
      await this.client.command(name, args, { safety })
      this.commands.done += 1
      this.commands.slowestMs = Math.max(this.commands.slowestMs, performance.now() - startedAt)
    } catch (error) {
      if (isFailoverError(error, 'CLIENT_CLOSED')) return
      if (isFailoverError(error, 'OUTCOME_UNKNOWN')) this.commands.unknown += 1
      else this.commands.failed += 1
      this.commands.lastError = String(error)
    }
  }

  async #get(): Promise<void> {
    const startedAt = performance.now()
    try {
      const response = await this.client.fetch('/api/ucc/helpdesk/agents')
      const body = (await response.json()) as { readonly server?: string; readonly items?: readonly unknown[] }
      this.requests.slowestMs = Math.max(this.requests.slowestMs, performance.now() - startedAt)
      this.requests.server = body.server
      // 200 and an empty list: what web services without their UCC answer.
      if (response.ok && (body.items?.length ?? 0) > 0) this.requests.done += 1
      else this.requests.empty += 1
    } catch (error) {
      if (isFailoverError(error, 'CLIENT_CLOSED')) return
      this.requests.failed += 1
      this.requests.lastError = String(error)
    }
  }
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }
