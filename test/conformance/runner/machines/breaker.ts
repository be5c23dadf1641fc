/** The circuit breaker of one endpoint, on its own. */
import { DEFAULTS } from '../../../../src/client/defaults'
import { EndpointBreaker } from '../../../../src/core/breaker'
import type { Fields } from '../fields'
import type { MachineKind, Subject } from '../machine'

export const breaker: MachineKind = {
  inputs: ['failure', 'success', 'trip', 'probePassed', 'probeFailed', 'settled', 'stopped'],
  expects: { state: undefined, openForMs: undefined },
  create: (config) => new BreakerSubject(config),
}

class BreakerSubject implements Subject {
  readonly #breaker: EndpointBreaker
  readonly #rise: number
  #now = 0

  constructor(config: Fields) {
    const drawn = config.number('random', 0.5)
    this.#rise = config.number('rise', DEFAULTS.health.rise)
    this.#breaker = new EndpointBreaker(DEFAULTS.breaker, () => drawn)
  }

  advance(to: number): void {
    this.#now = to
  }

  /**
   * `failure`, `success`, `probePassed`, `probeFailed`, `settled`: so many of them. `trip`: opened at once, `permanent`
   * or `transient`. `stopped`: we ourselves were stopped for so long.
   */
  take(word: string, row: Fields): void {
    if (word === 'trip') {
      this.#breaker.trip(this.#now, row.oneOf(word, ['permanent', 'transient']) === 'permanent')
      return
    }
    if (word === 'stopped') return this.#breaker.shift(row.number(word))
    for (let count = row.number(word); count > 0; count -= 1) this.#once(word)
  }

  observe(): Readonly<Record<string, unknown>> {
    const { state } = this.#breaker
    return { state: state.is, openForMs: state.is === 'open' ? state.until - this.#now : undefined }
  }

  #once(word: string): void {
    if (word === 'failure') this.#breaker.failure(this.#now)
    else if (word === 'success') this.#breaker.success()
    else if (word === 'probePassed') this.#breaker.probePassed(this.#now, this.#rise)
    else if (word === 'probeFailed') this.#breaker.probeFailed(this.#now)
    else this.#breaker.settle()
  }
}
