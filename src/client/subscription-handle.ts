/** The class behind `Subscription` and `StateSubscription`: one consumer's listeners, loops and position. */
import type { Change } from '../core/change'
import type { Cursor } from '../core/wire'
import type { StateSubscription, SubscriptionEvents, SubscriptionListener, SubscriptionState } from './subscription'
import type { Position } from './subscription-buffer'
import { IsolatedEmitter } from './subscription-emitter'
import { ChangeLoop } from './subscription-loop'

/** A change as the hub delivers it. */
export interface Delivery {
  readonly change: Change
  readonly before: Position
}

/** What a handle needs of its hub. */
export interface HandleHub {
  readonly topic: string
  readonly state: SubscriptionState
  readonly view: ReadonlyMap<string, unknown>
  readonly ageMs: number | undefined
  readonly position: Position
  readonly kind: () => 'state' | 'log' | 'ephemeral' | undefined
  /** The present view as changes; nothing for logs and before the first snapshot. */
  presentView(): readonly Delivery[]
  report(error: unknown): void
  pressure(loop: ChangeLoop, full: boolean): void
  /** This handle is over. */
  left(handle: SubscriptionHandle): void
}

export class SubscriptionHandle implements StateSubscription {
  readonly #hub: HandleHub
  readonly #maxBuffered: number
  readonly #events: IsolatedEmitter<SubscriptionEvents<unknown>>
  readonly #loops = new Set<ChangeLoop>()
  #stopListening: (() => void) | undefined
  /** What the listeners have finished with. */
  #heard: Position
  /** The last loop that ended: where it had come to. */
  #lastLoop: ChangeLoop | undefined
  #isPrimed = true
  #end:
    | { readonly view: ReadonlyMap<string, unknown>; readonly ageMs: number | undefined; readonly error?: unknown }
    | undefined

  constructor(hub: HandleHub, maxBuffered: number) {
    this.#hub = hub
    this.#maxBuffered = maxBuffered
    this.#heard = hub.position
    this.#events = new IsolatedEmitter((error, event) => this.#listenerFailed(error, event))
  }

  get topic(): string {
    return this.#hub.topic
  }

  get state(): SubscriptionState {
    return this.#end === undefined ? this.#hub.state : 'closed'
  }

  get view(): ReadonlyMap<string, unknown> {
    return this.#end?.view ?? this.#hub.view
  }

  get ageMs(): number | undefined {
    return this.#end === undefined ? this.#hub.ageMs : this.#end.ageMs
  }

  get cursor(): Cursor | undefined {
    let slowest: Position | undefined
    for (const { position } of this.#loops) {
      if (slowest === undefined || position.order < slowest.order) slowest = position
    }
    if (slowest !== undefined) return slowest.cursor
    const hasListeners = this.#events.count('batch') + this.#events.count('change') > 0
    return (hasListeners ? this.#heard : (this.#lastLoop?.position ?? this.#heard)).cursor
  }

  on<Name extends keyof SubscriptionEvents<unknown>>(
    name: Name,
    listener: SubscriptionListener<unknown, Name>,
  ): () => void {
    return this.#events.on(name, listener)
  }

  once<Name extends keyof SubscriptionEvents<unknown>>(
    name: Name,
    listener: SubscriptionListener<unknown, Name>,
  ): () => void {
    return this.#events.on(name, listener, true)
  }

  off<Name extends keyof SubscriptionEvents<unknown>>(name: Name, listener: SubscriptionListener<unknown, Name>): void {
    this.#events.off(name, listener)
  }

  [Symbol.asyncIterator](): AsyncIterator<Change, undefined> {
    const present = this.#end === undefined ? this.#hub.presentView() : []
    const loop = new ChangeLoop({
      maxBuffered: this.#maxBuffered,
      kind: this.#hub.kind,
      start: this.#hub.position,
      onPressure: (from, full) => this.#hub.pressure(from, full),
      onEnd: (ended) => {
        this.#lastLoop = ended
        this.#loops.delete(ended)
      },
    })
    if (this.#end === undefined) {
      this.#loops.add(loop)
      loop.push(present, this.#hub.position)
    } else if ('error' in this.#end) loop.fail(this.#end.error)
    else loop.stop()
    return loop
  }

  close(): void {
    this.finish()
  }

  // For the hub

  /** Closes with the signal, and lets go of the signal when closed. */
  closeWith(signal: AbortSignal): void {
    if (signal.aborted) return this.close()
    const close = (): void => this.close()
    signal.addEventListener('abort', close, { once: true })
    this.#stopListening = () => signal.removeEventListener('abort', close)
  }

  /**
   * Opened on a topic that has content already: its listeners hear the present view first, as those of the first
   * handle did. Later, because they are added after this handle was returned.
   */
  primeLater(): void {
    this.#isPrimed = false
    void Promise.resolve().then(() => {
      if (this.#isPrimed || this.#end !== undefined) return
      this.#isPrimed = true
      this.fire(this.#hub.presentView(), this.#hub.position, true)
    })
  }

  /** Fills the loops' buffers. All handles' before any listener runs: a loop begun there starts behind this. */
  buffer(deliveries: readonly Delivery[], position: Position): void {
    for (const loop of [...this.#loops]) loop.push(deliveries, position)
  }

  /** @param isFirst the first content: an empty one is news (there is nothing), later ones without change are not. */
  fire(deliveries: readonly Delivery[], position: Position, isFirst: boolean): void {
    if (!this.#isPrimed) return
    const isBatched = this.#events.count('batch') > 0
    for (const { change, before } of deliveries) {
      if (this.#isOver) return
      if (!isBatched) this.#heard = before
      this.#events.emit('change', change)
    }
    if (this.#isOver) return
    if (deliveries.length > 0 || isFirst) {
      const changes = deliveries.map(({ change }) => change)
      this.#events.emit('batch', changes)
    }
    this.#heard = position
  }

  fireState(state: SubscriptionState, previous: SubscriptionState): void {
    if (this.#end === undefined) this.#events.emit('state', state, previous)
  }

  fireError(error: unknown): void {
    if (this.#end === undefined) this.#events.emit('error', error)
  }

  /** The end: with an error, loops throw it behind what they have buffered; without, they end now. */
  finish(error?: unknown): void {
    if (this.#isOver) return
    const previous = this.state
    const { view, ageMs } = this.#hub
    if (error !== undefined) this.#events.emit('error', error)
    // That listener may have closed it.
    if (this.#isOver) return
    this.#end = error === undefined ? { view, ageMs } : { view, ageMs, error }
    this.#stopListening?.()
    for (const loop of [...this.#loops]) {
      if (error === undefined) loop.stop()
      else loop.fail(error)
    }
    this.#hub.left(this)
    this.#events.emit('state', 'closed', previous)
    this.#events.clear()
  }

  get #isOver(): boolean {
    return this.#end !== undefined
  }

  #listenerFailed(error: unknown, event: keyof SubscriptionEvents<unknown>): void {
    this.#hub.report(error)
    if (event !== 'error') this.#events.emit('error', error)
  }
}
