/** Waits between later attempts on one endpoint. Arithmetic: time plays no part. */
import { DEFAULTS } from '../../../../src/client/defaults'
import { Backoff } from '../../../../src/core/backoff'
import type { MachineKind } from '../machine'

export const backoff: MachineKind = {
  inputs: ['failures', 'settled'],
  expects: { waits: [] },
  create(config) {
    const { backoffMs, maxBackoffMs } = DEFAULTS.connect
    const drawn = config.number('random', 0.5)
    const machine = new Backoff({ baseMs: backoffMs, maxMs: maxBackoffMs }, () => drawn)
    let waits: number[] = []
    return {
      advance: () => undefined,
      /** `failures`: so many in a row. `settled`: it was stable for long enough. */
      take(word, row) {
        if (word === 'settled') machine.reset()
        else for (let count = row.number(word); count > 0; count -= 1) waits.push(machine.next())
      },
      observe() {
        const seen = { waits }
        waits = []
        return seen
      },
    }
  },
}
