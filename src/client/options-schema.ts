/** What each tuning option must be, as data, and the contradictions between them. */
import type { Rule } from './options-check'
import type { TuningConfig } from './tuning-types'

type Rules<Group extends keyof TuningConfig> = {
  readonly [Name in keyof Required<TuningConfig[Group]>]: Rule | 'special'
}

const share: Rule = { kind: 'number', min: 0, max: 1 }
const orZero: Rule = { kind: 'ms', min: 0 }
const ms: Rule = { kind: 'ms' }
const path: Rule = { kind: 'path' }
const flag: Rule = { kind: 'boolean' }
const positive: Rule = { kind: 'integer', min: 1 }
const budget: Rule = { kind: 'number', min: 0 }

/** `special`: checked by hand in `options-tuning.ts`. */
export const TUNING_RULES: { readonly [Group in keyof TuningConfig]: Rules<Group> } = {
  health: {
    path,
    probe: 'special',
    timeoutMs: ms,
    activeIntervalMs: ms,
    standbyIntervalMs: ms,
    hiddenIntervalMs: ms,
    edgeIntervalMs: ms,
    jitter: share,
    fall: { kind: 'integer', min: 1, max: 100 },
    rise: { kind: 'integer', min: 1, max: 100 },
    referenceUrl: 'special',
  },
  breaker: {
    consecutive: positive,
    failures: positive,
    window: { kind: 'integer', min: 1, max: 1000 },
    firstOpenMs: ms,
    maxOpenMs: ms,
    permanentOpenMs: ms,
  },
  detection: {
    // The contract's own bounds (PROTOCOL.md, "Beats"): a server would clamp anything else.
    heartbeatMs: { kind: 'ms', min: 500, max: 30_000 },
    pingAfterMs: orZero,
    minSlackMs: orZero,
    maxSlackMs: orZero,
    // Below the shortest deadline of a pong, no ping could ever be answered in time.
    maxPingMs: { kind: 'ms', min: 300 },
  },
  connect: {
    timeoutMs: ms,
    restoreTimeoutMs: ms,
    overlapMs: orZero,
    betterRoadMs: orZero,
    stableAfterMs: orZero,
    backoffMs: ms,
    maxBackoffMs: ms,
  },
  failover: { spreadMs: orZero, maxSpreadMs: orZero, fenceMs: orZero },
  failback: {
    mode: { kind: 'choice', of: ['automatic', 'manual'] },
    holdDownMs: orZero,
    jitter: share,
    factor: { kind: 'number', min: 1, max: 100 },
    maxHoldDownMs: orZero,
    flapWindowMs: orZero,
  },
  requests: { timeoutMs: ms, readyTimeoutMs: orZero, maxRetries: { kind: 'integer', min: 0, max: 10 } },
  retry: {
    tokens: budget,
    maxTokens: budget,
    perSuccess: budget,
    perSecond: budget,
    methods: { kind: 'methods' },
    sharedKeys: flag,
  },
  streams: {
    path,
    eventsPath: path,
    maxBuffered: positive,
    staleAfterMs: ms,
    logKeys: positive,
    // Below this a welcome with its peers would not fit.
    maxFrameBytes: { kind: 'integer', min: 1024 },
    persistViews: flag,
  },
  commands: { path, deadlineMs: ms, maxQueued: positive, maxQueuedBytes: positive, sharedKeys: flag },
}

/** `[group, smaller, greater]`: the second must be at least the first. */
export const ORDERED: readonly (readonly [keyof TuningConfig, string, string])[] = [
  ['breaker', 'failures', 'window'],
  ['breaker', 'firstOpenMs', 'maxOpenMs'],
  ['detection', 'minSlackMs', 'maxSlackMs'],
  ['connect', 'backoffMs', 'maxBackoffMs'],
  ['failback', 'holdDownMs', 'maxHoldDownMs'],
  ['retry', 'tokens', 'maxTokens'],
]

/** The groups, for "it belongs to". */
export const TUNING_GROUPS = Object.keys(TUNING_RULES) as (keyof TuningConfig)[]
