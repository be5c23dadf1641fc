/**
 * The client behind its public face: one seat of a pool, one session, the hubs of its topics, its pending commands and
 * moves. Turns what the machines say into events and settled promises.
 */
import type { Endpoint } from '../core/endpoint'
import type { MovePlan, SeatCondition, SeatId } from '../core/pool-protocol'
import { RetryBudget } from '../core/retry-budget'
import type { MoveTimings, SessionEffect } from '../core/session-protocol'
import type { ClientIdentity } from '../core/wire'
import type { PoolNews, SeatEffect } from '../driver/pool-driver'
import { SessionDriver } from '../driver/session-driver'
import type { RequestInDoubt } from '../drop-in/routing'
import type { Platform } from '../platform/platform'
import { eventStreamTransport } from '../transports/event-stream'
import { webSocketTransport } from '../transports/web-socket'
import { ClientHooks } from './client-hooks'
import { ClientRouting } from './client-routing'
import { ClientVoice } from './client-voice'
import { clientStateOf } from './client-state'
import { CommandBoard } from './command-board'
import { DuplicateServers } from './duplicate-servers'
import { lackOf, type Lack } from './lack'
import { MoveBoard } from './move-board'
import type { ClientConfig } from './options'
import type { PoolRuntime } from './pool-runtime'
import type { ClientState, EndpointInfo, MoveReport, OfflineReason } from './reports'
import { Restorer } from './restorer'
import { TokenKeeper } from './token-keeper'
import { TopicDesk } from './topic-desk'
import { VERSION } from './version'
import type { WarningCode } from './warnings'

export class ClientCore {
  readonly routing: ClientRouting
  readonly commands: CommandBoard
  readonly moves: MoveBoard
  readonly voice: ClientVoice
  readonly topics: TopicDesk
  readonly session: SessionDriver
  readonly identity: ClientIdentity
  readonly seat: SeatId
  readonly #tokens: TokenKeeper
  readonly #restorer: Restorer
  readonly #hooks: ClientHooks
  readonly #stopWarnings: () => void
  readonly #duplicates: DuplicateServers
  #condition: SeatCondition = { is: 'connecting' }
  #state: ClientState = 'connecting'
  #isClosing = false
  #ended: () => void = () => undefined

