/** One command on its way, and which `set`s came after it. */
import type { CommandRequest } from './command-protocol'
import type { Succession } from './command-safety'
import { COMMAND_TRANSITIONS } from './command-transitions'
import type { LinkId } from './topic-protocol'
import { transition } from './transitions'

/** It may have been executed by a server whose answer never came; `keys` names that server's memory. */
export interface Doubt {
  readonly keys: string | undefined
}

export type EntryPlace =
  /** Waits for a link: never sent, or certainly not executed. */
  | { readonly name: 'held' }
  /** On the wire, not answered. */
  | { readonly name: 'sent'; readonly link: LinkId; readonly id: number }
  /** Waits for a link on which it may be sent again. */
  | { readonly name: 'doubted'; readonly doubt: Doubt }
  /** On the wire once more. */
  | { readonly name: 'repeated'; readonly link: LinkId; readonly id: number; readonly doubt: Doubt }

export interface Entry {
  /** Its deadline comes nearer by what our clock did not count. */
  request: CommandRequest
  /** Order of the calls. */
  readonly order: number
  place: EntryPlace
}

/** On the wire of a link, not answered. */
export type OnWire = Extract<EntryPlace, { link: LinkId }>

export function isOnWire(place: EntryPlace): place is OnWire {
  return place.name === 'sent' || place.name === 'repeated'
}

/** On the wire of that link now. */
export function sentOn(place: EntryPlace, link: LinkId, id: number): OnWire {
  if (place.name !== 'doubted') return { name: transition(COMMAND_TRANSITIONS, place.name, 'send'), link, id }
  return { name: transition(COMMAND_TRANSITIONS, place.name, 'send'), link, id, doubt: place.doubt }
}

/** Refused as not running: it waits again, with the doubt that an earlier link left. */
export function postponed(place: OnWire): EntryPlace {
  if (place.name === 'sent') return { name: transition(COMMAND_TRANSITIONS, place.name, 'postpone') }
  return { name: transition(COMMAND_TRANSITIONS, place.name, 'postpone'), doubt: place.doubt }
}

/** Its link was lost before the answer. In doubt with two memories, no single one can tell any more. */
export function doubtedAfter(place: OnWire, keys: string | undefined): EntryPlace {
  const isOne = place.name === 'sent' || place.doubt.keys === keys
  return { name: transition(COMMAND_TRANSITIONS, place.name, 'lose'), doubt: { keys: isOne ? keys : undefined } }
}

interface Target {
  /** Orders of the sets that were, are or will be executed, as far as anybody knows. */
  readonly pending: Map<number, Entry>
  /** The newest that ended and was, or may have been, executed. */
  lastEnded: number
}

/** Which `set`s follow which, by target. Kept only while a set on the target is unfinished. */
export class SetSuccession {
  readonly #targets = new Map<string, Target>()

  /** Targets remembered; for tests of leaks. */
  get size(): number {
    return this.#targets.size
  }

  add(entry: Entry): void {
    if (entry.request.safety !== 'set') return
    const target = this.#targets.get(entry.request.target) ?? { pending: new Map(), lastEnded: -1 }
    target.pending.set(entry.order, entry)
    this.#targets.set(entry.request.target, target)
  }

  /** @param executed false only when it certainly was not: then it supersedes nobody. */
  end(entry: Entry, executed: boolean): void {
    const target = this.#targets.get(entry.request.target)
    if (target === undefined || !target.pending.delete(entry.order)) return
    if (executed) target.lastEnded = Math.max(target.lastEnded, entry.order)
    if (target.pending.size === 0) this.#targets.delete(entry.request.target)
  }

  of(entry: Entry): Succession {
    const target = this.#targets.get(entry.request.target)
    if (entry.request.safety !== 'set' || target === undefined) return { superseded: false, overtaken: false }
    const newer = [...target.pending.values()].filter((other) => other.order > entry.order)
    const ended = target.lastEnded > entry.order
    return {
      superseded: ended || newer.length > 0,
      overtaken: ended || newer.some((other) => isOnWire(other.place)),
    }
  }
}
