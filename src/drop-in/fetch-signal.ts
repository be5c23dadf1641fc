/**
 * The callers' signals. One may live as long as the application and serve thousands of requests: it gets one listener
 * of ours, however many wait for it (Node warns from the eleventh on), and none when nobody does.
 *
 * A body rarely lives long, but nothing tells when it has been read. So its place among those who wait goes when the
 * response *and* its body were collected, and holds neither of them; until then an abort reaches the body.
 */
import type { Cancel } from '../platform/platform'

interface Watched {
  readonly waiting: Set<() => void>
  readonly stop: Cancel
}

export class AbortWatch {
  readonly #watched = new WeakMap<AbortSignal, Watched>()
  /** Keeps a controller, and what makes its signal work, as long as somebody could still read. */
  readonly #kept = new WeakMap<object, readonly unknown[]>()
  readonly #collected = new FinalizationRegistry<Cancel>((cancel) => cancel())

  /** Calls back when the signal aborts. */
  watch(signal: AbortSignal, onAbort: () => void): Cancel {
    const watched = this.#watched.get(signal) ?? this.#start(signal)
    watched.waiting.add(onAbort)
    return () => {
      if (!watched.waiting.delete(onAbort) || watched.waiting.size > 0) return
      watched.stop()
      this.#watched.delete(signal)
    }
  }

  /**
   * From now on an abort of any of `signals` (the caller's, the client's end) aborts `controller`, as long as the
   * response's body can be read. `owner`: the Request whose signal it is; in Node that signal stops following the
   * caller's when the Request was collected (measured on 20 and 24, where the global fetch loses the abort so).
   */
  watchBody(signals: readonly AbortSignal[], owner: unknown, controller: AbortController, response: Response): void {
    if (response.body === null) return
    const weak = new WeakRef(controller)
    const cancels = signals.map((signal) => this.watch(signal, () => weak.deref()?.abort(signal.reason)))
    this.#kept.set(response, [controller, owner])
    // A reader holds the body, not the response.
    this.#kept.set(response.body, [controller, owner])
    this.#collected.register(controller, () => cancels.forEach((cancel) => cancel()))
  }

  #start(signal: AbortSignal): Watched {
    const waiting = new Set<() => void>()
    const listener = (): void => {
      this.#watched.delete(signal)
      for (const onAbort of [...waiting]) if (waiting.delete(onAbort)) onAbort()
    }
    signal.addEventListener('abort', listener, { once: true })
    const watched = { waiting, stop: () => signal.removeEventListener('abort', listener) }
    this.#watched.set(signal, watched)
    return watched
  }
}