  constructor(
    readonly config: ClientConfig,
    readonly runtime: PoolRuntime,
    basePath?: string,
  ) {
    const { platform, driver, loop } = runtime
    this.#duplicates = new DuplicateServers(config.hostname.url)
    this.voice = new ClientVoice({
      loop,
      platform,
      secrets: () => this.#tokens.secrets(),
      describe: (id) => this.#describeId(id)[0],
    })
    this.topics = new TopicDesk({
      loop,
      voice: this.voice,
      streams: config.streams,
      session: () => this.session,
      changed: () => this.#updateState(),
    })
    this.identity = identityOf(config, platform)
    this.#tokens = new TokenKeeper(
      platform,
      config.token,
      (error) => this.voice.warn('TOKEN_PROVIDER_FAILED', 'The token provider failed.', { cause: error }),
      (endpointId) => driver.feed({ type: 'token-renewed', endpointId }),
    )
    this.commands = new CommandBoard(platform, config.commands.deadlineMs, (input) => this.session.feed(input))
    this.moves = new MoveBoard()
    this.seat = driver.nextSeat({
      seat: (effect) => this.#seatEffect(effect),
      news: (news) => this.#news(news),
      settled: () => this.#settled(),
    })
    this.#restorer = this.#createRestorer()
    this.#hooks = new ClientHooks({
      config,
      describe: (id) => this.#describeId(id)[0],
      answer: (question, allowed) => driver.feed({ type: 'can-move', seat: this.seat, question, allowed }),
      failed: (sentence, cause) => this.voice.warn('HOOK_FAILED', sentence, { cause }),
    })
    const { tokens, maxTokens, perSuccess, perSecond } = config.retry
    this.routing = new ClientRouting({
      basePath,
      config,
      platform,
      pool: driver,
      seat: this.seat,
      tokens: this.#tokens,
      inDoubt: (doubt) => this.#tellDoubt('request', doubt),
      lack: () => this.lack(),
      budget: new RetryBudget({ tokens, maxTokens, perSuccess, perSecond }),
      isRestored: (endpoint) => {
        const term = driver.machine.judge.word(endpoint, config.ucc)?.term
        return this.#restorer.isRestored(endpoint, term, this.#goesLive(endpoint))
      },
    })
    this.session = this.#createSession(loop)
    this.#stopWarnings = runtime.onWarning((code, sentence, cause) => this.voice.warn(code, sentence, { cause }))
    driver.feed({
      type: 'seat-open',
      seat: this.seat,
      ucc: config.ucc,
      priority: () => this.#hooks.priority(),
      warm: config.standby === 'warm' && this.#mayWarm(),
      asksCanMove: config.canMove !== undefined,
    })
  }

  get state(): ClientState {
    return this.#state
  }

  get offlineReason(): OfflineReason | undefined {
    return this.#state === 'offline' && this.#condition.is === 'offline' ? this.#condition.reason : undefined
  }

  /** Why nobody can serve. */
  lack(): Lack {
    const { driver, leadsNowhere } = this.runtime
    return lackOf(driver.endpoints(), this.#state, this.offlineReason, leadsNowhere)
  }

  get isClosed(): boolean {
    return this.#isClosing
  }

  get active(): EndpointInfo | undefined {
    const place = this.runtime.driver.seat(this.seat)?.place
    const isSettled = place !== undefined && place.is !== 'searching'
    const endpoint = isSettled ? this.runtime.driver.endpoint(place.endpointId) : undefined
    return endpoint === undefined ? undefined : this.describe(endpoint)
  }

  get endpoints(): readonly EndpointInfo[] {
    const { driver } = this.runtime
    return Object.freeze(driver.machine.judge.roster.present().map((endpoint) => this.describe(endpoint)))
  }

  describe(endpoint: Endpoint): EndpointInfo {
    const place = this.runtime.driver.seat(this.seat)?.place
    const isHere = place !== undefined && place.is !== 'searching' && place.endpointId === endpoint.id
    return this.runtime.describe(endpoint, this.config.ucc, isHere && place.trust.is !== 'trusted')
  }

  /** Everything ends; nothing stays alive. Resolves when the goodbyes are said, in less than a second. */
  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    const { driver } = this.runtime
    this.routing.close()
    this.commands.stopIntake()
    const ended = new Promise<void>((resolve) => (this.#ended = resolve))
    this.session.feed({ type: 'close' })
    this.topics.close()
    this.moves.close()
    await ended
    this.session.destroy()
    this.#restorer.close()
    this.#tokens.close()
    this.#stopWarnings()
    driver.leave(this.seat)
    this.#setState('closed', 'closed', 'The client was closed.')
    this.voice.close()
  }

  // ---- what the machines say ------------------------------------------------------------------------------------

  #seatEffect(effect: SeatEffect): void {
    switch (effect.type) {
      case 'go':
        return this.session.feed({ type: 'go', plan: effect.plan })
      case 'cancel-move':
        return this.session.feed({ type: 'cancel-move', move: effect.move })
      case 'warm':
        return this.session.feed({ type: 'warm', road: effect.road })
      case 'ask-can-move':
        return this.#hooks.askCanMove(effect)
      case 'move-refused':
        return this.moves.refuse(effect.call, effect.message)
      case 'move-accepted':
        return this.moves.accept(effect.call, effect.move)
      case 'condition':
        this.#condition = effect.condition
        return
      case 'left':
        return this.runtime.loop.defer(() => this.routing.left(effect))
    }
  }

  #news(news: PoolNews): void {
    const { driver, memory } = this.runtime
    if (news.type === 'warning') {
      return this.voice.warn(warningCode(news.code), news.sentence, news)
    }
    if (news.type === 'decision') {
      const { kind, reason, sentence, facts } = news
      return this.voice.decide(kind, reason, sentence, facts)
    }
    if (news.type === 'topology-changed') {
      const infos = (ids: readonly string[]): EndpointInfo[] => ids.flatMap((id) => this.#describeId(id))
      const added = infos(news.added)
      const removed = infos(news.removed)
      const sentence = `The ${news.source} named ${news.added.length} new and dropped ${news.removed.length} endpoints.`
      memory.save(driver.endpoints(), this.active?.id)
      return this.voice.emit('topologyChange', {
        added,
        removed,
        endpoints: this.endpoints,
        source: news.source,
        sentence,
      })
    }
    const [endpoint] = this.#describeId(news.endpointId)
    if (endpoint === undefined) return
    memory.save(driver.endpoints(), this.active?.id)
    const duplicate = this.#duplicates.notice(this.endpoints)
    if (duplicate !== undefined) this.voice.warn('DUPLICATE_SERVER', duplicate, { endpointId: endpoint.id })
    const previous = this.#verdicts.get(endpoint.id) ?? 'unknown'
    this.#verdicts.set(endpoint.id, endpoint.verdict)
    const sentence = this.voice.redact(news.sentence)
    this.voice.decide('verdict', news.reason, sentence, { endpoint: endpoint.id, verdict: endpoint.verdict })
    this.voice.emit('endpointChange', { endpoint, previous, reason: news.reason, sentence })
  }

  readonly #verdicts = new Map<string, EndpointInfo['verdict']>()

  #settled(): void {
    this.#updateState()
    this.routing.settled()
  }

  #command({ effect, server }: Extract<SessionEffect, { type: 'outbox' }>): void {
    const settled = this.commands.settle(effect)
    if (settled?.unknown !== true) return
    const { subject, key } = settled
    this.#tellDoubt('command', { subject, key, ...(server === undefined ? {} : { server }) })
  }

  #tellDoubt(kind: 'command' | 'request', doubt: RequestInDoubt): void {
    const what = kind === 'command' ? `The command "${doubt.subject}"` : `The request ${doubt.subject}`
    const sentence = this.voice.redact(`${what} may have been executed: reconcile from the state.`)
    this.voice.emit('outcomeUnknown', { ...doubt, kind, sentence })
  }

  #moved({ plan, timings }: Extract<SessionEffect, { type: 'moved' }>): void {
    this.runtime.memory.save(this.runtime.driver.endpoints(), plan.to)
    const report = this.#report(plan, timings)
    this.moves.done(plan.id, report)
    if (report === undefined) return
    const { from, to, reason } = report
    const sentence = `${report.kind} from ${from.name} to ${to.name} (${reason}) in ${Math.round(timings.totalMs)} ms.`
    this.voice.decide('move', reason, sentence, { from: from.id, to: to.id, totalMs: Math.round(timings.totalMs) })
    this.voice.emit(report.kind, { ...report, sentence })
  }

  #report(plan: MovePlan, timings: MoveTimings): MoveReport | undefined {
    const kind = plan.kind
    if (kind === 'initial' || kind === 'redial' || plan.from === undefined) return undefined
    const [from] = this.#describeId(plan.from)
    const [to] = this.#describeId(plan.to)
    if (from === undefined || to === undefined) return undefined
    const { reason, evidence } = plan
    return Object.freeze({ kind, from, to, reason, evidence, timings })
  }

  #updateState(): void {
    if (this.#isClosing) return
    const before = { state: this.#state, wasConnected: this.#wasConnected }
    const word = clientStateOf(this.#condition, this.topics.hubs(), before)
    if (word.state === 'connected') {
      this.#wasConnected = true
      this.#warnOfOneRoad()
    }
    this.#setState(word.state, word.reason, word.sentence, word.offlineReason)
  }

  #wasConnected = false

  /** Only the hostname is known and nobody names peers: told once, as soon as that is clear. */
  #warnOfOneRoad(): void {
    const { config, runtime } = this
    // The dedicated hostname at an address is no other road: it leads where DNS says.
    const isOther = runtime.driver.endpoints().some(({ seed }) => seed.url !== config.hostname.url)
    if (config.endpointsGiven || this.#warnedOfOneRoad || isOther) return
    this.#warnedOfOneRoad = true
    this.voice.warn(
      'ONLY_HOSTNAME',
      'Only the dedicated hostname is known: the client can only follow DNS or the load balancer.',
    )
  }

  #warnedOfOneRoad = false

  #setState(to: ClientState, reason: string, sentence: string, offlineReason?: OfflineReason): void {
    const from = this.#state
    if (from === to && (to !== 'offline' || offlineReason === this.#lastOffline)) return
    this.#state = to
    this.#lastOffline = offlineReason
    this.voice.decide('state', reason, sentence, { from, to, offlineReason })
    this.voice.emit('stateChange', {
      from,
      to,
      reason,
      sentence,
      ...(offlineReason === undefined ? {} : { offlineReason }),
    })
  }

  #lastOffline: OfflineReason | undefined

  // ---- making ---------------------------------------------------------------------------------------------------

  #createRestorer(): Restorer {
    const { config, runtime } = this
    const { driver, platform } = runtime
    return new Restorer({
      config,
      platform,
      client: this.identity,
      tokens: this.#tokens,
      endpoint: (id) => driver.endpoint(id),
      describe: (endpoint) => this.describe(endpoint),
      describeServer: (server) => this.#describeServer(server),
      laneCommand: (link, signal) => this.commands.lane(link, signal),
      failed: (error) => this.voice.warn('RESTORE_FAILED', 'The restoreSession hook failed.', { cause: error }),
      changed: () => this.routing.settled(),
    })
  }

  #createSession(loop: PoolRuntime['loop']): SessionDriver {
    const { config, runtime } = this
    const { streams, commands, detection, connect } = config
    const machine = {
      seat: this.seat,
      settings: { detection, connect, streams },
      ucc: config.ucc,
      client: this.identity,
      warm: config.standby === 'warm' && this.#mayWarm(),
      hasRestore: this.#restorer.isConfigured,
      commands,
    }
    const transports = {
      websocket: webSocketTransport(runtime.platform),
      eventStream: eventStreamTransport(runtime.platform),
      request: {
        paths: { stream: streams.path, events: streams.eventsPath, command: commands.path },
        maxFrameBytes: streams.maxFrameBytes,
        timeoutMs: connect.timeoutMs,
      },
    }
    return new SessionDriver(loop, runtime.driver, machine, transports, {
      token: (ask, done) => {
        if (ask.reason !== 'connect') this.#tokens.forget(ask.endpointId)
        const server = ask.server ?? runtime.driver.endpoint(ask.endpointId)?.server
        return this.#tokens.ask({ ...ask, server }, done)
      },
      restore: (ask, done) => this.#restorer.run(ask, done),
      topic: (effect) => this.topics.hear(effect),
      command: (effect) => this.#command(effect),
      moved: (effect) => this.#moved(effect),
      warning: ({ code, sentence, endpointId }) =>
        this.voice.warn(warningCode(code), sentence, endpointId === undefined ? {} : { endpointId }),
      ended: () => loop.defer(() => this.#ended()),
    })
  }

  /** Is a live connection to this endpoint on its way? It runs the restore hook for the routed requests too. */
  #goesLive(endpoint: Endpoint): boolean {
    const move = this.runtime.driver.seat(this.seat)?.move
    return move?.plan.to === endpoint.id && this.session.machine.wantsLive
  }

  /** A warm standby costs the passive server a socket: never for boards and visitors. */
  #mayWarm(): boolean {
    const { priority } = this.config
    return typeof priority === 'function' || priority === 'interactive' || priority === 'agent'
  }

  #describeId(id: string): EndpointInfo[] {
    const endpoint = this.runtime.driver.endpoint(id)
    return endpoint === undefined ? [] : [this.describe(endpoint)]
  }

  #describeServer(server: string): EndpointInfo | undefined {
    const endpoint = this.runtime.driver.endpoints().find((one) => one.server === server)
    return endpoint === undefined ? undefined : this.describe(endpoint)
  }
}

/** Names of machine warnings that the public list spells otherwise. */
function warningCode(code: string): WarningCode {
  if (code === 'BLOCKED') return 'CORS_OR_CSP_BLOCKED'
  if (code === 'UNKNOWN_UCC') return 'STANDBY_UNKNOWN_UCC'
  return code as WarningCode
}

function identityOf(config: ClientConfig, platform: Platform): ClientIdentity {
  const { id, name, version } = config.client
  return Object.freeze({ id: id ?? platform.randomId(), name: name ?? 'failover-client', version: version ?? VERSION })
}
