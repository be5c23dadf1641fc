/** One client under test: its device, its watched platform, and an application that does what the plan says. */
import { EVENTS, type FailoverEventName } from '../../client/events'
import type { FailoverClient } from '../../client/failover-client-types'
import type { FailoverClientOptions } from '../../client/option-types'
import type { StateSubscription } from '../../client/subscription'
import type { CommandSafety } from '../../core/command-protocol'
import { SWINGING_CONFIRM_MS } from '../../core/designation'
import { findFailoverError } from '../../errors'
import type { Platform } from '../../platform/platform'
import type { SimulatedDevice } from '../device-types'
import { HOLD_DOWN_GROWTH, PERMANENT_OPEN_MS, POLLS_MS, SWINGING_WORDS } from './bounds'
import type { ClientView } from './invariant'
import type { Misbehaviour } from './faults'
import type { ClientPlan, Deed, TopologyPlan } from './plan'
import type { CallKind, CallOutcome, Witness } from './sighting'
import { CALL_HEADER, watchPlatform, type Alive } from './watched-platform'

/** What an actor needs of its run. */
export interface ActorHost {
  readonly topology: TopologyPlan
  readonly tell: Witness
  now(): number
  /** Base URLs of all roads, the best ranked first. */
  readonly endpoints: readonly string[]
  /** The token of the moment; nothing where none is asked for. */
  token(): string | undefined
  /** Do the clients get in the way of their own moves now? */
  isUnruly(): boolean
  random(): number
}

/** What a client could be asked to do. */
export type ClientDeed = Extract<Deed, { readonly client: number }>

export class Actor implements ClientView {
  readonly alive: Readonly<Alive>
  /** It was told to stay somewhere: then nowhere else is better. */
  isHeld = false
  readonly #platform: Platform
  #client: FailoverClient | undefined
  readonly #misbehaviours = new Set<Misbehaviour>()
  readonly #handles = new Map<string, { readonly handle: number; readonly subscription: StateSubscription }>()
  #lastToken = ''
  #lastHandle = 0
  #lastCall = 0
  #isClosed = false

  constructor(
    readonly index: number,
    readonly plan: ClientPlan,
    readonly device: SimulatedDevice,
    private readonly host: ActorHost,
  ) {
    const { platform, alive } = watchPlatform(device.platform(), host.tell)
    this.alive = alive
    this.#platform = platform
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get client(): FailoverClient {
    if (this.#client === undefined) throw new Error(`client ${this.index} has not started`)
    return this.#client
  }

  start(): void {
    this.#client = this.device.connect({ ...this.#options(), platform: this.#platform })
    for (const name of Object.keys(EVENTS) as FailoverEventName[]) this.#listen(name)
    this.#call('ready', 'ready', async () => {
      await this.client.ready()
      return { ok: true }
    })
  }

  /** What the resolver designated, whenever that became another endpoint. */
  readonly #words: { readonly word: string; readonly at: number }[] = []

  hearsNews(): boolean {
    const last = this.#words.at(-1)
    return (
      this.#words.length > SWINGING_WORDS &&
      last !== undefined &&
      this.host.now() - last.at < SWINGING_CONFIRM_MS + POLLS_MS
    )
  }

  #pauses = 0
  #slept = 0
  #asleepSince: number | undefined

