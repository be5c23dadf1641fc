/** One endpoint and what is known of it. Liveness and breaker belong here; readiness and term to (server, UCC). */
import { EndpointBreaker } from './breaker'
import type { EndpointSeed, EndpointSource } from './pool-protocol'
import type { Random } from './random'
import type { FailureKind, NetworkFailure, Road } from './road'
import type { BreakerSettings } from './settings'
import type { DurationMs, Instant } from './time'

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
  /** Probes missed in a row. */
  misses = 0
  /** Refused connections in a row: the second one confirms the first. */
  refusals = 0
  rttMs: DurationMs | undefined
  lastError: string | undefined
  /** Its last traffic was soft evidence, and nothing better came since: the next probe decides. */
  failsTraffic = false
  /** The token was refused here. */
  unauthorized = false
  readonly sources = new Set<EndpointSource>()
  readonly breaker: EndpointBreaker
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
