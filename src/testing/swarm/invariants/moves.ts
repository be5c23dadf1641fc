/** What a client says of its moves, and what calls for moves come to. */
import { SWINGING_CONFIRM_MS } from '../../../core/designation'
import { POLLS_MS, SWINGING_WORDS } from '../bounds'
import type { Invariant } from '../invariant'

export const noFailbackAgainstDesignation: Invariant = {
  name: 'no-failback-against-designation',
  statement: 'Nobody goes back to a better rank away from the endpoint that the dedicated hostname designates.',
  watch(run, violated) {
    /** As each client was told last, and since when. */
    const told = run.clients.map(() => ({ designated: undefined as string | undefined, at: -Infinity, changes: 0 }))
    return {
      resolved({ client, at, designated }) {
        const state = told[client]
        if (state === undefined || state.designated === designated) return
        Object.assign(state, { designated, at, changes: state.changes + 1 })
      },
      event({ client, at, name, context }) {
        if (name !== 'failback' || context.reason !== 'rank') return
        const state = told[client]
        if (state?.designated === undefined || state.designated !== context.from.id) return
        // A new word is believed after two equal answers; a move may be under way meanwhile.
        if (at - state.at > (state.changes > SWINGING_WORDS ? SWINGING_MS : SETTLED_MS))
          violated(`client ${client} goes from designated ${context.from.id} to ${context.to.id}`)
      },
    }
  },
}

const SETTLED_MS = 30_000
const SWINGING_MS = SWINGING_CONFIRM_MS + POLLS_MS

export const timingsAddUp: Invariant = {
  name: 'timings-add-up',
  statement: 'The parts of a reported move are none of them negative and add up to its whole.',
  watch(_run, violated) {
    return {
      event({ client, name, context }) {
        if (name !== 'failover' && name !== 'switchover' && name !== 'failback') return
        const { totalMs, ...parts } = context.timings
        const sum = Object.values(parts).reduce((total, part) => total + part, 0)
        const negative = Object.entries(context.timings).find(([, part]) => part < 0)
        if (negative !== undefined) violated(`client ${client}: ${name} with ${negative.join(' ')}`)
        if (Math.abs(sum - totalMs) > 1) violated(`client ${client}: ${name}, parts ${sum} ms of ${totalMs} ms`)
      },
    }
  },
}

export const movesGoSomewhere: Invariant = {
  name: 'moves-go-somewhere',
  statement: 'A reported move ends where the client then is, and says the right kind.',
  watch(run, violated) {
    return {
      event({ client, name, context }) {
        if (name !== 'failover' && name !== 'switchover' && name !== 'failback') return
        const { from, to, kind } = context
        const here = run.clients[client]?.client.active?.id
        // It may have been lost again in the very turn in which it was told.
        if (here !== undefined && here !== to.id)
          violated(`client ${client}: ${name} to ${to.id}, and it is at ${here}`)
        if (kind !== name) violated(`client ${client}: a ${name} event about a ${kind}`)
        if (from.id === to.id && context.reason !== 'designation' && from.server === to.server)
          violated(`client ${client}: ${name} from ${from.id} to itself (${context.reason})`)
        if (name === 'failback' && to.rank >= from.rank) violated(`client ${client}: failback to a worse rank`)
      },
    }
  },
}

export const callsSettleOnce: Invariant = {
  name: 'calls-settle-once',
  statement:
    'Every call (ready, command, fetch, switchover, failback, close) ends exactly once, at the latest at the close.',
  watch(_run, violated) {
    const open = new Map<string, string>()
    return {
      called({ client, call, what }) {
        open.set(`${client} ${call}`, what)
      },
      settled({ client, call, what }) {
        if (!open.delete(`${client} ${call}`)) violated(`client ${client}: ${what} ${call} has ended twice`)
      },
      closed() {
        for (const [call, what] of open) violated(`${what} ${call} has not ended`)
      },
    }
  },
}
