/**
 * Is the other side of this connection still there? Liveness is inbound only: what we send proves nothing (MQTT.js took
 * three issues to learn it). RTT estimation is RFC 6298: SRTT + 4 RTTVAR, clamped.
 *
 *     last frame ──beat──┬─ +pingAfter: ping ──────── ping deadline ─► unanswered
 *                        └─ +slack: suspicion (readiness of this server and the best other is asked)
 *
 * On a line that has shown late frames the ping's deadline is no sooner than such a line may be late (lateness.ts).
 */
import type { Lateness } from './lateness'
import type { DetectionSettings } from './settings'
import { NEVER, type DurationMs, type Instant } from './time'

export type DetectorVerdict =
  /** Send a ping with this number. */
  | { readonly type: 'ping'; readonly n: number }
  | { readonly type: 'suspect'; readonly silentMs: DurationMs }
  | { readonly type: 'unanswered'; readonly silentMs: DurationMs }

interface Ping {
  readonly n: number
  readonly sentAt: Instant
  /** After a stall everything is late: it has the longest deadline. */
  readonly isAfterStall: boolean
  /** What the line was worth when it was sent. */
  readonly patienceMs: DurationMs
}

const SPEAK_EVERY_BEATS = 3
const SPEAK_EVERY_MS = 15_000

export class Detector {
  #lastInbound: Instant
  #lastSent: Instant
  #srtt: number | undefined
  #rttvar = 0
  #pingNumber = 0
  #ping: Ping | undefined
  #suspected = false
  #unanswered = false
  /** The next ping is due now and has the longest deadline: everything is late after a stall. */
  #pingAtOnce = false

  constructor(
    private readonly settings: DetectionSettings,
    private readonly heartbeatMs: DurationMs,
    /** The event-stream transport has no ping: two missed beats read as an unanswered one. */
    private readonly canPing: boolean,
    /** Of the client's line: it outlives this connection. */
    private readonly lateness: Lateness,
    now: Instant,
  ) {
    this.#lastInbound = now
    this.#lastSent = now
  }

  get lastInbound(): Instant {
    return this.#lastInbound
  }

  get suspected(): boolean {
    return this.#suspected
  }

  get rttMs(): DurationMs | undefined {
    return this.#srtt
  }

  /** Anything arrived. True when that ended a suspicion. */
  inbound(now: Instant): boolean {
    const silentMs = now - this.#lastInbound
    this.lateness.heard(silentMs, silentMs - this.heartbeatMs)
    return this.#begin(now)
  }

  /** Silence is counted from here. */
  #begin(now: Instant): boolean {
    this.#lastInbound = now
    const cleared = this.#suspected
    this.#suspected = false
    this.#unanswered = false
    this.#pingAtOnce = false
    this.#ping = undefined
    return cleared
  }

  /** We said something. */
  sent(now: Instant): void {
    this.#lastSent = now
  }

  /**
   * The number of a ping that only says that we live, when we have said nothing for long: a server may drop a client
   * that is silent for twice as long (rule 9 of the contract). Asked for at each frame, so that a throttled timer does
   * not matter; its pong has no deadline.
   */
  signOfLife(now: Instant): number | undefined {
    const everyMs = Math.max(SPEAK_EVERY_BEATS * this.heartbeatMs, SPEAK_EVERY_MS)
    if (!this.canPing || now - this.#lastSent < everyMs) return undefined
    this.#pingNumber += 1
    return this.#pingNumber
  }

  /** A pong arrived: a round trip is measured (before `inbound` forgets the ping). */
  pong(now: Instant, n: number): void {
    if (this.#ping?.n !== n) return
    const sample = now - this.#ping.sentAt
    if (this.#srtt === undefined) {
      this.#srtt = sample
      this.#rttvar = sample / 2
      return
    }
    this.#rttvar = 0.75 * this.#rttvar + 0.25 * Math.abs(this.#srtt - sample)
    this.#srtt = 0.875 * this.#srtt + 0.125 * sample
  }

  /** Own sleep or stall: what was missed was missed by us. The other side is asked at once, and given time. */
  reset(now: Instant): void {
    this.#begin(now)
    this.#pingAtOnce = true
  }

  deadline(): Instant {
    return Math.min(this.#pingAt(), this.#suspectAt(), this.#unansweredAt())
  }

  tick(now: Instant): DetectorVerdict[] {
    const silentMs = now - this.#lastInbound
    const verdicts: DetectorVerdict[] = []
    if (now >= this.#pingAt()) {
      this.#pingNumber += 1
      const { patienceMs } = this.lateness
      this.#ping = { n: this.#pingNumber, sentAt: now, isAfterStall: this.#pingAtOnce, patienceMs }
      this.#pingAtOnce = false
      verdicts.push({ type: 'ping', n: this.#pingNumber })
    }
    if (now >= this.#suspectAt()) {
      this.#suspected = true
      verdicts.push({ type: 'suspect', silentMs })
    }
    if (now >= this.#unansweredAt()) {
      this.#unanswered = true
      verdicts.push({ type: 'unanswered', silentMs })
    }
    return verdicts
  }

  #pingAt(): Instant {
    if (!this.canPing || this.#ping !== undefined) return NEVER
    if (this.#pingAtOnce) return this.#lastInbound
    return this.#lastInbound + this.heartbeatMs + this.settings.pingAfterMs
  }

  #suspectAt(): Instant {
    if (this.#suspected) return NEVER
    return this.#lastInbound + this.heartbeatMs + this.#timeout(this.settings.minSlackMs, this.settings.maxSlackMs)
  }

  #unansweredAt(): Instant {
    if (this.#unanswered) return NEVER
    if (!this.canPing) return this.#lastInbound + 2 * this.heartbeatMs + this.settings.minSlackMs
    if (this.#ping === undefined) return NEVER
    const { sentAt, isAfterStall, patienceMs } = this.#ping
    if (isAfterStall) return sentAt + this.settings.maxPingMs
    const answerDue = sentAt + this.#timeout(this.settings.minSlackMs, this.settings.maxPingMs)
    return Math.max(answerDue, this.#lastInbound + this.heartbeatMs + patienceMs)
  }

  #timeout(minMs: DurationMs, maxMs: DurationMs): DurationMs {
    const timeout = this.#srtt === undefined ? minMs : this.#srtt + 4 * this.#rttvar
    return Math.min(maxMs, Math.max(minMs, timeout))
  }
}
