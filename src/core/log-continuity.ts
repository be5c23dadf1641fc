/**
 * Continuity of a log across sequence spaces. Positions of two servers that share no log cannot be compared; the
 * messages' own keys can. A snapshot of a log is the tail of what that server holds, without holes: so one known
 * message in it proves that nothing of that server was missed since, and everything unknown behind it is new.
 */
import type { SnapshotItem } from './wire'

export interface LogVerdict {
  /** At least one item was known: the log goes on without a gap. */
  readonly continuous: boolean
  /** Items never seen before, oldest first. */
  readonly unknown: readonly SnapshotItem[]
}

export class LogMemory {
  readonly #limit: number
  /** In order of arrival, oldest first: a Set iterates in insertion order. */
  readonly #keys = new Set<string>()

  /** @param limit how many recent keys are kept. */
  constructor(limit: number) {
    this.#limit = Math.max(0, limit)
  }

  get size(): number {
    return this.#keys.size
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  /** The newest now. An empty key names no message: it is neither remembered nor a duplicate of anything. */
  remember(key: string): void {
    if (key === '') return
    this.#keys.delete(key)
    this.#keys.add(key)
    if (this.#keys.size <= this.#limit) return
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest)
      break
    }
  }

  /**
   * Compares the items of a snapshot with what was seen. Unknown items *between* known ones are new as well (two
   * servers may have put messages of the same moment in another order); those in front of the first known one are
   * older than the memory and were seen, or lie before the beginning.
   */
  judge(items: readonly SnapshotItem[]): LogVerdict {
    const firstKnown = items.findIndex((item) => this.#keys.has(item.key))
    const continuous = firstKnown >= 0
    const seen = new Set<string>()
    const unknown = (continuous ? items.slice(firstKnown) : items).filter((item) => {
      if (item.key === '') return true
      if (this.#keys.has(item.key) || seen.has(item.key)) return false
      seen.add(item.key)
      return true
    })
    return { continuous, unknown }
  }
}
