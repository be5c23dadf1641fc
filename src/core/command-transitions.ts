/** What becomes of a command, as a table. The last three states are its ends. */
import type { EntryPlace } from './outbox-entry'
import type { Transitions } from './transitions'

/**
 * How a command ends: `failed` = certainly not executed, or refused by who would know; `unknown` = nobody knows whether
 * it was executed.
 */
export type CommandEnd = 'done' | 'failed' | 'unknown'

/** One command. `doubted`: it may have been executed by a server whose answer never came. */
export const COMMAND_TRANSITIONS = {
  held: {
    /** A link takes commands, and the UCC runs behind it. */
    send: 'sent',
    /** A newer `set` of the same target went ahead. */
    overtake: 'failed',
    /** Its deadline is over, its caller aborted it, or the client closes: it never left. */
    stop: 'failed',
  },
  sent: {
    /** Executed, or executed before (`duplicate`). */
    answer: 'done',
    /** Refused by the server. */
    refuse: 'failed',
    /** The server received it behind its deadline. */
    late: 'failed',
    /** `not-running`: not executed, so it waits again. */
    postpone: 'held',
    /** The link was lost before the answer. */
    lose: 'doubted',
    /** A read that was bound to this link: nothing was changed. */
    drop: 'failed',
    /** Bound to this link, which was lost before the answer: never repeated. */
    abandon: 'unknown',
    /** Its deadline is over, its caller aborted it, or the client closes: it may have been executed. */
    stop: 'unknown',
  },
  doubted: {
    /** A repeat is safe there: its class and the memories of keys say so. */
    send: 'repeated',
    /** A repeat might execute it twice. */
    abandon: 'unknown',
    stop: 'unknown',
  },
  repeated: {
    answer: 'done',
    /** Refused by a server that would know whether it had been executed. */
    refuse: 'failed',
    /** Refused by a server that cannot know what the other one did. */
    abandon: 'unknown',
    /** The repeat was too late; the first one may have been executed. */
    late: 'unknown',
    /** `not-running`: this one was not executed, the first one may have been. */
    postpone: 'doubted',
    lose: 'doubted',
    stop: 'unknown',
  },
  done: {},
  failed: {},
  unknown: {},
} as const satisfies Transitions<EntryPlace['name'] | CommandEnd>
