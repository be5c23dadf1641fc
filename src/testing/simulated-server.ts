/** One server of the world: faults by method. */
import type { Peer, ReadinessState } from '../core/wire'
import type {
  DrainOptions,
  PromoteOptions,
  Published,
  PublishInput,
  RejectNextOptions,
  RestartOptions,
  StartUccOptions,
  StopUccOptions,
} from './server/fault-options'
import { invalid } from './server/pool-options'
import type { ConnectionRecord, DialRecord, RequestRecord, TokenRecord } from './server/records'
import { announcedChange } from './server/runtime-config'
import type { ReadinessOverride } from './server/server-types'
import type { Seat, ServerPool } from './server-pool'
import type { ServerProcess } from './server-process'
import type { SimulatedServer } from './simulated-server-types'
import { UccOrders } from './ucc-orders'

export class PoolServer implements SimulatedServer {
  readonly #pool: ServerPool
  readonly #seat: Seat
  readonly #uccs: UccOrders

  constructor(pool: ServerPool, seat: Seat) {
    this.#pool = pool
    this.#seat = seat
    this.#uccs = new UccOrders(pool, seat)
  }

  get name(): string {
    return this.#seat.name
  }

  get url(): string {
    return this.#seat.url
  }

  get address(): string {
    return this.#seat.address
  }

  get alive(): boolean {
    return this.#seat.process !== undefined
  }

  get hung(): boolean {
    return this.#seat.process?.isHung === true
  }

  get incarnation(): number {
    return this.#seat.incarnation
  }

  ucc(name = this.#firstUcc()): { readonly state: ReadinessState; readonly term: number | undefined } {
    const { state, term } = this.#pool.uccs.get(this.name, name)
    return { state, term }
  }

