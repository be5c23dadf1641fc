/**
 * How punctual frames are on this client's line. On an even one silence means something at once. Where packets are
 * lost, it does not: TCP sends again after 200 ms what was lost, and after 400 ms more what was lost again, so that a
 * beat lost twice is 600 ms late, and so is the pong behind it. Such a line shows itself long before: at 2 % packet
 * loss every fiftieth beat is 200 ms late, and one in 2,500 is lost twice.
 */
import type { DurationMs } from './time'

/** Later than jitter and sooner than the first repeat of a lost packet. */
const LATE_MS = 150
/**
 * So much punctual listening makes a line an even one again: at 0.5 % packet loss and a beat a second, all but one in
 * 8,000 such times have a late frame. Sleep does not count: nothing was heard.
 */
const REMEMBERED_MS = 1_800_000
/**
 * How late a frame may be on an uneven line before silence is believed: 600 ms when it was lost twice, and some jitter.
 * Simulated, one client at 2 % packet loss: without it 150 failovers a month that had no cause, with it fewer than one
 * (test/simulation/RESULTS.md).
 */
const PATIENCE_MS = 700

export class Lateness {
  #rememberMs: DurationMs = 0

  /** A frame came after so much silence, `lateMs` after a beat was due. */
  heard(silentMs: DurationMs, lateMs: DurationMs): void {
    this.#rememberMs = lateMs > LATE_MS ? REMEMBERED_MS : this.#rememberMs - silentMs
  }

  /** Silence is not believed sooner than this after a beat was due. */
  get patienceMs(): DurationMs {
    return this.#rememberMs > 0 ? PATIENCE_MS : 0
  }
}
