/** What one server knows: its UCCs, its replica of the topics, who is connected, and which faults are switched on. */
import type { Load, ServerFrame, TopicKind } from '../../core/wire'
import type { ServerHost } from './host'
import type {
  PendingReject,
  ReadinessOverride,
  RuntimeConfig,
  ServerConfig,
  TopicsContent,
  UccChange,
} from './server-types'
import type { Session } from './session'
import type { StoredEvent } from './topic-log'
import { conventionalKind, TopicLog, uccOfTopic } from './topic-log'
import { UccHere } from './ucc-here'

export interface Faults {
  slowMs: number
  readiness: ReadinessOverride | null
  rejects: PendingReject[]
  /** Refuses what costs something, with this advice. Readiness goes on. */
  overload: { readonly retryAfterMs: number } | undefined
  /** Parts of the next snapshot after which the connection is destroyed. */
  cutAfterParts: number | undefined
  silentForNew: boolean
  /** Every `event`, `subscribed` and `result` is sent twice. */
  repeats: boolean
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

/** What a server may say again by mistake, and a client must know by what it says: `seq`, `cursor`, `id`. */
const REPEATED: ReadonlySet<ServerFrame['type']> = new Set(['event', 'subscribed', 'result'])

export class ServerState {
  readonly config: ServerConfig
  runtime: RuntimeConfig
  readonly host: ServerHost
  readonly uccs = new Map<string, UccHere>()
  readonly topics = new Map<string, TopicLog>()
  readonly sessions = new Set<Session>()
  readonly faults: Faults = {
    slowMs: 0,
    readiness: null,
    rejects: [],
    overload: undefined,
    cutAfterParts: undefined,
    silentForNew: false,
    repeats: false,
    drain: undefined,
  }
  /** Receives every event that reaches plain event streams. */
  readonly taps = new Set<(event: StoredEvent) => void>()
  readonly plainStreams = new Set<{ end(): void }>()
  #withheld: (() => void)[] = []
  #content: TopicsContent
  #connections = 0

  constructor(config: ServerConfig, host: ServerHost) {
    this.config = config
    this.runtime = config
    this.host = host
    for (const [name, ucc] of Object.entries(config.uccs)) this.uccs.set(name, new UccHere(name, ucc.state, ucc.term))
    this.#content = config.content
    for (const dump of config.content.dumps) this.topics.set(dump.name, TopicLog.load(dump, config.limits))
  }

  /** Is this frame sent twice? */
  repeats({ type }: ServerFrame): boolean {
    return this.faults.repeats && REPEATED.has(type)
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
