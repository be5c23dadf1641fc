/** The server processes of one cluster and everything that outlives them: configuration, content, records, ledger. */
import { FailoverError } from '../../errors'
import { pickAddresses, pickPort } from './addresses'
import { ContentStore } from './content-store'
import { runEffect } from './effects'
import type { CallName, ExecutionRequest, FromServer, RuntimeConfig, ServerCalls, ServerConfig } from './ipc'
import { Ledger, Memory } from './ledger'
import type { CheckedOptions } from './options'
import { invalid } from './options'
import { Publisher } from './publisher'
import { Records } from './records'
import { findServerFile } from './server-file'
import { ServerProcess } from './server-process'
import { UccTable } from './ucc-table'

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
  readonly publisher: Publisher
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
    this.ledger = new Ledger(this.signal)
    this.ledger.afterMs = options.commandDelayMs ?? 0
    this.publisher = new Publisher(this)
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
    const started = new ServerProcess(this.#file, this.#config(seat), seat.incarnation, {
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
    const runtime: Record<string, unknown> = { ...seat.runtime, ...change }
    for (const name of unset) delete runtime[name]
    seat.runtime = runtime as unknown as RuntimeConfig
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
    if (content === 'current') seat.store.seed(this.publisher.reality)
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
      const store = this.options.log === 'shared' ? this.publisher.reality : this.#ownStore(name, 1)
      const address = addresses[index] ?? ''
      const runtime = { snapshotPartBytes: 0, refuseUpgrades: false, load: false } as const
      const seat = { name, address, records: new Records(), process: undefined, incarnation: 0, runtime, store, memory }
      this.seats.set(name, seat)
    }
    for (const seat of this.seats.values()) seat.runtime = this.#runtime(seat)
  }

  #runtime(seat: Seat): RuntimeConfig {
    const { options } = this
    const { heartbeatMs, spreadMs, tokens, forbiddenTokens, tokenExpiresInMs, announcedClients } = options
    const { peers: announced = true } = options
    const own = options.names.map((server) => ({ server, url: this.url(server) }))
    const peers = announced === true ? own : announced === false ? undefined : announced
    const keys = this.#announced(seat.memory)
    const { acceptPerSec = 500 } = options
    const clients = typeof announcedClients === 'number' ? { clients: announcedClients } : {}
    return {
      snapshotPartBytes: options.snapshotPartBytes ?? 262_144,
      refuseUpgrades: options.refuseUpgrades ?? false,
      load: announcedClients === false ? false : { ...clients, acceptPerSec },
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
      ...(spreadMs === undefined ? {} : { spreadMs }),
      ...(peers === undefined ? {} : { peers }),
      ...(keys === undefined ? {} : { keys }),
      ...(tokens === undefined ? {} : { tokens }),
      ...(forbiddenTokens === undefined ? {} : { forbiddenTokens }),
      ...(tokenExpiresInMs === undefined ? {} : { tokenExpiresInMs }),
    }
  }

  #config(seat: Seat): ServerConfig {
    const { basePath, tls, topics = {}, onlyTopics = false } = this.options
    return {
      ...seat.runtime,
      name: seat.name,
      address: seat.address,
      port: this.#port,
      basePath,
      ...(tls === undefined ? {} : { tls }),
      uccs: this.uccs.configOf(seat.name),
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
    else if (message.type === 'execute') void this.#execute(seat, from, message.n, message.request)
  }

  async #execute(seat: Seat, from: ServerProcess, n: number, request: ExecutionRequest): Promise<void> {
    const answer = await this.ledger.execute(
      {
        server: seat.name,
        memory: seat.memory,
        isAlive: () => from.isAlive && !this.signal.aborted,
        gone: from.gone,
        awake: () => from.awake(),
        effect: (asked) =>
          runEffect(
            {
              ledger: this.ledger,
              publish: (topic, change, onlyHere) => this.publisher.publish(topic, change, onlyHere ? seat : undefined),
              nextAction: () => (this.#actions += 1),
            },
            asked,
          ),
      },
      request,
    )
    from.post({ type: 'executed', n, answer })
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
