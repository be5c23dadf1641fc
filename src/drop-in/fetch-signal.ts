/**
 * The caller's signal and a response's body. The signal may live as long as the application, a body rarely does, and
 * nothing tells when a body has been read; so the listener goes when the response *and* its body were collected, and
 * holds neither of them. Until then an abort reaches the body.
 */
export class BodyAborts {
  /** Keeps a controller as long as somebody could still read. */
  readonly #controllers = new WeakMap<object, AbortController>()
  readonly #collected = new FinalizationRegistry<() => void>((release) => release())

  /** From now on an abort of `signal` aborts `controller`, as long as the response's body can be read. */
  connect(signal: AbortSignal, controller: AbortController, response: Response): void {
    if (response.body === null) return
    const weak = new WeakRef(controller)
    const listener = (): void => weak.deref()?.abort(signal.reason)
    signal.addEventListener('abort', listener, { once: true })
    this.#controllers.set(response, controller)
    // A reader holds the body, not the response.
    this.#controllers.set(response.body, controller)
    this.#collected.register(controller, () => signal.removeEventListener('abort', listener))
  }
}
