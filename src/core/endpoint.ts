/** One endpoint and what is known of it. Liveness and breaker belong here; readiness and term to (server, UCC). */
import { Backoff } from './backoff'
import { EndpointBreaker } from './breaker'
import { CONFIRM_MS } from './designation'
import type { EndpointSeed, EndpointSource, TokenRefusal } from './pool-protocol'
import type { Random } from './random'
import type { FailureKind, NetworkFailure, Road } from './road'
import { Rounds } from './rounds'
import type { BreakerSettings } from './settings'
import { NEVER, type DurationMs, type Instant } from './time'

/** How long a refused token bars an endpoint: grows with each refusal in a row. */
const REFUSAL_MS = 30_000
const MAX_REFUSAL_MS = 300_000

/** Two re-pointings within this time: who answers here is chance. */
const SHARED_OUT_MS = 60_000

/** Does this endpoint speak the readiness contract? `absent` is judged by liveness and traffic. */
export type Contract = 'unknown' | 'present' | 'absent'

export type Liveness =
  | { readonly is: 'unknown' }
  | { readonly is: 'up'; readonly at: Instant }
  | { readonly is: 'down'; readonly at: Instant; readonly kind: FailureKind }

export class Endpoint {
  generation = 1
  server: string | undefined
  contract: Contract = 'unknown'
  /** The last probe's outcome. */
  liveness: Liveness = { is: 'unknown' }
  /** Probes missed in a row, in rounds. */
  readonly missed = new Rounds()
  /** Refused connections in a row, in rounds: the second one confirms the first. */
  readonly refused = new Rounds()
  /** Probes passed in a row, in rounds. */
  readonly passed = new Rounds()
  rttMs: DurationMs | undefined
  lastError: string | undefined
  /** Its last traffic was soft evidence, and nothing better came since: the next probe decides. */
  failsTraffic = false
  /** How the token was refused, and when that lapses. */
  #refusal: { readonly how: TokenRefusal; readonly until: Instant } | undefined
  #refusedForMs: DurationMs = 0
  /** A later token has lifted a refusal: it does so once, until one has lapsed. */
  #isLifted = false
  readonly #refusals: Backoff
  /** Who names it: kind by key. */
  readonly sources = new Map<string, EndpointSource>()
  /** The source its seed is from. */
  seedFrom = ''
  readonly breaker: EndpointBreaker
  /** When another server began to answer here than before, and when that happened the time before. */
  #repointedAt: Instant = -NEVER
  #repointedBefore: Instant = -NEVER
  /** Since when no source names it any more. */
  removedAt: Instant | undefined

  constructor(
    public seed: EndpointSeed,
    readonly order: number,
    settings: BreakerSettings,
    random: Random,
  ) {
    this.server = seed.server
    this.breaker = new EndpointBreaker(settings, random)
    this.#refusals = new Backoff({ baseMs: REFUSAL_MS, maxMs: MAX_REFUSAL_MS }, random)
  }

  /** Probes missed in a row: what several UCCs see at once counts once. */
  get misses(): number {
    return this.missed.count
  }

  /** The token was refused here, not long ago. */
  get unauthorized(): boolean {
    return this.#refusal !== undefined
  }

  get refusal(): TokenRefusal | undefined {
    return this.#refusal?.how
  }

  /** When the refusal lapses. */
  get refusedUntil(): Instant {
    return this.#refusal?.until ?? NEVER
  }

  /** The token was refused here: somebody may have to mend that, so it is tried again, ever more seldom. */
  refuseToken(now: Instant, how: TokenRefusal): void {
    // Again while it holds is the same refusal: with nobody else left it is dialled all the same.
    if (this.#refusal === undefined) this.#refusedForMs = this.#refusals.next()
    this.#refusal = { how, until: now + this.#refusedForMs }
  }

  lapseRefusal(now: Instant): void {
    if (now < this.refusedUntil) return
    this.#refusal = undefined
    this.#isLifted = false
  }

  /**
   * There is a later token: it may be tried again; refused once more, it bars for longer. Not again and again: a
   * provider that gives another token each time would lift one refusal by the other for ever, and nobody would hear
   * that all refuse.
   */
  liftRefusal(): void {
    if (this.#isLifted || this.#refusal === undefined) return
    this.#refusal = undefined
    this.#isLifted = true
  }

  /** The token was accepted, or whoever refused it is not there any more. */
  forgetRefusal(): void {
    this.#refusal = undefined
    this.#isLifted = false
    this.#refusals.reset()
  }

  get id(): string {
    return this.seed.id
  }

  get road(): Road {
    const { id, url, address, hostname } = this.seed
    return {
      endpointId: id,
      generation: this.generation,
      url,
      ...(address === undefined ? {} : { address }),
      ...(hostname === undefined ? {} : { hostname }),
    }
  }

  /** A probe was answered: what was missed before is past. */
  answered(): void {
    this.missed.reset()
    this.refused.reset()
  }

  /** Traffic got an answer that is no server's error. */
  served(): void {
    this.failsTraffic = false
    this.breaker.success()
  }

  /**
   * Does a page of this status in place of readiness count against it? An error does, unless the contract was spoken
   * here before and traffic is served: then somebody in between made that page.
   */
  isBrokenBy(status: number): boolean {
    return status >= 500 && (this.contract !== 'present' || this.failsTraffic)
  }

  /** Another server answers here now. */
  repoint(now: Instant): void {
    this.#repointedBefore = this.#repointedAt
    this.#repointedAt = now
  }

  /**
   * Has the server that answers here answered again, long enough after it began to? A load balancer that shares
   * connections out changes its mind with each of them: there only a minute without a change counts.
   */
  get isSettled(): boolean {
    const neededMs = this.#isSharedOut ? SHARED_OUT_MS : CONFIRM_MS
    return this.liveness.is === 'up' && this.liveness.at - this.#repointedAt >= neededMs
  }

  /** Another server has just begun to answer here: soon it will be clear whether it stays. */
  get isSettling(): boolean {
    return !this.isSettled && !this.#isSharedOut && this.liveness.is === 'up'
  }

  get #isSharedOut(): boolean {
    return this.#repointedAt - this.#repointedBefore < SHARED_OUT_MS
  }

  /** Did anything answer at or after this instant? */
  answeredSince(since: Instant): boolean {
    return this.liveness.is === 'up' && this.liveness.at >= since
  }
}

/** An answer that proves the network and serves nobody: counted like a reset. */
export function errorPage(status: number): NetworkFailure {
  return { kind: 'reset', sent: 'maybe', message: `HTTP ${status}`, code: `HTTP ${status}` }
}

/** Kinds of failure that prove that the network reached somebody: it is them, not me. */
export const PROVES_NETWORK: ReadonlySet<FailureKind> = new Set<FailureKind>(['refused', 'reset', 'certificate'])
/** Kinds that do not heal by themselves: open long, warn. */
export const PERMANENT: ReadonlySet<FailureKind> = new Set<FailureKind>(['certificate', 'blocked'])
/** Hard evidence. A timeout alone never condemns an endpoint. */
export const HARD: ReadonlySet<FailureKind> = new Set<FailureKind>([
  'refused',
  'reset',
  'unreachable',
  'certificate',
  'blocked',
])
