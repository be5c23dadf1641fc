/**
 * The content of a state topic: one value a key. Changes are made in place; whoever wants to hold the view gets a copy
 * that never changes again. The copy is made when somebody looks, at most once a version: a board of 10,000 rows that
 * redraws ten times a second must not copy them for each of a thousand events.
 */
import { jsonEqual } from './json-equal'

/** A key that differs between two versions of a view. `previous` is only there when the key was. */
export type Difference<T> =
  | {
      readonly op: 'upsert'
      readonly key: string
      readonly data: T
      readonly had: boolean
      readonly previous: T | undefined
    }
  | { readonly op: 'remove'; readonly key: string; readonly previous: T | undefined }

export class StateView<T> {
  readonly #values = new Map<string, T>()
  #copy: ReadonlyMap<string, T> | undefined

  get size(): number {
    return this.#values.size
  }

  /** The view as it is now. The same object until the next change, and never changed itself. */
  get current(): ReadonlyMap<string, T> {
    this.#copy ??= new Content(this.#values)
    return this.#copy
  }

  has(key: string): boolean {
    return this.#values.has(key)
  }

  get(key: string): T | undefined {
    return this.#values.get(key)
  }

  /** Marks a new version: `current` becomes a new object even when nothing differs. */
  touch(): void {
    this.#copy = undefined
  }

  set(key: string, data: T): Difference<T> {
    const difference = { op: 'upsert', key, data, had: this.#values.has(key), previous: this.#values.get(key) } as const
    this.#values.set(key, data)
    this.#copy = undefined
    return difference
  }

  /** Nothing when the key was not there. */
  remove(key: string): Difference<T> | undefined {
    if (!this.#values.has(key)) return undefined
    const previous = this.#values.get(key)
    this.#values.delete(key)
    this.#copy = undefined
    return { op: 'remove', key, previous }
  }

  keys(): IterableIterator<string> {
    return this.#values.keys()
  }
}

/** A view that was handed out: all who read the topic share it, so nobody may write into it. */
class Content<T> extends Map<string, T> {
  constructor(values: ReadonlyMap<string, T>) {
    super()
    for (const [key, data] of values) super.set(key, data)
  }

  override set(): never {
    return refuse()
  }

  override delete(): never {
    return refuse()
  }

  override clear(): never {
    return refuse()
  }
}

function refuse(): never {
  throw new TypeError('a view is what the server said: copy it to change it, new Map(subscription.view)')
}

/** What must happen to `known` so that it holds exactly `next`: keys to remove, then keys to write. Changes nothing. */
export function differences(
  known: { keys(): Iterable<string>; has(key: string): boolean; get(key: string): unknown },
  next: ReadonlyMap<string, unknown>,
): { readonly removed: readonly string[]; readonly written: readonly string[] } {
  const removed: string[] = []
  for (const key of known.keys()) if (!next.has(key)) removed.push(key)
  const written: string[] = []
  for (const [key, data] of next) if (!known.has(key) || !jsonEqual(known.get(key), data)) written.push(key)
  return { removed, written }
}
