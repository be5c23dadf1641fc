/** `createFailoverClient`: the public object over the client's core. Checks arguments, refuses use after close. */
import { createEventSourceClass } from '../drop-in/event-source'
import { createFetch } from '../drop-in/fetch'
import { createWebSocketClass } from '../drop-in/web-socket'
import { FailoverError } from '../errors'
import type { Platform } from '../platform/platform'
import { disposeByClosing } from './disposable'
import { ClientCore } from './client-core'
import type { FailoverEventName, FailoverListener } from './events'
import type { Diagnostics, FailoverClient, NotifySignal } from './failover-client-types'
import type { FailoverClientOptions } from './option-types'
import { checkPlatformCan, resolveOptions, type ClientConfig } from './options'
import {
  checkListenerArguments,
  checkNotifyArguments,
  checkReadyArguments,
  checkSubscribeArguments,
  checkSwitchoverArguments,
} from './options-arguments'
import { PoolRuntime } from './pool-runtime'
import type { ReadyOptions, SubscribeOptions, SwitchoverOptions } from './option-types'
import type { ClientState, Decision, EndpointInfo, MoveReport, OfflineReason } from './reports'
import type { StateSubscription } from './subscription'
import { VERSION } from './version'

/** Makes a client on a platform. Entry points bind their own platform. */
export function createClientOn(options: FailoverClientOptions, defaultPlatform: () => Platform): FailoverClient {
  const config = resolveOptions(options)
  const platform = config.platform ?? defaultPlatform()
  checkPlatformCan(config, platform)
  const runtime = new PoolRuntime({ config, platform })
  const client = new Client(config, runtime, async () => {
    await runtime.close()
    // A platform that the user made may serve other clients: it is theirs to close.
    if (config.platform === undefined) platform.close()
  })
  runtime.start()
  return client
}

// A registered symbol: the ESM and CommonJS builds of the entry points must recognise each other's clients.
/** How `createDispatcher` reaches the routing of a client. No part of the public face. */
export const ROUTING = Symbol.for('failover-client.routing')

export class Client implements FailoverClient {
  declare readonly [Symbol.asyncDispose]: () => Promise<void>
  readonly #core: ClientCore
  readonly fetch: FailoverClient['fetch']
  readonly WebSocket: FailoverClient['WebSocket']
  readonly EventSource: FailoverClient['EventSource']
  #closing: Promise<void> | undefined

