/** The server processes of one cluster and everything that outlives them: configuration, content, records, ledger. */
import { FailoverError } from '../../errors'
import { ContentStore } from '../server/content-store'
import { runEffect } from '../server/effects'
import type { Executor } from '../server/ledger'
import { Ledger, Memory } from '../server/ledger'
import { invalid } from '../server/pool-options'
import { Publisher } from '../server/publisher'
import { Records } from '../server/records'
import { changedRuntime, runtimeConfig } from '../server/runtime-config'
import type { ExecutionRequest, RuntimeConfig } from '../server/server-types'
import { UccTable } from '../server/ucc-table'
import { pickAddresses, pickPort } from './addresses'
import type { GenerateOptions, Generation } from './generator'
import { startGeneration } from './generator'
import type { CallName, FromServer, ProcessConfig, ServerCalls } from './ipc'
import type { CheckedOptions } from './options'
import { findServerFile } from './server-file'
import { ServerProcess } from './server-process'

const START_ATTEMPTS = 5

/** One place in the cluster: an address, and the processes that come and go there. */
export interface Seat {
  readonly name: string
  readonly address: string
  readonly records: Records
  process: ServerProcess | undefined
  incarnation: number
  runtime: RuntimeConfig
  store: ContentStore
  memory: Memory
}

export class Fleet {
  readonly options: CheckedOptions
  readonly seats = new Map<string, Seat>()
  readonly uccs: UccTable
  readonly ledger: Ledger
  readonly publisher: Publisher<Seat>
  readonly #reality: ContentStore
  readonly #generations = new Set<Generation>()
  readonly #abort = new AbortController()
  readonly #limits: { readonly historySize: number; readonly recentItems: number }
  #file = ''
  #port = 0
  #memories = 0
  #actions = 0
  #closed: Promise<void> | undefined

