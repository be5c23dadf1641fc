/**
 * When to ask whom: one schedule of readiness probes per (endpoint, UCC). Intervals are decided outside; here live the
 * jitter, what is in flight, and the minimum gaps. A result whose attempt is not in flight any more says nothing.
 */
import { jittered, type Random } from './random'
import type { HealthSettings } from './settings'
import { NEVER, type DurationMs, type Instant } from './time'

export interface ProbeKey {
  readonly endpointId: string
  readonly ucc: string | undefined
}

interface Slot extends ProbeKey {
  /** Start of the last probe. */
  lastAt: Instant
  /** Drawn anew at each probe: this client's own rhythm. */
  unit: number
  /** Asked for at this instant, regardless of the interval. */
  urgentAt: Instant
  /** The next question is one beside another that is under way. */
  isHedged: boolean
  readonly inFlight: Map<number, Instant>
}

export interface Attempt extends ProbeKey {
  readonly attempt: number
  readonly startedAt: Instant
  readonly generation: number
  /** The same question once more, because a lost packet may be all that keeps the first answer away. */
  readonly isHedge: boolean
}

/** A custom probe that never settles is counted as unanswered this long after its timeout. */
const GUARD_MS = 500

export class Prober {
  readonly #slots = new Map<string, Slot>()
  readonly #attempts = new Map<number, Attempt>()
  /** Given up in our last pause, and still to be answered. */
  #dropped = new Map<number, Attempt>()
  #lastAttempt = 0

  constructor(
    private readonly settings: HealthSettings,
    private readonly random: Random,
  ) {}

  /** Keeps exactly these schedules. New ones are due at once. */
  sync(keys: readonly ProbeKey[]): void {
    const wanted = new Set(keys.map(name))
    for (const [key, slot] of this.#slots) {
      if (wanted.has(key)) continue
      for (const attempt of slot.inFlight.keys()) this.#attempts.delete(attempt)
      this.#slots.delete(key)
    }
    for (const key of keys) {
      if (this.#slots.has(name(key))) continue
      const unit = jittered(1, this.settings.jitter, this.random)
      const begun = { lastAt: -NEVER, unit, urgentAt: NEVER, isHedged: false, inFlight: new Map<number, Instant>() }
      this.#slots.set(name(key), { ...key, ...begun })
    }
  }

  /** Ask again, not earlier than `minGapMs` after the last start. */
  urge(now: Instant, matches: (key: ProbeKey) => boolean, minGapMs: DurationMs = 0): void {
    for (const slot of this.#slots.values()) {
      if (matches(slot)) slot.urgentAt = Math.min(slot.urgentAt, Math.max(now, slot.lastAt + minGapMs))
    }
  }

  /** Ask now, beside the question that is under way; where none is, there is nothing to hedge. */
  hedge(now: Instant, matches: (key: ProbeKey) => boolean): void {
    for (const slot of this.#slots.values()) {
      if (!matches(slot) || slot.inFlight.size !== 1) continue
      slot.urgentAt = now
      slot.isHedged = true
    }
  }

  /** Starts what is due. `interval` gives the next due instant of a slot from its last start and its own rhythm. */
  due(
    now: Instant,
    nextAt: (key: ProbeKey, lastAt: Instant, unit: number) => Instant,
    generation: (id: string) => number,
  ): Attempt[] {
    const started: Attempt[] = []
    for (const slot of this.#slots.values()) {
      const urgent = now >= slot.urgentAt
      // One in flight is enough, unless somebody needs an answer that is newer than its question.
      if (slot.inFlight.size > (urgent ? 1 : 0)) continue
      if (!urgent && now < nextAt(slot, slot.lastAt, slot.unit)) continue
      this.#lastAttempt += 1
      const attempt = this.#lastAttempt
      slot.lastAt = now
      slot.unit = jittered(1, this.settings.jitter, this.random)
      slot.urgentAt = NEVER
      slot.inFlight.set(attempt, now)
      const isHedge = slot.isHedged && slot.inFlight.size > 1
      slot.isHedged = false
      const record = { ...key(slot), attempt, startedAt: now, generation: generation(slot.endpointId), isHedge }
      this.#attempts.set(attempt, record)
      started.push(record)
    }
    return started
  }

  /** Takes an attempt off the list; nothing when it was dropped meanwhile. */
  ended(attempt: number): Attempt | undefined {
    const record = this.#attempts.get(attempt)
    if (record === undefined) return undefined
    this.#attempts.delete(attempt)
    this.#slots.get(name(record))?.inFlight.delete(attempt)
    return record
  }

  /** What was given up in our last pause is answered after all. */
  endedLate(attempt: number): Attempt | undefined {
    const record = this.#dropped.get(attempt)
    this.#dropped.delete(attempt)
    return record
  }

  /** Attempts that outlived their timeout and its guard. */
  overdue(now: Instant): Attempt[] {
    const limit = this.settings.timeoutMs + GUARD_MS
    return [...this.#attempts.values()].filter((record) => now - record.startedAt >= limit)
  }

  /** Own pause: nothing in flight counts. */
  dropAll(): void {
    this.#dropped = new Map(this.#attempts)
    this.#attempts.clear()
    for (const slot of this.#slots.values()) slot.inFlight.clear()
  }

  deadline(nextAt: (key: ProbeKey, lastAt: Instant, unit: number) => Instant): Instant {
    let at = NEVER
    for (const slot of this.#slots.values()) {
      if (slot.inFlight.size === 0) at = Math.min(at, slot.urgentAt, nextAt(slot, slot.lastAt, slot.unit))
      else if (slot.inFlight.size === 1) at = Math.min(at, slot.urgentAt)
    }
    for (const { startedAt } of this.#attempts.values()) {
      at = Math.min(at, startedAt + this.settings.timeoutMs + GUARD_MS)
    }
    return at
  }
}

function key({ endpointId, ucc }: ProbeKey): ProbeKey {
  return { endpointId, ucc }
}

function name({ endpointId, ucc }: ProbeKey): string {
  return ucc === undefined ? endpointId : `${endpointId} ${ucc}`
}
