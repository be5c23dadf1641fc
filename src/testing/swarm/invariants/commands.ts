/** What somebody who sends commands and requests may rely on. */
import type { CommandSafety } from '../../../core/command-protocol'
import type { Invariant } from '../invariant'

/** Classes that must not be executed twice; `keyed` unless the user said that all servers share the keys. */
const ONCE: ReadonlySet<CommandSafety> = new Set<CommandSafety>(['claim', 'effect', 'keyed'])
/** Clocks tick in whole milliseconds on the wire. */
const ROUNDING_MS = 1
/** A nap that is shorter goes unnoticed, one for each time the device falls asleep. */
const UNNOTICED_NAP_MS = 40

export const noUnsafeCommandTwice: Invariant = {
  name: 'no-unsafe-command-twice',
  statement: 'No command of class claim, effect or keyed is executed twice, on whichever servers.',
  watch({ clients }, violated) {
    const commands = new Map<string, { readonly safety: CommandSafety; times: number }>()
    return {
      commanded({ client, key, safety }) {
        const isShared = safety === 'keyed' && clients[client]?.plan.sharedKeys === true
        if (ONCE.has(safety) && !isShared) commands.set(key, { safety, times: 0 })
      },
      executed({ key, server }) {
        const command = commands.get(key)
        if (command === undefined) return
        command.times += 1
        if (command.times > 1)
          violated(`${command.safety} ${key} executed for the ${command.times}nd time, on ${server}`)
      },
    }
  },
}

export const nothingAfterItsDeadline: Invariant = {
  name: 'nothing-after-its-deadline',
  statement: 'No command is sent after its deadline, and none is executed after it; sleep is no excuse.',
  watch({ plan }, violated) {
    const deadlines = new Map<string, number>()
    const naps = plan.faults.filter(({ fault }) => fault === 'sleep')
    const allowedMs = ROUNDING_MS + naps.length * UNNOTICED_NAP_MS
    const check = (at: number, key: string | undefined, what: string): void => {
      const late = at - (deadlines.get(key ?? '') ?? Infinity)
      if (late > allowedMs) violated(`${key} ${what} ${late} ms after its deadline`)
    }
    return {
      commanded: ({ at, key, deadlineMs }) => void deadlines.set(key, at + deadlineMs),
      sent: ({ at, frame }) => frame.type === 'command' && check(at, frame.key, 'sent'),
      posted: ({ at, frame }) => frame.type === 'command' && check(at, frame.key, 'posted'),
      executed: ({ at, key, server }) => check(at, key, `executed on ${server}`),
    }
  },
}

export const commandsEndTruthfully: Invariant = {
  name: 'commands-end-truthfully',
  statement: 'A command that ends well was executed; one that ends as expired, refused or closed never is.',
  watch(_run, violated) {
    const executed = new Set<string>()
    const ended = new Map<string, string>()
    return {
      executed({ key, server }) {
        executed.add(key)
        const code = ended.get(key)
        if (code !== undefined) violated(`${key} ended with ${code} and was executed on ${server} later`)
      },
      settled({ what, call, outcome }) {
        if (what !== 'command') return
        if (outcome.ok) {
          if (!executed.has(call)) violated(`${call} ended well and was never executed`)
        } else if (NEVER_EXECUTED.has(outcome.code)) {
          if (executed.has(call)) violated(`${call} ended with ${outcome.code} after it was executed`)
          ended.set(call, outcome.code)
        }
      },
    }
  },
}

/** Endings that promise that nothing has happened, nor will. */
const NEVER_EXECUTED: ReadonlySet<string> = new Set([
  'COMMAND_EXPIRED',
  'COMMAND_REJECTED',
  'BUFFER_FULL',
  'CLIENT_CLOSED',
])

export const unsafeRequestOnce: Invariant = {
  name: 'unsafe-request-once',
  statement: 'A request of an unsafe method takes effect at most once.',
  watch(_run, violated) {
    const times = new Map<string, number>()
    return {
      effected({ call, server }) {
        const count = (times.get(call) ?? 0) + 1
        times.set(call, count)
        if (count > 1) violated(`${call} took effect for the ${count}nd time, on ${server}`)
      },
    }
  },
}

export const passiveAnswerNeverDelivered: Invariant = {
  name: 'passive-answer-never-delivered',
  statement: 'An answer of a server that the client knows as passive when it asks there is never handed over.',
  watch({ clients }, violated) {
    /** What the client held of the endpoint when it asked there last, by call. */
    const asked = new Map<string, { readonly server: string | undefined; readonly readiness: string }>()
    return {
      requested({ client, call, endpointId }) {
        const endpoint = clients[client]?.client.endpoints.find(({ id }) => id === endpointId)
        if (endpoint !== undefined) asked.set(call, endpoint)
      },
      settled({ client, what, call, outcome }) {
        if (what !== 'fetch' || !outcome.ok || outcome.passive !== true) return
        const { server, readiness } = asked.get(call) ?? {}
        // Where the road led elsewhere by then, nothing was known of who answered.
        if (server === outcome.server && readiness !== 'running')
          violated(`client ${client}, ${call}: the answer of ${server}, known as ${readiness}`)
      },
    }
  },
}
