/** What one server knows: its UCCs, its replica of the topics, who is connected, and which faults are switched on. */
import type { ServerResponse } from 'node:http'
import type { Load, ReadinessState, TopicKind } from '../../../core/wire'
import type {
  Announce,
  PendingReject,
  ReadinessOverride,
  RuntimeConfig,
  ServerConfig,
  TopicsContent,
  UccChange,
} from '../ipc'
import type { StoredEvent } from '../topic-log'
import { conventionalKind, TopicLog, uccOfTopic } from '../topic-log'
import type { Link } from './link'
import type { Session } from './session'

/** One UCC on this server: what it is, and what the server says it is. */
export class UccHere {
  readonly name: string
  state: ReadinessState
  term: number | undefined
  announce: Announce = 'status'

  constructor(name: string, state: ReadinessState, term: number | undefined) {
    this.name = name
    this.state = state
    this.term = term
  }

  get runs(): boolean {
    return this.state === 'running'
  }

  /** State in `welcome` and `status`, and what new subscriptions and commands are judged by. */
  get told(): ReadinessState {
    return this.announce === 'readiness' || this.announce === 'silent' ? 'running' : this.state
  }

  /** State in heartbeats; undefined = they prove liveness only. */
  get beat(): ReadinessState | undefined {
    return this.announce === 'beats' ? undefined : this.told
  }

  get readiness(): ReadinessState {
    return this.announce === 'silent' ? 'running' : this.state
  }

  /** A server that misreads itself keeps the content it had: its UCC gets no news. */
  get isolated(): boolean {
    return !this.runs && this.told === 'running'
  }
}

export interface Faults {
  slowMs: number
  readiness: ReadinessOverride | null
  rejects: PendingReject[]
  /** Parts of the next snapshot after which the connection is destroyed. */
  cutAfterParts: number | undefined
  silentForNew: boolean
  drain:
    | {
        readonly reason: string
        readonly endsAt: number
        readonly leaveWithinMs: number
        readonly spreadMs?: number
        readonly to?: string
      }
    | undefined
}

export class World {
  readonly config: ServerConfig
  runtime: RuntimeConfig
  readonly link: Link
  readonly uccs = new Map<string, UccHere>()
  readonly topics = new Map<string, TopicLog>()
  readonly sessions = new Set<Session>()
  readonly faults: Faults = {
    slowMs: 0,
    readiness: null,
    rejects: [],
    cutAfterParts: undefined,
    silentForNew: false,
    drain: undefined,
  }
  /** Receives every event that reaches plain event streams. */
  readonly taps = new Set<(event: StoredEvent) => void>()
  readonly plainStreams = new Set<ServerResponse>()
  #withheld: (() => void)[] = []
  #content: TopicsContent
  #connections = 0

  constructor(config: ServerConfig, link: Link) {
    this.config = config
    this.runtime = config
    this.link = link
    for (const [name, ucc] of Object.entries(config.uccs)) this.uccs.set(name, new UccHere(name, ucc.state, ucc.term))
    this.#content = config.content
    for (const dump of config.content.dumps) this.topics.set(dump.name, TopicLog.load(dump, config.limits))
  }

  nextConnection(): number {
    return (this.#connections += 1)
  }

  get onlyUcc(): UccHere | undefined {
    return this.uccs.size === 1 ? [...this.uccs.values()][0] : undefined
  }

  /** UCC by name; without one, the server's only one. */
  ucc(name: string | undefined): UccHere | undefined {
    return name === undefined ? this.onlyUcc : this.uccs.get(name)
  }

  load(): Load | undefined {
    const load = this.runtime.load
    if (load === false) return undefined
    let clients = 0
    for (const session of this.sessions) if (session.welcomed) clients += 1
    return { clients, ...load }
  }

  /** The topic as a client of `ucc` may see it; made on first use. Undefined = unknown there. */
  topic(name: string, ucc: string): TopicLog | undefined {
    const owner = uccOfTopic(name)
    if (owner !== undefined && owner !== ucc) return undefined
    const known = this.topics.get(name)
    if (known !== undefined) return known
    const { topics } = this.config
    // Names come from clients: `constructor` is a topic like any other.
    const kind = Object.hasOwn(topics, name) ? topics[name] : undefined
    if (kind === undefined && this.config.onlyTopics) return undefined
    return this.#make(name, kind ?? conventionalKind(name))
  }

  #make(name: string, kind: TopicKind): TopicLog {
    const { epoch, seq } = this.#content
    const topic = new TopicLog(name, kind, epoch, seq, this.config.limits)
    this.topics.set(name, topic)
    return topic
  }

  /** The UCC whose running lets events of this topic flow; a topic that names none belongs to the first. */
  owner(topic: string): UccHere | undefined {
    return this.uccs.get(uccOfTopic(topic) ?? '') ?? [...this.uccs.values()][0]
  }

  takeEvent(event: StoredEvent): void {
    if (this.owner(event.topic)?.isolated === true) {
      this.#withheld.push(() => this.takeEvent(event))
      return
    }
    const topic = this.topics.get(event.topic) ?? this.#make(event.topic, event.kind)
    // Of a sequence space that was given up meanwhile.
    if (topic.kind !== 'ephemeral' && topic.epoch !== event.epoch) return
    topic.apply(event)
    for (const session of this.sessions) session.deliver(event)
    for (const tap of this.taps) tap(event)
  }

  /** New sequence spaces, of one topic or of all: every client of those is resynchronised. */
  takeTopics(content: TopicsContent, only: string | undefined): void {
    const names = new Set([...this.topics.keys(), ...content.dumps.map((dump) => dump.name)])
    if (only === undefined) this.#content = content
    for (const name of names) {
      if (only !== undefined && name !== only) continue
      this.#replace(name, content)
    }
  }

  #replace(name: string, content: TopicsContent): void {
    if (this.owner(name)?.isolated === true) {
      this.#withheld.push(() => this.#replace(name, content))
      return
    }
    const dump = content.dumps.find((candidate) => candidate.name === name)
    const kind = this.topics.get(name)?.kind ?? conventionalKind(name)
    const fresh = new TopicLog(name, kind, content.epoch, content.seq, this.config.limits)
    this.topics.set(name, dump === undefined ? fresh : TopicLog.load(dump, this.config.limits))
    for (const session of this.sessions) session.resync(name)
  }

  changeUcc(change: UccChange): void {
    const ucc = this.uccs.get(change.ucc)
    if (ucc === undefined) throw new Error(`unknown UCC ${change.ucc}`)
    const before = { told: ucc.told, term: ucc.term, runs: ucc.runs }
    ucc.state = change.state
    ucc.term = change.term
    ucc.announce = change.announce
    if (!ucc.isolated) this.#releaseWithheld()
    const pushes = change.announce === 'status' && (before.told !== ucc.told || before.term !== ucc.term)
    for (const session of this.sessions) {
      if (session.ucc !== ucc) continue
      if (pushes) session.sendStatus()
      if (ucc.runs && (!before.runs || before.term !== ucc.term)) session.resumeAll()
    }
  }

  #releaseWithheld(): void {
    const withheld = this.#withheld
    this.#withheld = []
    for (const apply of withheld) apply()
  }
}
