/** What a client may cost: its servers, its network, its user. */
import { DEFAULTS } from '../../../client/defaults'
import { MAX_FREE_MOVES } from '../../../core/request-rules'
import type { Invariant } from '../invariant'

const WINDOW_MS = 60_000

/** Counts what happens within a sliding minute, by key. */
class Rate {
  readonly #times = new Map<string, number[]>()

  add(key: string, at: number): number {
    const times = this.#times.get(key) ?? []
    this.#times.set(key, times)
    times.push(at)
    while ((times[0] ?? at) <= at - WINDOW_MS) times.shift()
    return times.length
  }
}

/** At the edge cadence with its jitter, and again as much for soft evidence, confirmations and needed answers. */
const PROBES_A_MINUTE = (2 * WINDOW_MS) / (DEFAULTS.health.edgeIntervalMs * (1 - DEFAULTS.health.jitter))

export const probesWithinBudget: Invariant = {
  name: 'probes-within-budget',
  statement: 'No endpoint is asked for readiness more often than the edge cadence and its urgent questions allow.',
  watch(_run, violated) {
    const rate = new Rate()
    return {
      probed({ at, client, endpointId }) {
        const count = rate.add(`${client} ${endpointId}`, at)
        if (count > PROBES_A_MINUTE) violated(`client ${client} asked ${endpointId} ${count} times in a minute`)
      },
    }
  },
}

/** Attempts back off from 250 ms: seven doublings fit into a minute, and every welcome starts anew. */
const DIALS_A_MINUTE = 40

export const dialsWithinBudget: Invariant = {
  name: 'dials-within-budget',
  statement: 'No endpoint is dialled more often than its backoff allows.',
  watch(_run, violated) {
    const rate = new Rate()
    return {
      dialled({ at, client, endpointId, via }) {
        // Each change of the topics reopens an event stream: those are no attempts.
        if (via === 'events') return
        const count = rate.add(`${client} ${endpointId}`, at)
        if (count > DIALS_A_MINUTE) violated(`client ${client} dialled ${endpointId} ${count} times in a minute`)
      },
    }
  },
}

/** The first, its retries, and its free moves: where nothing of it had left, or the endpoint was left by everybody. */
const ATTEMPTS_A_CALL = 1 + DEFAULTS.requests.maxRetries + MAX_FREE_MOVES

const UNAUTHORIZED = 401

export const attemptsWithinBudget: Invariant = {
  name: 'attempts-within-budget',
  statement: 'A request is tried as often as its rules allow, and all of a client together repeat within their budget.',
  watch({ clients }, violated) {
    const attempts = new Map<string, number>()
    const answered = new Set<string>()
    const refused = new Set<string>()
    const books = clients.map(() => ({ since: NaN, successes: 0, repeats: 0 }))
    return {
      requested({ at, client, call, method }) {
        // The same attempt, with a new token.
        if (refused.delete(call)) return
        const count = (attempts.get(call) ?? 0) + 1
        attempts.set(call, count)
        if (count > ATTEMPTS_A_CALL) violated(`client ${client}: ${method} ${call} was tried ${count} times`)
        const book = books[client]
        if (book === undefined) return
        if (Number.isNaN(book.since)) book.since = at
        if (!answered.delete(call)) return
        book.repeats += 1
        const { tokens, perSecond, perSuccess } = DEFAULTS.retry
        // One more: an answer credits the budget before its caller sees it.
        const budget = tokens + 1 + book.successes * perSuccess + ((at - book.since) / 1000) * perSecond
        if (book.repeats > budget)
          violated(`client ${client} repeated ${book.repeats} times, ${budget.toFixed(1)} allowed`)
      },
      // A repeat of what was answered is always paid for.
      responded: ({ call, status }) => void (status === UNAUTHORIZED ? refused : answered).add(call),
      settled({ client, what, outcome }) {
        const book = books[client]
        if (what === 'fetch' && outcome.ok && book !== undefined) book.successes += 1
      },
    }
  },
}
