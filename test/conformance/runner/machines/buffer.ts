/** What a slow consumer has not asked for yet: which changes wait for it, and as what. */
import { ChangeBuffer } from '../../../../src/client/subscription-buffer'
import type { Change } from '../../../../src/core/change'
import type { Fields } from '../fields'
import type { MachineKind } from '../machine'
import { sentence } from './changes'

export const buffer: MachineKind = {
  inputs: ['change', 'take'],
  expects: { taken: [], waiting: undefined },
  create(config) {
    const kind = config.oneOf('kind', ['state', 'log', 'ephemeral'])
    const subject = new ChangeBuffer(config.number('maxBuffered'), () => kind)
    let order = 0
    let taken: string[] = []
    return {
      advance: () => undefined,
      /** `{ "take": 3 }`: the consumer asks for three changes. */
      take(word, row) {
        if (word === 'change')
          return subject.push(readChange(row.object(word)), { order: (order += 1), cursor: undefined })
        for (let asked = 0; asked < row.number(word); asked += 1) {
          const next = subject.take()
          taken.push(next === undefined ? 'nothing' : inWords(next.change))
        }
      },
      observe() {
        const seen = { taken, waiting: subject.size }
        taken = []
        return seen
      },
    }
  },
}

/** `previous`: what the key was before; not given: it was not there. */
function readChange(given: Fields): Change {
  const op = given.oneOf('op', ['upsert', 'append', 'remove'])
  const key = given.string('key')
  const previous = given.has('previous') ? { previous: given.raw('previous') } : {}
  const base = { key, ...previous, server: 'srv1', origin: 'live' } as const
  const change: Change = op === 'remove' ? { op, ...base } : { op, data: given.raw('data') ?? key, ...base }
  given.done()
  return change
}

function inWords(change: Change): string {
  const before = 'previous' in change ? `, was ${JSON.stringify(change.previous)}` : ''
  return sentence(change).replace(' (live)', before)
}