  constructor(
    private readonly config: ClientConfig,
    runtime: PoolRuntime,
    private readonly afterClose: () => void | Promise<void>,
    basePath?: string,
  ) {
    this.#core = new ClientCore(config, runtime, basePath)
    this.fetch = createFetch(this.#core.routing)
    this.WebSocket = createWebSocketClass(this.#core.routing)
    this.EventSource = createEventSourceClass(this.#core.routing)
    // Here and not in or beside the class body: a computed member or a statement counts as a side effect, and would
    // keep the whole client in the bundle of a page that imports anything else.
    Object.defineProperty(this, ROUTING, { value: this.#core.routing })
    disposeByClosing(this)
  }

  get state(): ClientState {
    return this.#core.state
  }

  get offlineReason(): OfflineReason | undefined {
    return this.#core.offlineReason
  }

  get active(): EndpointInfo | undefined {
    return this.#core.active
  }

  get endpoints(): readonly EndpointInfo[] {
    return this.#core.endpoints
  }

  on<Name extends FailoverEventName>(name: Name, listener: FailoverListener<Name>): () => void {
    return this.#core.voice.events.on(checkListenerArguments(name, listener) as Name, listener as never)
  }

  once<Name extends FailoverEventName>(name: Name, listener: FailoverListener<Name>): () => void {
    return this.#core.voice.events.on(checkListenerArguments(name, listener) as Name, listener as never, true)
  }

  off<Name extends FailoverEventName>(name: Name, listener: FailoverListener<Name>): void {
    this.#core.voice.events.off(checkListenerArguments(name, listener) as Name, listener as never)
  }

  async ready(options?: ReadyOptions): Promise<void> {
    const { timeoutMs, signal } = checkReadyArguments(options)
    this.#guard()
    if (signal?.aborted === true) throw signal.reason
    if (this.state === 'connected') return
    const refused = this.#refused()
    if (refused !== undefined) throw refused
    const { platform } = this.#core.runtime
    await new Promise<void>((resolve, reject) => {
      const settle = (end: () => void) => (): void => {
        stopListening()
        stopWarnings()
        cancelTimer()
        signal?.removeEventListener('abort', abort)
        end()
      }
      const abort = settle(() => reject(signal?.reason as Error))
      const stopListening = this.#core.voice.events.on('stateChange', ({ to }) => {
        if (to === 'connected') settle(resolve)()
        else if (to === 'closed') settle(() => reject(closedError()))()
        else if (to === 'offline') refuse()
      })
      const refuse = (): void => {
        const error = this.#refused()
        if (error !== undefined) settle(() => reject(error))()
      }
      // Without a change of state the last source may have failed.
      const stopWarnings = this.#core.voice.events.on('warning', refuse)
      const cancelTimer =
        timeoutMs === undefined
          ? (): void => undefined
          : platform.setTimer(
              timeoutMs,
              settle(() => reject(this.#notReady(timeoutMs))),
            )
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  url(path: string, scheme: 'http' | 'ws' = 'http'): string {
    this.#guard()
    if (typeof path !== 'string') throw new FailoverError('INVALID_OPTION', 'path must be a text', { field: 'path' })
    if (scheme !== 'http' && scheme !== 'ws')
      throw new FailoverError('INVALID_OPTION', 'scheme must be "http" or "ws"', { field: 'scheme' })
    const base = this.active?.url ?? this.config.hostname.url
    const text = base + (path.startsWith('/') ? path : `/${path}`)
    return scheme === 'ws' ? text.replace(/^http/, 'ws') : text
  }

  subscribe<T>(topic: unknown, options?: SubscribeOptions): StateSubscription<T> {
    const checked = checkSubscribeArguments(topic, options)
    this.#guard()
    return this.#core.topics.subscribe(checked) as StateSubscription<T>
  }

  async command<R>(...parameters: Parameters<FailoverClient['command']>): Promise<R> {
    this.#guard()
    return this.#core.commands.send<R>(...parameters)
  }

  async switchover(options?: SwitchoverOptions): Promise<MoveReport> {
    const { to, hold, reason } = checkSwitchoverArguments(options)
    this.#guard()
    const target = to === undefined ? undefined : this.#findEndpoint(to)
    return this.#askMove('switchover', hold, target, reason)
  }

  async failback(): Promise<MoveReport> {
    this.#guard()
    return this.#askMove('failback', false)
  }

  decisions(): readonly Decision[] {
    return this.#core.voice.log.list()
  }

  diagnostics(): Diagnostics {
    const { runtime, topics, commands, voice } = this.#core
    return {
      version: VERSION,
      platform: runtime.platform.name,
      at: runtime.platform.wallClock(),
      hostname: this.config.hostname.url,
      ucc: this.config.ucc,
      state: this.state,
      offlineReason: this.offlineReason,
      active: this.active?.id,
      endpoints: this.endpoints,
      subscriptions: topics.hubs().map(({ topic, state, ageMs }) => ({ topic, state, ageMs })),
      pendingCommands: commands.size,
      decisions: voice.log.list(),
    }
  }

  notify(signal: NotifySignal): void {
    checkNotifyArguments(signal)
    this.#guard()
    this.#core.runtime.driver.signal(signal)
  }

  close(): Promise<void> {
    this.#closing ??= this.#core.close().then(this.afterClose)
    return this.#closing
  }

  #askMove(wish: 'switchover' | 'failback', hold: boolean, to?: string, why?: string): Promise<MoveReport> {
    const { moves, runtime, seat } = this.#core
    return moves.open((call) => {
      runtime.driver.feed({
        type: 'ask-move',
        seat,
        call,
        wish,
        hold,
        ...(to === undefined ? {} : { to }),
        ...(why === undefined ? {} : { why }),
      })
    })
  }

  /** By id, name, server or URL. */
  #findEndpoint(text: string): string {
    const url = text.replace(/\/+$/, '')
    const found = this.endpoints.find(
      ({ id, name, server, url: own }) => [id, name, server].includes(text) || own === url,
    )
    if (found !== undefined) return found.id
    const known = this.endpoints.map(({ name }) => name).join(', ')
    const isEarly = this.endpoints.some(({ server }) => server === undefined)
    const hint = isEarly ? ' (the name of a server is known when it has answered)' : ''
    throw new FailoverError(
      'INVALID_OPTION',
      `to must be the id, name, server or URL of an endpoint; known: ${known}${hint}`,
      { field: 'to' },
    )
  }

  #notReady(timeoutMs: number): FailoverError {
    const { code, why } = this.#core.lack()
    return new FailoverError(code, `not connected within ${timeoutMs} ms (${why})`, { reason: this.offlineReason })
  }

  /** Every server that could serve refuses the token, or there is none: waiting mends nothing, somebody must. */
  #refused(): FailoverError | undefined {
    const { code, why, isLasting } = this.#core.lack()
    if (!isLasting) return undefined
    return new FailoverError(code, `not connected: ${why}`, { reason: this.offlineReason })
  }

  #guard(): void {
    if (this.#core.isClosed) throw closedError()
  }
}

function closedError(): FailoverError {
  return new FailoverError('CLIENT_CLOSED', 'the client is closed')
}
