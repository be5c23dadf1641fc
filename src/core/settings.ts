/** The numbers the machines need. All required here: defaults live in one place, `DEFAULTS` of the client. */
import type { DurationMs } from './time'

export interface HealthSettings {
  readonly timeoutMs: DurationMs
  readonly activeIntervalMs: DurationMs
  readonly standbyIntervalMs: DurationMs
  readonly hiddenIntervalMs: DurationMs
  readonly edgeIntervalMs: DurationMs
  readonly jitter: number
  readonly fall: number
  readonly rise: number
}

export interface BreakerSettings {
  readonly consecutive: number
  readonly failures: number
  readonly window: number
  readonly firstOpenMs: DurationMs
  readonly maxOpenMs: DurationMs
  readonly permanentOpenMs: DurationMs
}

export interface DetectionSettings {
  readonly heartbeatMs: DurationMs
  readonly pingAfterMs: DurationMs
  readonly minSlackMs: DurationMs
  readonly maxSlackMs: DurationMs
  readonly maxPingMs: DurationMs
}

export interface ConnectSettings {
  readonly timeoutMs: DurationMs
  readonly restoreTimeoutMs: DurationMs
  readonly overlapMs: DurationMs
  readonly betterRoadMs: DurationMs
  readonly stableAfterMs: DurationMs
  readonly backoffMs: DurationMs
  readonly maxBackoffMs: DurationMs
}

export interface FailoverSettings {
  readonly spreadMs: DurationMs
  readonly maxSpreadMs: DurationMs
  readonly fenceMs: DurationMs
}

export interface FailbackSettings {
  readonly mode: 'automatic' | 'manual'
  readonly holdDownMs: DurationMs
  readonly jitter: number
  readonly factor: number
  readonly maxHoldDownMs: DurationMs
  readonly flapWindowMs: DurationMs
}

/** Everything the Pool decides by. */
export interface PoolSettings {
  readonly health: HealthSettings
  readonly breaker: BreakerSettings
  readonly detection: DetectionSettings
  readonly connect: ConnectSettings
  readonly failover: FailoverSettings
  readonly failback: FailbackSettings
}

/** Everything a Session decides by. */
export interface SessionSettings {
  readonly detection: DetectionSettings
  readonly connect: ConnectSettings
  readonly streams: { readonly staleAfterMs: DurationMs; readonly logKeys: number }
}

/** How early in the spread window a client may move: those who hold a call first, visitors last. */
export type PriorityClass = 'interactive' | 'agent' | 'board' | 'visitor'