  constructor(options: CheckedOptions) {
    this.options = options
    this.#limits = { historySize: options.historySize ?? 10_000, recentItems: options.recentItems ?? 500 }
    this.uccs = new UccTable(options)
    this.ledger = new Ledger((delayMs, action) => {
      const timer = setTimeout(action, delayMs)
      return () => clearTimeout(timer)
    })
    this.ledger.afterMs = options.commandDelayMs ?? 0
    this.#reality = this.newStore('shared', 0)
    this.publisher = new Publisher<Seat>({
      log: options.log,
      reality: this.#reality,
      seats: () => this.seats.values(),
      isAlive: (seat) => seat.process?.isAlive === true,
      deliver: (seat, event) => seat.process?.post({ type: 'event', event }),
      renew: (seat, content, only) =>
        seat.process?.post({ type: 'topics', content, ...(only === undefined ? {} : { only }) }),
      wallClock: () => Date.now(),
    })
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get port(): number {
    return this.#port
  }

  /** Starts all servers; a port that was taken meanwhile is replaced by another. */
  async start(): Promise<void> {
    this.#file = await findServerFile()
    const { names, addresses = pickAddresses(names.length), port } = this.options
    for (let attempt = 1; ; attempt += 1) {
      this.#port = port ?? (await pickPort(addresses))
      this.#seat(addresses)
      try {
        await Promise.all([...this.seats.values()].map((seat) => this.spawn(seat)))
        return
      } catch (error) {
        await this.#killAll()
        const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
        if (!isTaken || port !== undefined || attempt === START_ATTEMPTS) throw error
      }
    }
  }

  seat(name: string): Seat {
    const seat = this.seats.get(name)
    if (seat === undefined)
      throw invalid('server', `there is no server ${name}, only ${[...this.seats.keys()].join(', ')}`)
    return seat
  }

  url(name: string): string {
    const scheme = this.options.tls === undefined ? 'http' : 'https'
    return `${scheme}://${this.seat(name).address}:${this.#port}${this.options.basePath}`
  }

  async spawn(seat: Seat): Promise<void> {
    if (this.#closed !== undefined) throw new FailoverError('CLIENT_CLOSED', 'the cluster is closed')
    seat.incarnation += 1
    const program = { file: this.#file, within: this.options.within[seat.name] ?? [] }
    const started = new ServerProcess(program, this.#config(seat), seat.incarnation, {
      message: (message, from) => this.#take(seat, message, from),
      gone: (from, isExpected) => this.#gone(seat, from, isExpected),
    })
    seat.process = started
    await started.listening(this.options.startTimeoutMs)
  }

  /** The live process of a server. @throws FailoverError `INVALID_OPTION` when it is dead */
  process(name: string): ServerProcess {
    const { process } = this.seat(name)
    if (process?.isAlive !== true) throw invalid('server', `${name} is not alive`)
    return process
  }

  async call<Name extends CallName>(name: string, call: Name, args: ServerCalls[Name]): Promise<void> {
    await this.process(name).call(call, args)
  }

  async callAll<Name extends CallName>(call: Name, args: ServerCalls[Name]): Promise<void> {
    const living = [...this.seats.values()].flatMap((seat) => (seat.process?.isAlive === true ? [seat.process] : []))
    await Promise.all(living.map((process) => process.call(call, args)))
  }

  /** Changes what a server announces, now and after restarts. A member that is `undefined` is announced no more. */
  async configure(seat: Seat, change: { [K in keyof RuntimeConfig]?: RuntimeConfig[K] | undefined }): Promise<void> {
    const names = Object.keys(change) as (keyof RuntimeConfig)[]
    const unset = names.filter((name) => change[name] === undefined)
    seat.runtime = changedRuntime(seat.runtime, change)
    if (seat.process?.isAlive === true)
      await seat.process.call('configure', { ...(change as Partial<RuntimeConfig>), unset })
  }

  /** Stopped processes cannot notice that this one ended; their siblings are told whom to take along. */
  tellFrozen(): void {
    const processes = [...this.seats.values()].flatMap((seat) => (seat.process === undefined ? [] : [seat.process]))
    const pids = processes.flatMap((process) => (process.isFrozen && process.pid !== undefined ? [process.pid] : []))
    for (const process of processes) if (!process.isFrozen) process.post({ type: 'frozen', pids })
  }

  /** A new, empty memory of keys: for all servers, or for the one that has its own. */
  async forgetKeys(): Promise<void> {
    const shared = this.#newMemory('keys')
    for (const seat of this.seats.values()) {
      seat.memory = this.options.keys === 'shared' ? shared : this.#newMemory(`keys-${seat.name}`)
      await this.configure(seat, { keys: this.#announced(seat.memory) })
    }
  }

  /** With a split log a process that died has lost its sequencing; it comes back with content as told. */
  renewStore(seat: Seat, content: 'current' | 'empty'): void {
    if (this.options.log === 'shared') return
    seat.store = this.#ownStore(seat.name, seat.incarnation + 1)
    if (content === 'current') seat.store.seed(this.#reality)
  }

  generate(options: GenerateOptions): Generation {
    const isLog = this.#reality.kind(options.topic) === 'log'
    const generation = startGeneration(options, isLog, (change) => this.publisher.publish(options.topic, change))
    this.#generations.add(generation)
    return generation
  }

  newStore(name: string, firstSeq: number): ContentStore {
    return new ContentStore(name, firstSeq, this.#limits, this.options.topics ?? {})
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.publisher.close()
    for (const generation of this.#generations) generation.stop()
    this.#abort.abort()
    await this.#killAll()
  }

  async #killAll(): Promise<void> {
    await Promise.all([...this.seats.values()].map(async (seat) => seat.process?.kill()))
  }

  #seat(addresses: readonly string[]): void {
    const shared = this.#newMemory('keys')
    for (const [index, name] of this.options.names.entries()) {
      const memory = this.options.keys === 'shared' ? shared : this.#newMemory(`keys-${name}`)
      const store = this.options.log === 'shared' ? this.#reality : this.#ownStore(name, 1)
      const address = addresses[index] ?? ''
      const runtime = { snapshotPartBytes: 0, refuseUpgrades: false, load: false } as const
      const seat = { name, address, records: new Records(), process: undefined, incarnation: 0, runtime, store, memory }
      this.seats.set(name, seat)
    }
    for (const seat of this.seats.values()) seat.runtime = this.#runtime(seat)
  }

  #runtime(seat: Seat): RuntimeConfig {
    const peers = this.options.names.map((server) => ({ server, url: this.url(server) }))
    return runtimeConfig(this.options, peers, this.#announced(seat.memory))
  }

  #config(seat: Seat): ProcessConfig {
    const { basePath, tls, topics = {}, onlyTopics = false } = this.options
    const uccs = this.uccs.configOf(seat.name)
    const uccPorts = Object.entries(this.options.uccPorts).filter(([ucc]) => Object.hasOwn(uccs, ucc))
    return {
      ...seat.runtime,
      name: seat.name,
      address: seat.address,
      port: this.#port,
      uccPorts: Object.fromEntries(uccPorts),
      basePath,
      ...(tls === undefined ? {} : { tls }),
      uccs,
      limits: this.#limits,
      topics,
      onlyTopics,
      content: seat.store.content(),
    }
  }

  #ownStore(name: string, incarnation: number): ContentStore {
    // Positions that differ by server: whoever compares `seq` without `epoch` shall fail at once.
    return this.newStore(`${name}-${incarnation}`, 1000 * (this.options.names.indexOf(name) + 1))
  }

  #newMemory(prefix: string): Memory {
    this.#memories += 1
    return new Memory(`${prefix}-${this.#memories}`)
  }

  #announced(memory: Memory): string | undefined {
    return this.options.keys === 'none' ? undefined : memory.id
  }

  #take(seat: Seat, message: FromServer, from: ServerProcess): void {
    if (message.type === 'notes') for (const note of message.notes) seat.records.take(note, from.incarnation)
    else if (message.type === 'execute') this.#execute(seat, from, message.n, message.request)
  }

  #execute(seat: Seat, from: ServerProcess, n: number, request: ExecutionRequest): void {
    const executor: Executor = {
      server: seat.name,
      memory: seat.memory,
      wallClock: () => Date.now(),
      isAlive: () => from.isAlive && !this.signal.aborted,
      whenGone: (action) => from.whenGone(action),
      whenAwake: (action) => from.whenAwake(action),
      effect: (asked) =>
        runEffect(
          {
            ledger: this.ledger,
            publish: (topic, change, onlyHere) => this.publisher.publish(topic, change, onlyHere ? seat : undefined),
            nextAction: () => (this.#actions += 1),
          },
          asked,
        ),
    }
    this.ledger.execute(executor, request, (answer) => from.post({ type: 'executed', n, answer }))
  }

  #gone(seat: Seat, from: ServerProcess, isExpected: boolean): void {
    seat.records.processGone(Date.now())
    // Memory that only this process had is lost with it.
    if (this.options.keys !== 'shared' && seat.process === from) {
      seat.memory = this.#newMemory(`keys-${seat.name}`)
      void this.configure(seat, { keys: this.#announced(seat.memory) })
    }
    this.tellFrozen()
    // A server that fails by itself is a defect of this tool: never silent.
    if (!isExpected && !this.signal.aborted) {
      process.emitWarning(`${seat.name} of a test cluster ended by itself. ${from.stderr}`.trim())
    }
  }
}
