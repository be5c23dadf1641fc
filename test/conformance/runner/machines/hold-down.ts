/** The hold-down of a failback: how long the better server must have been ready before a client goes back. */
import { DEFAULTS } from '../../../../src/client/defaults'
import { HoldDown } from '../../../../src/core/failback'
import type { MachineKind } from '../machine'

export const holdDown: MachineKind = {
  inputs: ['failover', 'planned'],
  expects: { waitMs: undefined },
  create(config) {
    const drawn = config.number('random', 0.5)
    const machine = new HoldDown(DEFAULTS.failback, () => drawn)
    let now = 0
    return {
      advance(to) {
        now = to
      },
      /** So many moves of this sort, now. */
      take(word, row) {
        for (let count = row.number(word); count > 0; count -= 1) {
          if (word === 'failover') machine.failover(now)
          else machine.planned(now)
        }
      },
      observe: () => ({ waitMs: machine.waitMs(now) }),
    }
  },
}
