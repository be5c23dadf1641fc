/** The retry budget of one client: how many repeats it grants, and what is left. */
import { DEFAULTS } from '../../../../src/client/defaults'
import { RetryBudget } from '../../../../src/core/retry-budget'
import type { Instant } from '../../../../src/core/time'
import type { Fields } from '../fields'
import type { MachineKind } from '../machine'

export const budget: MachineKind = {
  inputs: ['good', 'retry'],
  expects: { granted: 0, refused: 0, tokens: undefined },
  create(config) {
    const subject = readBudget(config)
    let now: Instant = 0
    let granted = 0
    let refused = 0
    return {
      advance(to) {
        now = to
      },
      /** `{ "good": 10 }`: ten good responses; `{ "retry": 3 }`: three repeats are asked for. */
      take(word, row) {
        const count = row.number(word)
        for (let done = 0; done < count; done += 1) {
          if (word === 'good') subject.success(now)
          else if (subject.take(now)) granted += 1
          else refused += 1
        }
      },
      observe() {
        const at = now
        const seen = {
          granted,
          refused,
          // Asked for only where a case compares it: to look starts the refill.
          get tokens() {
            return tokensLeft(subject, at)
          },
        }
        granted = 0
        refused = 0
        return seen
      },
    }
  },
}

/** As configured by `retry`; what is not said is the default. */
export function readBudget(config: Fields): RetryBudget {
  const { tokens, maxTokens, perSuccess, perSecond } = DEFAULTS.retry
  const settings = {
    tokens: config.number('tokens', tokens),
    maxTokens: config.number('maxTokens', maxTokens),
    perSuccess: config.number('perSuccess', perSuccess),
    perSecond: config.number('perSecond', perSecond),
  }
  config.done()
  return new RetryBudget(settings)
}

/** To a thousandth: sums of tenths are not exact. */
export function tokensLeft(budget: RetryBudget, now: Instant): number {
  return Math.round(budget.available(now) * 1000) / 1000
}
