/** The servers of the world and everything that outlives their processes: content, memories, records, ledger. */
import { ContentStore } from './server/content-store'
import { runEffect } from './server/effects'
import type { Published, PublishInput } from './server/fault-options'
import { Ledger, Memory, type Effect } from './server/ledger'
import { invalid, type CheckedPool } from './server/pool-options'
import { Publisher } from './server/publisher'
import { Records } from './server/records'
import { changedRuntime, runtimeConfig } from './server/runtime-config'
import type { ExecutionAnswer, ExecutionRequest, Note, RuntimeConfig, ServerConfig } from './server/server-types'
import { UccTable } from './server/ucc-table'
import type { Host } from './network'
import { ServerLine } from './server-line'
import { ServerProcess } from './server-process'
import type { End, EndHandlers } from './tcp'
import type { Timeline } from './timeline'
import type { Trace } from './trace'
import type { SimulatedCommand, SimulatedHttp } from './world-types'

/** The machine of one server: an address, and the processes that come and go there. */
export interface Seat extends Host {
  readonly url: string
  readonly address: string
  readonly records: Records
  process: ServerProcess | undefined
  incarnation: number
  runtime: RuntimeConfig
  store: ContentStore
  memory: Memory
  isCutOff: boolean
  isRefusing: boolean
  lagMs: number
  /** News on its way to a replica that lags. */
  readonly lagging: (() => void)[]
  skewMs: number
}

export interface PoolParts {
  readonly timeline: Timeline
  readonly trace: Trace
  /** The true time. */
  wallClock(): number
  readonly options: CheckedPool
  readonly domain: string
  readonly http: SimulatedHttp | undefined
  readonly commands: Readonly<Record<string, SimulatedCommand>>
}

export class ServerPool {
  readonly seats = new Map<string, Seat>()
  readonly uccs: UccTable
  readonly ledger: Ledger
  readonly publisher: Publisher<Seat>
  readonly reality: ContentStore
  readonly parts: PoolParts
  readonly #limits: { readonly historySize: number; readonly recentItems: number }
  readonly #published = new Map<string, Published[]>()
  #memories = 0
  #actions = 0

  constructor(parts: PoolParts) {
    const { options, timeline } = parts
    this.parts = parts
    this.#limits = { historySize: options.historySize ?? 10_000, recentItems: options.recentItems ?? 500 }
    this.uccs = new UccTable(options)
    this.ledger = new Ledger((delayMs, action) => timeline.after(delayMs, action))
    this.ledger.afterMs = options.commandDelayMs ?? 0
    this.reality = this.#newStore('shared', 0)
    this.publisher = new Publisher<Seat>({
      log: options.log,
      reality: this.reality,
      seats: () => this.seats.values(),
      isAlive: (seat) => seat.process !== undefined,
      deliver: (seat, event) => this.#toReplica(seat, (process) => process.state.takeEvent(event)),
      renew: (seat, content, only) => this.#toReplica(seat, (process) => process.state.takeTopics(content, only)),
      wallClock: () => parts.wallClock(),
    })
    const shared = this.#newMemory('keys')
    for (const [index, name] of options.names.entries()) this.seats.set(name, this.#newSeat(name, index, shared))
    for (const seat of this.seats.values()) seat.runtime = this.#runtime(seat)
    for (const seat of this.seats.values()) this.start(seat)
  }

  seat(name: string): Seat {
    const seat = this.seats.get(name)
    if (seat === undefined)
      throw invalid('server', `there is no server ${name}, only ${[...this.seats.keys()].join(', ')}`)
    return seat
  }

  start(seat: Seat): void {
    const { timeline } = this.parts
    seat.incarnation += 1
    seat.isCutOff = false
    seat.process = new ServerProcess(this.#config(seat), seat.incarnation, {
      timeline,
      wallClock: () => Math.floor(this.parts.wallClock() + seat.skewMs),
      note: (note, process) => this.#note(seat, note, process),
      execute: (request, process, done) => this.#execute(seat, process, request, done),
    })
  }

  /** Ends the process of a server, or its whole machine. */
  kill(seat: Seat, isMachine: boolean): void {
    const { process } = seat
    seat.process = undefined
    seat.isCutOff = isMachine
    seat.isRefusing = false
    if (process === undefined) return
    seat.records.processGone(this.parts.wallClock())
    process.kill(isMachine)
    // Memory that only this process had is lost with it.
    if (this.parts.options.keys !== 'shared') this.#renewMemory(seat, this.#newMemory(`keys-${seat.name}`))
  }

  configure(seat: Seat, change: { readonly [K in keyof RuntimeConfig]?: RuntimeConfig[K] | undefined }): void {
    seat.runtime = changedRuntime(seat.runtime, change)
    if (seat.process !== undefined) seat.process.state.runtime = seat.runtime
  }

  forgetKeys(): void {
    const shared = this.#newMemory('keys')
    for (const seat of this.seats.values()) {
      const isShared = this.parts.options.keys === 'shared'
      this.#renewMemory(seat, isShared ? shared : this.#newMemory(`keys-${seat.name}`))
    }
  }

  /** With a split log a process that died has lost its sequencing; it comes back with content as told. */
  renewStore(seat: Seat, content: 'current' | 'empty'): void {
    if (this.parts.options.log === 'shared') return
    seat.store = this.#ownStore(seat.name, seat.incarnation + 1)
    if (content === 'current') seat.store.seed(this.reality)
  }

