/**
 * Spread: a fleet that loses its server at one instant must not arrive at the next one at one instant. Each client
 * draws its first hop once, uniformly, from a window W that is as long as the standby needs to accept everybody.
 */
import type { Random } from './random'
import type { FailoverSettings, PoolSettings, PriorityClass } from './settings'
import type { DurationMs } from './time'
import type { Load } from './wire'

/** First hop of each class, as parts of W. Data: [from, to]. */
export const SPREAD_CLASSES: Readonly<Record<PriorityClass, readonly [number, number]>> = {
  interactive: [0, 0.1],
  agent: [0, 1],
  board: [1, 3],
  visitor: [1, 5],
}

export interface SpreadFacts {
  /** `spreadMs` of the goaway or of the last welcome: the server's own word. */
  readonly announcedMs?: DurationMs
  /** Load last announced by the server being left: how many will come. */
  readonly left?: Load
  /** Load announced by the server to be dialled: how fast it can take them. */
  readonly dialled?: Load
}

/** The window W in milliseconds. 0 = spreading is switched off or nobody else comes. */
export function spreadWindow(facts: SpreadFacts, settings: FailoverSettings): DurationMs {
  const clients = facts.left?.clients
  const acceptPerSec = facts.dialled?.acceptPerSec ?? facts.left?.acceptPerSec
  const computed = clients !== undefined && acceptPerSec !== undefined ? (clients / acceptPerSec) * 1000 : undefined
  return Math.min(settings.maxSpreadMs, facts.announcedMs ?? computed ?? settings.spreadMs)
}

/** One draw for the first hop. */
export function drawSpread(windowMs: DurationMs, priority: PriorityClass, random: Random): DurationMs {
  const [from, to] = SPREAD_CLASSES[priority]
  return windowMs * (from + (to - from) * random())
}

/** Whoever draws longer still asks within this time: it must be told when nobody can be reached at all. */
const ASK_WITHIN_MS = 4000

/**
 * How long the question "who runs it?" waits after a loss. A short draw asks at once. In a long one a whole fleet would
 * ask at one instant what it may not use yet: measured with 300 clients and W = 3 s, two questions each in the first
 * second delayed the first arrivals into those behind them (1.9 times the fair rate). So it is put just before the end.
 */
export function askDelay(drawMs: DurationMs, { health, connect }: PoolSettings, random: Random): DurationMs {
  if (drawMs <= health.edgeIntervalMs) return 0
  const justBefore = drawMs - connect.betterRoadMs
  return justBefore <= ASK_WITHIN_MS ? justBefore : ASK_WITHIN_MS * random()
}
