/** One topic of one client: fans out what its wire subscription delivers to every handle of it. */
import { FailoverError, type FailoverErrorFields } from '../errors'
import type { Change } from '../core/change'
import { StateView } from '../core/state-view'
import type { TopicEffect } from '../core/topic-protocol'
import type { TopicKind } from '../core/wire'
import type { StateSubscription, SubscriptionState } from './subscription'
import type { Position } from './subscription-buffer'
import type { Delivery, HandleHub } from './subscription-handle'
import { SubscriptionHandle } from './subscription-handle'
import type { ChangeLoop } from './subscription-loop'

export interface TopicHubOptions {
  readonly topic: string
  /** As configured, else as the server said: `() => machine.kind`. */
  readonly kind: () => TopicKind | undefined
  /** Limit of a loop's buffer, for handles that name none. */
  readonly maxBuffered: number
  /** Monotonic clock. */
  readonly now: () => number
  /** When the content was last known to be current: `() => machine.currentAt`. Default: the last batch. */
  readonly currentAt?: () => number | undefined
  /** Gets what listeners throw. */
  readonly report: (error: unknown) => void
  /** A log's consumer is full (or not any more): feed it to the machine. Never called inside `deliver`'s fan-out. */
  readonly onPressure: (full: boolean) => void
  /** The last handle was closed. */
  readonly onEmpty: () => void
}

export interface HandleOptions {
  readonly maxBuffered?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export class TopicHub implements HandleHub {
  readonly topic: string
  readonly kind: () => TopicKind | undefined
  readonly #options: TopicHubOptions
  readonly #handles = new Set<SubscriptionHandle>()
  readonly #full = new Set<ChangeLoop>()
  readonly #view = new StateView<unknown>()
  #state: SubscriptionState = 'pending'
  #position: Position = { order: 0, cursor: undefined }
  #lastServer = ''
  #lastBatchAt: number | undefined
  #isEnded = false
  #isDelivering = false
  #wasFull = false
  #isDeserted = false

  constructor(options: TopicHubOptions) {
    this.#options = options
    this.topic = options.topic
    this.kind = options.kind
  }

  get state(): SubscriptionState {
    return this.#state
  }

  get view(): ReadonlyMap<string, unknown> {
    return this.#view.current
  }

  get position(): Position {
    return this.#position
  }

  get ageMs(): number | undefined {
    const at = this.#options.currentAt?.() ?? this.#lastBatchAt
    return at === undefined ? undefined : Math.max(0, this.#options.now() - at)
  }

  /** Handles open now. */
  get size(): number {
    return this.#handles.size
  }

  /** After this a new subscription needs a new hub. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /**
   * A new consumer. On a hub that has ended, or with a signal that is aborted, it is closed from the start (and
   * `onEmpty` is called at once if it was the only one).
   */
  open<T = unknown>(options: HandleOptions = {}): StateSubscription<T> {
    const handle = new SubscriptionHandle(this, options.maxBuffered ?? this.#options.maxBuffered)
    if (this.#isEnded) handle.finish()
    else {
      this.#isDeserted = false
      this.#handles.add(handle)
      if (this.kind() === 'state' && this.#lastBatchAt !== undefined) handle.primeLater()
      if (options.signal !== undefined) handle.closeWith(options.signal)
    }
    // What `parse` returned, or what the user says the server sends: the hub never looks into it.
    return handle as unknown as StateSubscription<T>
  }

  /** Takes what the machine says; looks at `batch`, `state` and `error` only. */
  deliver(effect: TopicEffect): void {
    if (this.#isEnded) return
    this.#settleAfter(() => {
      if (effect.type === 'batch') this.#batch(effect)
      else if (effect.type === 'state') this.#setState(effect.state)
      else if (effect.type === 'error') this.#error(effect)
    })
  }

  /** Closes every handle: loops end normally, or with `error` behind what they have buffered. */
  end(error?: unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    for (const handle of [...this.#handles]) handle.finish(error)
    this.#state = 'closed'
  }

  presentView(): readonly Delivery[] {
    if (this.kind() !== 'state') return []
    const before = { order: 0, cursor: undefined }
    const last = this.view.size - 1
    return [...this.view].map(([key, data], index) => {
      const { cursor } = this.#position
      const change: Change = { op: 'upsert', key, data, server: this.#lastServer, origin: 'snapshot' }
      return { change: index === last && cursor !== undefined ? { ...change, cursor } : change, before }
    })
  }

  report(error: unknown): void {
    this.#options.report(error)
  }

  pressure(loop: ChangeLoop, full: boolean): void {
    if (full) this.#full.add(loop)
    else this.#full.delete(loop)
    if (!this.#isDelivering) this.#tell()
  }

  left(handle: SubscriptionHandle): void {
    if (!this.#handles.delete(handle) || this.#handles.size > 0) return
    this.#isDeserted = true
    if (!this.#isDelivering) this.#tell()
  }

  /** Callbacks to the client wait until every handle has its part: they may come back in here. */
  #settleAfter(work: () => void): void {
    if (this.#isDelivering) return work()
    this.#isDelivering = true
    try {
      work()
    } finally {
      this.#isDelivering = false
      this.#tell()
    }
  }

  #tell(): void {
    if (this.#isEnded) return
    if (this.#isDeserted) {
      this.#isDeserted = false
      return this.#options.onEmpty()
    }
    const isFull = this.#full.size > 0
    if (isFull === this.#wasFull) return
    this.#wasFull = isFull
    this.#options.onPressure(isFull)
  }

  #batch({ changes, cursor }: Extract<TopicEffect, { type: 'batch' }>): void {
    const deliveries: Delivery[] = []
    let position = this.#position
    for (const change of changes) {
      deliveries.push({ change, before: position })
      position = { order: position.order + 1, cursor: change.cursor ?? position.cursor }
      this.#lastServer = change.server
      if (this.kind() === 'state') this.#apply(change)
    }
    const isFirst = this.#lastBatchAt === undefined
    if (isFirst || changes.length > 0) this.#view.touch()
    this.#position = { order: position.order, cursor: cursor ?? position.cursor }
    this.#lastBatchAt = this.#options.now()
    const handles = [...this.#handles]
    for (const handle of handles) handle.buffer(deliveries, this.#position)
    for (const handle of handles) handle.fire(deliveries, this.#position, isFirst)
  }

  #apply(change: Change): void {
    if (change.op === 'upsert') this.#view.set(change.key, change.data)
    else if (change.op === 'remove') this.#view.remove(change.key)
  }

  #setState(state: SubscriptionState): void {
    const previous = this.#state
    if (state === 'closed') return this.end()
    this.#state = state
    for (const handle of [...this.#handles]) handle.fireState(state, previous)
  }

  #error({ code, message, fatal, reason, cause }: Extract<TopicEffect, { type: 'error' }>): void {
    const fields: FailoverErrorFields = { subject: this.topic, ...(reason === undefined ? {} : { reason }) }
    const error = new FailoverError(code, message, Object.assign(fields, cause === undefined ? {} : { cause }))
    if (fatal) return this.end(error)
    for (const handle of [...this.#handles]) handle.fireError(error)
  }
}
