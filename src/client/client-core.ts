/**
 * The client behind its public face: one seat of a pool, one session, the hubs of its topics, its pending commands and
 * moves. Turns what the machines say into events and settled promises.
 */
import type { Endpoint } from '../core/endpoint'
import type { SeatId } from '../core/pool-protocol'
import { RetryBudget } from '../core/retry-budget'
import type { SessionEffect } from '../core/session-protocol'
import type { ClientIdentity } from '../core/wire'
import type { SeatEffect } from '../driver/pool-driver'
import type { SessionDriver } from '../driver/session-driver'
import type { RequestInDoubt } from '../drop-in/routing'
import { ClientHooks } from './client-hooks'
import { identityOf } from './client-identity'
import { ClientRouting } from './client-routing'
import { createSession, isWarm } from './client-session'
import { ClientVoice } from './client-voice'
import { CommandBoard } from './command-board'
import { lackOf, type Lack } from './lack'
import { MoveBoard } from './move-board'
import { moveReportOf } from './move-report'
import type { ClientConfig } from './options'
import { PoolHerald } from './pool-herald'
import type { PoolRuntime } from './pool-runtime'
import type { ClientState, EndpointInfo, OfflineReason } from './reports'
import { Restorer } from './restorer'
import { StateKeeper } from './state-keeper'
import { TokenKeeper } from './token-keeper'
import { TopicDesk } from './topic-desk'

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
  readonly #herald: PoolHerald
  readonly #state: StateKeeper
  #isClosing = false
  #ended: () => void = () => undefined

  constructor(
    readonly config: ClientConfig,
    readonly runtime: PoolRuntime,
    basePath?: string,
  ) {
    const { platform, driver, loop } = runtime
    this.voice = new ClientVoice({
      loop,
      platform,
      secrets: () => this.#tokens.secrets(),
      describe: (id) => this.#describeId(id),
    })
    this.topics = new TopicDesk({
      loop,
      voice: this.voice,
      streams: config.streams,
      session: () => this.session,
      changed: () => this.#settleState(),
    })
    this.#state = new StateKeeper(this.voice, this.topics)
    this.#herald = this.#createHerald()
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
      news: (news) => this.#herald.tell(news),
      settled: () => this.#settled(),
    })
    this.#restorer = this.#createRestorer()
    this.#hooks = new ClientHooks({
      config,
      describe: (id) => this.#describeId(id),
      answer: (question, allowed) => driver.feed({ type: 'can-move', seat: this.seat, question, allowed }),
      failed: (sentence, cause) => this.voice.warn('HOOK_FAILED', sentence, { cause }),
    })
    this.routing = this.#createRouting(basePath)
    this.session = this.#createSession()
    this.#stopWarnings = runtime.onWarning((code, sentence, cause) => this.voice.warn(code, sentence, { cause }))
    driver.feed({
      type: 'seat-open',
      seat: this.seat,
      ucc: config.ucc,
      priority: () => this.#hooks.priority(),
      warm: isWarm(config),
      asksCanMove: config.canMove !== undefined,
    })
  }

  get state(): ClientState {
    return this.#state.state
  }

  get offlineReason(): OfflineReason | undefined {
    return this.#state.offlineReason
  }

  /** Why nobody can serve. */
  lack(): Lack {
    const { driver, leadsNowhere } = this.runtime
    return lackOf(driver.endpoints(), this.state, this.offlineReason, leadsNowhere)
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
    this.#state.close()
    this.voice.close()
  }

  // ---- what the machines say ------------------------------------------------------------------------------------

  #seatEffect(effect: SeatEffect): void {
    switch (effect.type) {
      case 'go':
        return this.session.feed({ type: 'go', plan: effect.plan })
      case 'cancel-move':
        return this.session.feed({ type: 'cancel-move', move: effect.move })
      case 'fence':
        return this.session.feed({ type: 'fence', move: effect.move, minTerm: effect.minTerm })
      case 'warm':
        return this.session.feed({ type: 'warm', road: effect.road })
      case 'ask-can-move':
        return this.#hooks.askCanMove(effect)
      case 'move-refused':
        return this.moves.refuse(effect.call, effect.message)
      case 'move-accepted':
        return this.moves.accept(effect.call, effect.move)
      case 'condition':
        this.#state.condition = effect.condition
        return
      case 'left':
        return this.runtime.loop.defer(() => this.routing.left(effect))
    }
  }

  #settled(): void {
    this.#settleState()
    this.routing.settled()
  }

  #settleState(): void {
    if (this.#isClosing) return
    this.#state.update()
    if (this.state === 'connected') this.#herald.warnOfOneRoad()
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
    const report = moveReportOf(plan, timings, (id) => this.#describeId(id))
    this.moves.done(plan.id, report)
    if (report === undefined) return
    const { from, to, reason } = report
    const sentence = `${report.kind} from ${from.name} to ${to.name} (${reason}) in ${Math.round(timings.totalMs)} ms.`
    this.voice.decide('move', reason, sentence, { from: from.id, to: to.id, totalMs: Math.round(timings.totalMs) })
    this.voice.emit(report.kind, { ...report, sentence })
  }

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

  #createHerald(): PoolHerald {
    const { config, runtime, voice } = this
    return new PoolHerald({
      config,
      runtime,
      voice,
      active: () => this.active,
      endpoints: () => this.endpoints,
      describe: (id) => this.#describeId(id),
    })
  }

  #createRouting(basePath: string | undefined): ClientRouting {
    const { config, runtime, seat } = this
    const { driver, platform } = runtime
    const { tokens, maxTokens, perSuccess, perSecond } = config.retry
    return new ClientRouting({
      basePath,
      config,
      platform,
      pool: driver,
      seat,
      tokens: this.#tokens,
      inDoubt: (doubt) => this.#tellDoubt('request', doubt),
      lack: () => this.lack(),
      budget: new RetryBudget({ tokens, maxTokens, perSuccess, perSecond }),
      isRestored: (endpoint) => {
        const term = driver.machine.judge.word(endpoint, config.ucc)?.term
        return this.#restorer.isRestored(endpoint, term, this.#goesLive(endpoint))
      },
    })
  }

  #createSession(): SessionDriver {
    return createSession({
      config: this.config,
      runtime: this.runtime,
      seat: this.seat,
      client: this.identity,
      tokens: this.#tokens,
      restorer: this.#restorer,
      topics: this.topics,
      voice: this.voice,
      command: (effect) => this.#command(effect),
      moved: (effect) => this.#moved(effect),
      ended: () => this.#ended(),
    })
  }

  /** Is a live connection to this endpoint on its way? It runs the restore hook for the routed requests too. */
  #goesLive(endpoint: Endpoint): boolean {
    const move = this.runtime.driver.seat(this.seat)?.move
    return move?.plan.to === endpoint.id && this.session.machine.wantsLive
  }

  #describeId(id: string): EndpointInfo | undefined {
    const endpoint = this.runtime.driver.endpoint(id)
    return endpoint === undefined ? undefined : this.describe(endpoint)
  }

  #describeServer(server: string): EndpointInfo | undefined {
    const endpoint = this.runtime.driver.endpoints().find((one) => one.server === server)
    return endpoint === undefined ? undefined : this.describe(endpoint)
  }
}