  serves(ucc = this.#firstUcc()): boolean {
    const { process } = this.#seat
    if (process === undefined || process.isHung || !this.#seat.isListening) return false
    if (!this.#pool.uccs.known(this.name).includes(ucc)) return false
    const { overload, drain } = process.state.faults
    return this.ucc(ucc).state === 'running' && overload === undefined && drain === undefined
  }

  kill(): void {
    this.#trace('is killed')
    this.#pool.kill(this.#seat, false)
  }

  powerOff(): void {
    this.#trace('is powered off')
    this.#pool.kill(this.#seat, true)
  }

  restart(options: RestartOptions = {}): void {
    this.#trace('restarts', JSON.stringify(options))
    this.#pool.kill(this.#seat, false)
    this.#pool.renewStore(this.#seat, options.content ?? 'current')
    const start = this.#uccs.prepareRestart(options)
    this.#pool.start(this.#seat)
    start()
  }

  hang(): void {
    this.#trace('hangs')
    this.#process().hang()
  }

  unhang(): void {
    this.#trace('hangs no more')
    this.#seat.process?.unhang()
  }

  reset(): void {
    this.#trace('resets all connections')
    for (const end of [...(this.#seat.process?.ends ?? [])]) {
      const { device, host } = end.connection
      host.take({ is: 'reset' })
      if (!end.connection.isBlocked('down')) device.take({ is: 'reset' })
    }
  }

  slow(delayMs: number): void {
    this.#trace(`is slow by ${delayMs} ms`)
    this.#process().state.faults.slowMs = delayMs
  }

  stopUcc(ucc = this.#firstUcc(), options: StopUccOptions = {}): void {
    this.#uccs.stop(ucc, options)
  }

  startUcc(ucc = this.#firstUcc(), options: StartUccOptions = {}): void {
    this.#uccs.start(ucc, options)
  }

  promote(ucc = this.#firstUcc(), options: PromoteOptions = {}): void {
    this.#uccs.promote(ucc, options)
  }

  drain({ leaveWithinMs, spreadMs, to, reason = 'drain' }: DrainOptions): void {
    if (!(leaveWithinMs >= 0)) throw invalid('leaveWithinMs', 'must be 0 or more milliseconds')
    const target = to === undefined ? undefined : this.#pool.seats.get(to)
    const host = target === undefined ? to : new URL(target.url).host
    const hints = { ...(spreadMs === undefined ? {} : { spreadMs }), ...(host === undefined ? {} : { to: host }) }
    this.#order('drains', (process) => process.faults.drain({ reason, leaveWithinMs, ...hints }))
  }

  undrain(): void {
    this.#order('drains no more', (process) => process.faults.undrain())
  }

  overload(options: { readonly retryAfterMs: number } | false): void {
    this.#trace('overload', JSON.stringify(options))
    this.#process().state.faults.overload = options === false ? undefined : options
  }

  refuse(): void {
    this.#trace('refuses connections')
    this.#seat.isRefusing = true
  }

  accept(): void {
    this.#trace('accepts connections')
    this.#seat.isRefusing = false
  }

  goSilent(on = true, { scope = 'existing' }: { readonly scope?: 'existing' | 'all' } = {}): void {
    this.#order(on ? `goes silent (${scope})` : 'is silent no more', ({ faults }) => faults.goSilent(on, scope))
  }

  sendRaw(text: string): void {
    this.#order('sends', ({ faults }) => faults.sendRaw(text))
  }

  serveReadiness(override: ReadinessOverride | null): void {
    this.#trace('serves readiness', JSON.stringify(override))
    this.#process().state.faults.readiness = override
  }

  closeAll(code: number, reason = ''): void {
    this.#order(`closes all with ${code}`, ({ faults }) => faults.closeAll(code, reason))
  }

  rejectNext(options: RejectNextOptions | null): void {
    this.#trace('rejects next', JSON.stringify(options))
    const { rejects } = this.#process().state.faults
    if (options === null) rejects.length = 0
    else rejects.push(options)
  }

  cutSnapshotAfterParts(parts: number): void {
    this.#process().state.faults.cutAfterParts = parts
  }

  repeatFrames(on = true): void {
    this.#process().state.faults.repeats = on
  }

  refuseUpgrades(on = true): void {
    this.#trace(on ? 'refuses upgrades' : 'accepts upgrades')
    this.#pool.configure(this.#seat, { refuseUpgrades: on })
  }

  resync(topic?: string): void {
    this.#order('resynchronises', ({ faults }) => faults.resync(topic))
  }

  announce(change: {
    readonly peers?: readonly Peer[] | undefined
    readonly spreadMs?: number | undefined
    readonly clients?: number | undefined
    readonly acceptPerSec?: number
  }): void {
    this.#trace('announces', JSON.stringify(change))
    this.#pool.configure(this.#seat, announcedChange(this.#seat.runtime, change))
  }

  setTokens(tokens: readonly string[] | undefined, { enforce = false }: { readonly enforce?: boolean } = {}): void {
    this.#trace(`accepts ${tokens === undefined ? 'every token' : `${tokens.length} tokens`}`)
    this.#pool.configure(this.#seat, { tokens })
    if (enforce) this.#seat.process?.run(() => this.#seat.process?.faults.checkTokens())
  }

  lag(ms: number): void {
    this.#trace(`lags by ${ms} ms`)
    this.#seat.lagMs = ms
    if (ms === 0) this.#pool.catchUp(this.#seat)
  }

  skewClock(ms: number): void {
    this.#trace(`has a clock ${ms} ms off`)
    this.#seat.skewMs = ms
  }

  publish(topic: string, change: PublishInput): Published {
    return this.#pool.publish(topic, change, this.#seat)
  }

  content(topic: string): ReadonlyMap<string, unknown> {
    const { process, store } = this.#seat
    // What a process has not heard of is empty there, whatever the log has.
    const held = process === undefined ? store.topic(topic) : process.state.topics.get(topic)
    return new Map((held?.snapshot() ?? []).map(({ key, data }) => [key, data]))
  }

  connections(): readonly ConnectionRecord[] {
    return this.#seat.records.connections()
  }

  requests(): readonly RequestRecord[] {
    return [...this.#seat.records.requests]
  }

  dials(): readonly DialRecord[] {
    return [...this.#seat.records.dials]
  }

  tokensSeen(): readonly TokenRecord[] {
    return [...this.#seat.records.tokens]
  }

  clearRecords(): void {
    this.#seat.records.clear()
  }

  #firstUcc(): string {
    return this.#pool.uccs.defaultUcc(this.name)
  }

  #process(): ServerProcess {
    const { process } = this.#seat
    if (process === undefined) throw invalid('server', `${this.name} is not alive`)
    return process
  }

  /** Carried out when the process runs. */
  #order(what: string, action: (process: ServerProcess) => void): void {
    this.#trace(what)
    const process = this.#process()
    process.run(() => action(process))
  }

  #trace(what: string, text = ''): void {
    this.#pool.parts.trace.note(this.name, what, text)
  }
}
