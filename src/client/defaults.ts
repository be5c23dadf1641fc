/**
 * Every number the client works with. Sources: behaviour rules in ARCHITECTURE.md and the measurements they cite.
 * What each means is written at its option in `option-types.ts`. Durations are milliseconds.
 */
import { readinessProbe } from './probes'
import type { TuningConfig } from './tuning-types'

/** The default of every tuning option; what the user gives is merged member by member. */
export const DEFAULTS = {
  health: {
    path: '/failover/ready',
    probe: readinessProbe(),
    timeoutMs: 1500,
    activeIntervalMs: 2000,
    standbyIntervalMs: 15_000,
    hiddenIntervalMs: 60_000,
    edgeIntervalMs: 500,
    jitter: 0.2,
    fall: 3,
    rise: 3,
  },
  breaker: {
    consecutive: 3,
    failures: 5,
    window: 10,
    firstOpenMs: 500,
    maxOpenMs: 30_000,
    permanentOpenMs: 300_000,
  },
  detection: {
    heartbeatMs: 1000,
    pingAfterMs: 100,
    minSlackMs: 300,
    maxSlackMs: 900,
    maxPingMs: 2000,
  },
  connect: {
    timeoutMs: 5000,
    restoreTimeoutMs: 10_000,
    overlapMs: 5000,
    betterRoadMs: 250,
    stableAfterMs: 10_000,
    backoffMs: 250,
    maxBackoffMs: 30_000,
  },
  failover: {
    spreadMs: 1000,
    maxSpreadMs: 30_000,
    fenceMs: 60_000,
  },
  failback: {
    mode: 'automatic',
    holdDownMs: 60_000,
    jitter: 0.5,
    factor: 2,
    maxHoldDownMs: 900_000,
    flapWindowMs: 300_000,
  },
  requests: {
    timeoutMs: 15_000,
    readyTimeoutMs: 5000,
    maxRetries: 2,
  },
  retry: {
    tokens: 5,
    maxTokens: 100,
    perSuccess: 0.1,
    perSecond: 0.05,
    methods: ['GET', 'HEAD', 'OPTIONS'],
    sharedKeys: false,
  },
  streams: {
    path: '/failover/stream',
    eventsPath: '/failover/events',
    maxBuffered: 1000,
    staleAfterMs: 5000,
    logKeys: 1000,
    maxFrameBytes: 1_048_576,
    persistViews: false,
  },
  commands: {
    path: '/failover/command',
    deadlineMs: 10_000,
    maxQueued: 256,
    maxQueuedBytes: 1_048_576,
    sharedKeys: false,
  },
} as const satisfies TuningConfig
