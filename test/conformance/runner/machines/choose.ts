/** Choose: the one function that ranks. A comparison: time plays no part. */
import { choose as chooseOf, type Standing } from '../../../../src/core/choose'
import type { Fields } from '../fields'
import type { MachineKind } from '../machine'

export const choose: MachineKind = {
  inputs: ['choose'],
  expects: { choices: [] },
  create(config) {
    const standings = config.objects('standings').map(standing)
    let choices: string[] = []
    return {
      advance: () => undefined,
      /** From whom (`at`, which still `serves`), and who is `asked` for. */
      take(word, row) {
        const given = row.object(word)
        const current = { endpointId: given.string('at'), serves: given.boolean('serves', true) }
        const asked = given.has('asked') ? given.string('asked') : undefined
        given.done()
        const choice = chooseOf(standings, current, asked)
        choices.push(
          choice.do === 'move'
            ? `move to ${choice.to.endpointId} by ${choice.reason}`
            : choice.do === 'failover'
              ? `failover to ${choice.to.endpointId}`
              : choice.do,
        )
      },
      observe() {
        const seen = { choices }
        choices = []
        return seen
      },
    }
  },
}

/** Registered in the order of the list; the rank is the place in it unless it is named. */
function standing(given: Fields, order: number): Standing {
  const endpointId = given.string('endpoint')
  const read = {
    endpointId,
    server: given.string('server', endpointId),
    candidate: given.boolean('candidate', true),
    term: given.has('term') ? given.number('term') : undefined,
    designated: given.boolean('designated', false),
    rank: given.number('rank', order),
    order,
  }
  given.done()
  return read
}