  awakeMs(): number {
    return (this.#asleepSince ?? this.host.now()) - this.#slept
  }

  /** It runs no code from now on, for one more reason. */
  paused(): void {
    this.#pauses += 1
    this.#asleepSince ??= this.host.now()
  }

  /** One of the reasons is gone, or all of them. */
  resumed(all = false): void {
    this.#pauses = all ? 0 : Math.max(0, this.#pauses - 1)
    if (this.#asleepSince === undefined || this.#pauses > 0) return
    this.#slept += this.host.now() - this.#asleepSince
    this.#asleepSince = undefined
  }

  misbehave(how: Misbehaviour, on: boolean): void {
    if (on) this.#misbehaviours.add(how)
    else this.#misbehaviours.delete(how)
  }

  leftovers(): readonly string[] {
    return this.device.leftovers()
  }

  sample(): void {
    if (this.#isClosed) return
    const { active, endpoints } = this.client
    this.host.tell({ is: 'sampled', active: active?.id, endpoints })
  }

  do(deed: ClientDeed): void {
    // No code of a sleeper runs, its application's neither.
    if (this.#asleepSince !== undefined) return
    switch (deed.do) {
      case 'subscribe':
        return this.#subscribe(`ucc/${this.plan.ucc}/${deed.topic}`)
      case 'unsubscribe':
        return this.#unsubscribe(`ucc/${this.plan.ucc}/${deed.topic}`)
      case 'command':
        return this.#command(deed.safety, deed.deadlineMs)
      case 'get':
        return this.#fetch('GET', false)
      case 'post':
        return this.#fetch('POST', deed.hasKey)
      case 'switchover':
        this.isHeld ||= deed.hold
        return this.#move('switchover', () => this.client.switchover({ hold: deed.hold }))
      case 'failback':
        return this.#move('failback', () => this.client.failback())
      case 'close':
        return this.close()
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.host.tell({ is: 'closing' })
    this.#call('close', 'close', async () => {
      await this.client.close()
      return { ok: true }
    })
  }

  #options(): Partial<FailoverClientOptions> {
    const { ucc, priority, standby, failback, holdDownMs, heartbeatMs, sharedKeys } = this.plan
    const maxHoldDownMs = holdDownMs * HOLD_DOWN_GROWTH
    return {
      ucc,
      endpoints: this.host.endpoints.slice(0, this.plan.endpoints),
      priority,
      standby,
      client: { id: `client-${this.index}` },
      failback: { mode: failback, holdDownMs, maxHoldDownMs },
      detection: { heartbeatMs },
      breaker: { permanentOpenMs: PERMANENT_OPEN_MS },
      commands: { sharedKeys },
      retry: { sharedKeys },
      store: false,
      ...(this.host.token() === undefined ? {} : { token: () => this.#token() }),
      ...(this.plan.asksCanMove ? { canMove: () => !this.host.isUnruly() || this.host.random() < 0.3 } : {}),
      ...(this.plan.restores ? { restoreSession: (context) => this.#restore(context) } : {}),
      ...(this.host.topology.hasDesignation ? { resolver: this.#resolver() } : {}),
    }
  }

  #resolver(): NonNullable<FailoverClientOptions['resolver']> {
    const resolver = this.device.resolver({ pollMs: 2000 })
    return {
      ...resolver,
      resolve: async (context) => {
        const answer = await resolver.resolve(context)
        const word = answer.find(({ designated }) => designated === true)?.url
        this.host.tell({ is: 'resolved', designated: word })
        if (word !== undefined && word !== this.#words.at(-1)?.word) this.#words.push({ word, at: this.host.now() })
        return answer
      },
    }
  }

  #token(): string {
    // Errors of applications are careless with secrets; what is told of them must not be.
    if (this.#misbehaviours.has('token-provider')) throw new Error(`no renewal of ${this.#lastToken}`)
    this.#lastToken = this.host.token() ?? ''
    return this.#lastToken
  }

  async #restore({ command }: Parameters<NonNullable<FailoverClientOptions['restoreSession']>>[0]): Promise<void> {
    if (this.#misbehaviours.has('restore')) throw new Error(`no session for ${this.#lastToken}`)
    await command('login', { client: this.index }, { safety: 'set' })
  }

  #listen<Name extends FailoverEventName>(name: Name): void {
    // The union of all events cannot be formed from a type parameter.
    this.client.on(name, (context) => this.host.tell({ is: 'event', name, context } as Parameters<Witness>[0]))
  }

  #subscribe(topic: string): void {
    // A closed client refuses this at once, by a throw.
    if (this.#isClosed || this.#handles.has(topic)) return
    const subscription = this.client.subscribe(topic)
    this.#lastHandle += 1
    const handle = this.#lastHandle
    const hasView = !topic.endsWith('/log')
    const view = (): { view: ReadonlyMap<string, unknown> | undefined } => ({
      view: hasView ? subscription.view : undefined,
    })
    this.#handles.set(topic, { handle, subscription })
    this.host.tell({ is: 'subscribed', handle, topic, ...view() })
    subscription.on('batch', (changes) => this.host.tell({ is: 'batch', handle, topic, changes, ...view() }))
  }

  #unsubscribe(topic: string): void {
    const entry = this.#handles.get(topic)
    if (entry === undefined) return
    this.#handles.delete(topic)
    this.host.tell({ is: 'unsubscribed', handle: entry.handle })
    entry.subscription.close()
  }

  #command(safety: CommandSafety, deadlineMs: number): void {
    const key = this.#nextCall('command')
    this.host.tell({ is: 'commanded', key, name: 'work', safety, deadlineMs })
    this.#call('command', key, async () => {
      await this.client.command('work', { key }, { safety, key, deadlineMs })
      return { ok: true }
    })
  }

  #fetch(method: 'GET' | 'POST', hasKey: boolean): void {
    const call = this.#nextCall(method === 'GET' ? 'get' : 'post')
    const headers = { [CALL_HEADER]: call, ...(hasKey ? { 'Idempotency-Key': call } : {}) }
    const body = method === 'POST' ? { body: call } : {}
    this.#call('fetch', call, async () => {
      const response = await this.client.fetch(`/api/ucc/${this.plan.ucc}/work`, { method, headers, ...body })
      void response.body?.cancel()
      const server = response.headers.get('x-answered-by') ?? ''
      const passive = response.headers.get('x-state') !== 'running'
      return { ok: true, status: response.status, ...(server === '' ? {} : { server, passive }) }
    })
  }

  #move(what: 'switchover' | 'failback', move: () => Promise<unknown>): void {
    this.#call(what, this.#nextCall(what), async () => {
      await move()
      return { ok: true }
    })
  }

  #nextCall(what: string): string {
    this.#lastCall += 1
    return `${this.index}-${what}-${this.#lastCall}`
  }

  #call(what: CallKind, call: string, run: () => Promise<CallOutcome>): void {
    this.host.tell({ is: 'called', call, what })
    const settled = (outcome: CallOutcome): void => this.host.tell({ is: 'settled', call, what, outcome })
    run().then(settled, (error: unknown) => settled({ ok: false, code: codeOf(error) }))
  }
}

function codeOf(error: unknown): string {
  return findFailoverError(error)?.code ?? String(error)
}
