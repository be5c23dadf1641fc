/** Events of the drop-in classes: handler properties (`onopen`), and a CloseEvent where the platform has none. */

/** A handler property's value. */
export type EventHandler = ((event: Event) => unknown) | null

/** An EventTarget with handler properties (HTML 8.1.8.1: called in the order in which they were first set). */
export class HandlerTarget extends EventTarget {
  readonly #handlers = new Map<string, EventHandler>()

  protected handlerOf(type: string): EventHandler {
    return this.#handlers.get(type) ?? null
  }

  protected setHandler(type: string, handler: unknown): void {
    const isNew = !this.#handlers.has(type)
    this.#handlers.set(type, typeof handler === 'function' ? (handler as EventHandler) : null)
    if (isNew) this.addEventListener(type, (event) => this.#handlers.get(type)?.call(this, event))
  }
}

/** What a close event says. */
export interface CloseDetails {
  readonly code: number
  readonly reason: string
  readonly wasClean: boolean
}

/** A `close` event: the platform's own CloseEvent, or its like (Node has none before 23). */
export function createCloseEvent(details: CloseDetails): Event {
  const { CloseEvent: Native } = globalThis as { CloseEvent?: typeof CloseEvent }
  return Native === undefined ? new PlainCloseEvent(details) : new Native('close', details)
}

class PlainCloseEvent extends Event implements CloseDetails {
  readonly code: number
  readonly reason: string
  readonly wasClean: boolean

  constructor({ code, reason, wasClean }: CloseDetails) {
    super('close')
    this.code = code
    this.reason = reason
    this.wasClean = wasClean
  }
}
