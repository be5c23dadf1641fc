/** Listeners, each isolated: what one throws reaches neither the others nor whoever raised the event. */
import EventEmitter from 'eventemitter3'

type Listener<Args extends readonly unknown[]> = (...args: Args) => unknown

/** `Events` maps a name to the arguments of its listeners. */
export class IsolatedEmitter<Events extends { [Name in keyof Events]: readonly unknown[] }> {
  readonly #emitter = new EventEmitter<string>()
  /** Each registration has a wrapper of its own, so that removing it twice cannot remove another. */
  readonly #wrappers = new Map<string, Map<Listener<readonly unknown[]>, Listener<readonly unknown[]>>>()
  readonly #failed: (error: unknown, event: keyof Events & string) => void

  /** @param failed gets what a listener threw, or what the Promise it returned rejected with. */
  constructor(failed: (error: unknown, event: keyof Events & string) => void) {
    this.#failed = failed
  }

  on<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>, once = false): () => void {
    const original = listener as unknown as Listener<readonly unknown[]>
    const wrapper = (...args: readonly unknown[]): void => {
      // Removed by an earlier listener of this same event: eventemitter3 goes on with the list it began with.
      if (this.#wrappers.get(name)?.has(wrapper) !== true) return
      if (once) remove()
      this.#call(name, original, args)
    }
    const remove = (): void => {
      this.#emitter.removeListener(name, wrapper)
      this.#wrappers.get(name)?.delete(wrapper)
    }
    const wrappers = this.#wrappers.get(name) ?? new Map<Listener<readonly unknown[]>, Listener<readonly unknown[]>>()
    wrappers.set(wrapper, original)
    this.#wrappers.set(name, wrappers)
    this.#emitter.on(name, wrapper)
    return remove
  }

  off<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>): void {
    for (const [wrapper, original] of this.#wrappers.get(name) ?? []) {
      if (original !== (listener as unknown)) continue
      this.#emitter.removeListener(name, wrapper)
      this.#wrappers.get(name)?.delete(wrapper)
    }
  }

  emit<Name extends keyof Events & string>(name: Name, ...args: Events[Name]): void {
    this.#emitter.emit(name, ...args)
  }

  count(name: keyof Events & string): number {
    return this.#emitter.listenerCount(name)
  }

  clear(): void {
    this.#emitter.removeAllListeners()
    this.#wrappers.clear()
  }

  #call(name: keyof Events & string, listener: Listener<readonly unknown[]>, args: readonly unknown[]): void {
    try {
      const result = listener(...args)
      if (isThenable(result)) result.then(undefined, (error: unknown) => this.#failed(error, name))
    } catch (error) {
      this.#failed(error, name)
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
