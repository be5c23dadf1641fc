/** One command on its way, and which `set`s came after it. */
import type { CommandRequest } from './command-protocol'
import type { Succession } from './command-safety'
import type { LinkId } from './topic-protocol'

export type EntryPlace =
  /** Waits for a link: never sent, certainly not executed, or (with a `doubt`) to be sent again. */
  | { readonly name: 'held' }
  /** On the wire, not answered. */
  | { readonly name: 'sent'; readonly link: LinkId; readonly id: number }

export interface Entry {
  readonly request: CommandRequest
  /** Order of the calls. */
  readonly order: number
  place: EntryPlace
  /** It may have been executed by a server whose answer never came; `keys` names that server's memory. */
  doubt: { readonly keys: string | undefined } | undefined
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
      overtaken: ended || newer.some((other) => other.place.name === 'sent'),
    }
  }
}
