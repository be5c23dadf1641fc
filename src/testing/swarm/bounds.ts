/** How long things may take at most, from the plan of a run. */
import { DEFAULTS } from '../../client/defaults'
import { SWINGING_CONFIRM_MS } from '../../core/designation'
import { SPREAD_CLASSES } from '../../core/spread'
import type { DurationMs } from '../../core/time'
import type { ClientPlan, SwarmPlan } from './plan'

/** Servers of a swarm accept so many connections a second, and count what they have. */
export const ACCEPT_PER_SEC = 500

/** A token that was replaced is still good for so long. */
export const OLD_TOKEN_MS = 5000

/** The longest draw of this client's class. */
export function longestDrawMs({ topology }: SwarmPlan, { priority }: ClientPlan): number {
  const windowMs = topology.spreadMs ?? DEFAULTS.failover.spreadMs
  return windowMs * SPREAD_CLASSES[priority][1]
}

/** Longest hold-down of a swarm's clients, as a multiple of the first. */
export const HOLD_DOWN_GROWTH = 4
/** Longest time that a breaker stays open after what no retry cures. */
export const PERMANENT_OPEN_MS = 20_000

/** The first word, there, and back: what is told after these has to hold for a minute. */
export const SWINGING_WORDS = 3
/** Until such a word has been heard for so long. */
export const POLLS_MS = 10_000

/** From the healing until a client is where it belongs, at the latest. */
export function convergeWithinMs(plan: SwarmPlan): number {
  return Math.max(0, ...plan.clients.map((client) => clientConvergesWithinMs(plan, client)))
}

function clientConvergesWithinMs(plan: SwarmPlan, client: ClientPlan): number {
  const { standbyIntervalMs, jitter, timeoutMs } = DEFAULTS.health
  const { maxBackoffMs, timeoutMs: connectMs, overlapMs } = DEFAULTS.connect
  const holdDownMs = client.holdDownMs * HOLD_DOWN_GROWTH * (1 + DEFAULTS.failback.jitter)
  const noticedMs = standbyIntervalMs * (1 + jitter) + timeoutMs
  // A designation that has swung holds for a minute before it is followed, and is asked for every other second.
  const designationMs = plan.topology.hasDesignation ? SWINGING_CONFIRM_MS + POLLS_MS : 0
  const breakerMs = Math.max(DEFAULTS.breaker.maxOpenMs, PERMANENT_OPEN_MS)
  return (
    designationMs +
    breakerMs +
    maxBackoffMs +
    connectMs +
    longestDrawMs(plan, client) +
    noticedMs +
    holdDownMs +
    overlapMs
  )
}

/** From the healing until this client is served by anybody, at the latest: no hold-down is waited for, no failback. */
export function servedWithinMs(plan: SwarmPlan, client: ClientPlan): DurationMs {
  const { edgeIntervalMs, jitter, timeoutMs } = DEFAULTS.health
  const { maxBackoffMs, timeoutMs: connectMs } = DEFAULTS.connect
  const pauseMs = Math.max(DEFAULTS.breaker.maxOpenMs, PERMANENT_OPEN_MS, maxBackoffMs)
  return pauseMs + edgeIntervalMs * (1 + jitter) + timeoutMs + longestDrawMs(plan, client) + connectMs
}

/**
 * What went wrong has been noticed by everybody so long after it has ended, at the latest: a server whose beats deny
 * what its readiness says is asked by every client's slow probe, twice (25 s with the defaults).
 */
export function noticedWithinMs(): DurationMs {
  const { standbyIntervalMs, jitter, timeoutMs, edgeIntervalMs } = DEFAULTS.health
  const { maxPingMs, heartbeatMs } = DEFAULTS.detection
  const silenceMs = 2 * heartbeatMs + maxPingMs
  return standbyIntervalMs * (1 + jitter) + edgeIntervalMs * (1 + jitter) + 2 * timeoutMs + silenceMs
}
