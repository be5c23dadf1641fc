/** The detector of one connection: when silence is asked about, when it is suspicious, when it is unanswered. */
import { DEFAULTS } from '../../../../src/client/defaults'
import { Detector } from '../../../../src/core/detector'
import { Lateness } from '../../../../src/core/lateness'
import type { Fields } from '../fields'
import type { MachineKind, Subject } from '../machine'
import { Clock } from './clock'

export const detector: MachineKind = {
  inputs: ['frame', 'pong', 'sent', 'stalled'],
  expects: { verdicts: [], rttMs: undefined },
  create: (config) => new DetectorSubject(config),
}

class DetectorSubject implements Subject {
  readonly #detector: Detector
  readonly #clock = new Clock(
    () => this.#detector.deadline(),
    () => this.#tick(),
  )
  #verdicts: unknown[] = []

  constructor(config: Fields) {
    const heartbeatMs = config.number('heartbeatMs', DEFAULTS.detection.heartbeatMs)
    const canPing = config.oneOf('transport', ['websocket', 'event-stream'], 'websocket') === 'websocket'
    this.#detector = new Detector(DEFAULTS.detection, heartbeatMs, canPing, new Lateness(), 0)
  }

  advance(to: number): void {
    this.#clock.advance(to)
  }

  /**
   * `frame`: anything arrived. `pong`: the answer to this ping. `sent`: we said something. `stalled`: we ourselves were
   * stopped until now.
   */
  take(word: string, row: Fields): void {
    if (word === 'stalled') return this.#detector.reset(this.#clock.now)
    if (word === 'sent') return this.#detector.sent(this.#clock.now)
    if (word === 'pong') this.#detector.pong(this.#clock.now, row.number(word))
    this.#detector.inbound(this.#clock.now)
  }

  observe(): Readonly<Record<string, unknown>> {
    const verdicts = this.#verdicts
    this.#verdicts = []
    return { verdicts, rttMs: this.#detector.rttMs }
  }

  #tick(): void {
    const at = this.#clock.now
    for (const verdict of this.#detector.tick(at)) this.#verdicts.push({ at, ...verdict })
  }
}
