/** One `for await` over a subscription. */
import type { Change } from '../core/change'
import type { TopicKind } from '../core/wire'
import { ChangeBuffer, type Position } from './subscription-buffer'

export interface LoopOptions {
  readonly maxBuffered: number
  readonly kind: () => TopicKind | undefined
  /** Where the topic is as the loop begins; nothing for a state topic, whose view is still to come. */
  readonly start: Position
  /** A log's buffer became full, or half empty again. */
  readonly onPressure: (loop: ChangeLoop, full: boolean) => void
  readonly onEnd: (loop: ChangeLoop) => void
}

interface Waiter {
  readonly resolve: (result: IteratorResult<Change, undefined>) => void
  readonly reject: (error: unknown) => void
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

export class ChangeLoop implements AsyncIterableIterator<Change, undefined> {
  readonly #options: LoopOptions
  readonly #buffer: ChangeBuffer
  readonly #waiters: Waiter[] = []
  /** Position after everything pushed so far. */
  #latest: Position
  /** Position before the change the consumer has in hand; nothing when it has none. */
  #inHand: Position | undefined
  #isFull = false
  #end: { readonly error?: unknown } | undefined

  constructor(options: LoopOptions) {
    this.#options = options
    this.#buffer = new ChangeBuffer(options.maxBuffered, options.kind)
    this.#latest = options.start
  }

  /** What the consumer has finished with. */
  get position(): Position {
    return this.#inHand ?? this.#buffer.before ?? this.#latest
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** @param position after all of them. */
  push(changes: readonly { readonly change: Change; readonly before: Position }[], position: Position): void {
    if (this.#end !== undefined) return
    for (const { change, before } of changes) {
      const waiter = this.#buffer.size === 0 ? this.#waiters.shift() : undefined
      if (waiter === undefined) this.#buffer.push(change, before)
      else this.#hand(waiter, change, before)
    }
    this.#latest = position
    const isLog = this.#options.kind() !== 'state' && this.#options.kind() !== 'ephemeral'
    if (isLog && this.#buffer.size >= this.#options.maxBuffered) this.#press(true)
  }

  next(): Promise<IteratorResult<Change, undefined>> {
    this.#inHand = undefined
    const taken = this.#buffer.take()
    if (taken !== undefined) {
      this.#inHand = taken.before
      if (this.#buffer.size <= this.#options.maxBuffered / 2) this.#press(false)
      return Promise.resolve({ done: false, value: taken.change })
    }
    if (this.#end !== undefined) return this.#ended()
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  /** `break`, `return` or a throw in the loop's body: what was in hand counts as consumed. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#inHand = undefined
    this.stop()
    return Promise.resolve(DONE)
  }

  /** Ends now; what was not asked for is dropped. */
  stop(): void {
    if (this.#end !== undefined) return
    // The position stays where the consumer was.
    this.#latest = this.position
    this.#buffer.clear()
    this.#finish({})
  }

  /** Ends behind what is buffered, by throwing `error` once. */
  fail(error: unknown): void {
    if (this.#end === undefined) this.#finish({ error })
  }

  #finish(end: { readonly error?: unknown }): void {
    this.#end = end
    this.#press(false)
    for (const waiter of this.#waiters.splice(0)) this.#ended().then(waiter.resolve, waiter.reject)
    this.#options.onEnd(this)
  }

  #ended(): Promise<IteratorReturnResult<undefined>> {
    const end = this.#end
    if (end === undefined || !('error' in end)) return Promise.resolve(DONE)
    this.#end = {}
    return Promise.reject(end.error as Error)
  }

  #hand(waiter: Waiter, change: Change, before: Position): void {
    this.#inHand = before
    waiter.resolve({ done: false, value: change })
  }

  #press(full: boolean): void {
    if (this.#isFull === full) return
    this.#isFull = full
    this.#options.onPressure(this, full)
  }
}
