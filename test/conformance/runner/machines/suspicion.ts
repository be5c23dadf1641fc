/** The decision table of a silent connection. A lookup: time plays no part. A pong ends the silence before it. */
import { decideSuspicion, type AskedReadiness } from '../../../../src/core/suspicion'
import type { MachineKind } from '../machine'

const ANSWERS: readonly AskedReadiness[] = ['running', 'starting', 'stopped', 'unknown', 'none', 'refused']

export const suspicion: MachineKind = {
  inputs: ['silence'],
  expects: { decisions: [] },
  create() {
    let decisions: unknown[] = []
    return {
      advance: () => undefined,
      /** `here`, `elsewhere`: what readiness was answered; `counts` of the decision: one hard failure. */
      take(word, row) {
        const given = row.object(word)
        const { decision, hard } = decideSuspicion({
          ping: given.oneOf('ping', ['none', 'waiting']),
          current: given.oneOf('here', ANSWERS),
          other: given.oneOf('elsewhere', ANSWERS),
        })
        given.done()
        decisions.push(hard ? `${decision}, counts` : decision)
      },
      observe() {
        const seen = { decisions }
        decisions = []
        return seen
      },
    }
  },
}