  publish(topic: string, change: PublishInput, only?: Seat): Published {
    const published = this.publisher.publish(topic, change, only)
    const known = this.#published.get(topic)
    if (known === undefined) this.#published.set(topic, [published])
    else known.push(published)
    this.parts.trace.note('world', 'publishes', `${topic} ${published.op} ${published.key} ${published.cursor.seq}`)
    return published
  }

  published(topic: string): readonly Published[] {
    return [...(this.#published.get(topic) ?? [])]
  }

  #newSeat(name: string, index: number, shared: Memory): Seat {
    const { options, domain, http } = this.parts
    const seat: Seat = {
      name,
      url: `https://${name}.${domain}`,
      address: `192.0.2.${index + 1}`,
      records: new Records(),
      process: undefined,
      incarnation: 0,
      runtime: { snapshotPartBytes: 0, refuseUpgrades: false, load: false },
      store: options.log === 'shared' ? this.reality : this.#ownStore(name, 1),
      memory: options.keys === 'shared' ? shared : this.#newMemory(`keys-${name}`),
      isCutOff: false,
      isRefusing: false,
      lagMs: 0,
      lagging: [],
      skewMs: 0,
      get isListening() {
        return seat.process !== undefined && !seat.isRefusing
      },
      accept: (end: End): EndHandlers => {
        const { process } = seat
        if (process === undefined) throw new Error(`${name} does not listen`)
        return new ServerLine(process, end, http)
      },
    }
    return seat
  }

  /** A replica that lags hears of everything later, in order. */
  #toReplica(seat: Seat, action: (process: ServerProcess) => void): void {
    const { process } = seat
    if (process === undefined) return
    const apply = (): void => process.run(() => action(process))
    if (seat.lagMs === 0 && seat.lagging.length === 0) return apply()
    seat.lagging.push(apply)
    this.parts.timeline.after(seat.lagMs, () => this.catchUp(seat, apply))
  }

  /** Hands a lagging replica what waits for it, up to and with `last`; by default all. */
  catchUp(seat: Seat, last?: () => void): void {
    const count = last === undefined ? seat.lagging.length : seat.lagging.indexOf(last) + 1
    for (const apply of seat.lagging.splice(0, count)) apply()
  }

  #config(seat: Seat): ServerConfig {
    const { topics = {}, onlyTopics = false } = this.parts.options
    return {
      ...seat.runtime,
      name: seat.name,
      uccs: this.uccs.configOf(seat.name),
      limits: this.#limits,
      topics,
      onlyTopics,
      content: seat.store.content(),
    }
  }

  #runtime(seat: Seat): RuntimeConfig {
    const peers = [...this.seats.values()].map(({ name, url }) => ({ server: name, url }))
    return runtimeConfig(this.parts.options, peers, this.#announced(seat.memory))
  }

  #announced(memory: Memory): string | undefined {
    return this.parts.options.keys === 'none' ? undefined : memory.id
  }

  #renewMemory(seat: Seat, memory: Memory): void {
    seat.memory = memory
    this.configure(seat, { keys: this.#announced(memory) })
    const { process } = seat
    process?.run(() => process.faults.checkKeys())
  }

  #newMemory(prefix: string): Memory {
    this.#memories += 1
    return new Memory(`${prefix}-${this.#memories}`)
  }

  #newStore(name: string, firstSeq: number): ContentStore {
    return new ContentStore(name, firstSeq, this.#limits, this.parts.options.topics ?? {})
  }

  #ownStore(name: string, incarnation: number): ContentStore {
    // Positions that differ by server: whoever compares `seq` without `epoch` shall fail at once.
    return this.#newStore(`${name}-${incarnation}`, 1000 * (this.parts.options.names.indexOf(name) + 1))
  }

  #note(seat: Seat, note: Note, process: ServerProcess): void {
    seat.records.take(note, process.incarnation)
    if (note.note === 'request') this.parts.trace.note(seat.name, `${note.method} ${note.url}`)
    else if (note.note !== 'dial' && note.note !== 'token') {
      this.parts.trace.note(seat.name, note.note, JSON.stringify(note))
    }
  }

  #execute(
    seat: Seat,
    process: ServerProcess,
    request: ExecutionRequest,
    done: (answer: ExecutionAnswer) => void,
  ): void {
    const executor = {
      server: seat.name,
      memory: seat.memory,
      wallClock: () => process.wallClock(),
      isAlive: () => process.isAlive,
      whenGone: (action: () => void) => process.whenGone(action),
      whenAwake: (action: () => void) => process.whenAwake(action),
      effect: (asked: ExecutionRequest) => this.#effect(seat, asked),
    }
    this.ledger.execute(executor, request, done)
  }

  #effect(seat: Seat, asked: ExecutionRequest): Effect {
    this.parts.trace.note(seat.name, `executes ${asked.name}`, asked.key ?? '')
    const publish = (topic: string, change: PublishInput, onlyHere = false): Published =>
      this.publish(topic, change, onlyHere ? seat : undefined)
    const { commands } = this.parts
    const own = asked.kind === 'command' && Object.hasOwn(commands, asked.name) ? commands[asked.name] : undefined
    if (own === undefined) {
      return runEffect({ ledger: this.ledger, publish, nextAction: () => (this.#actions += 1) }, asked)
    }
    try {
      const data = own(asked.args, {
        server: seat.name,
        ucc: asked.ucc,
        publish: (topic, change) => publish(topic, change),
      })
      return { answer: { status: 'done', data }, afterMs: 0 }
    } catch (error) {
      return { answer: { status: 'rejected', error: readError(error) }, afterMs: 0 }
    }
  }
}

function readError(error: unknown): { readonly code: string; readonly message: string } {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  return { code: typeof code === 'string' ? code : 'failed', message: String(message ?? error) }
}
