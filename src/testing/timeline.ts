/** Time that stands still until it is moved: what is going to happen, by moment and then by the order of asking. */
import type { Cancel } from '../platform/platform'

interface Appointment {
  readonly at: number
  readonly order: number
  action: (() => void) | undefined
}

/** Microseconds: finer differences would only be noise of floating point. */
const GRAIN = 1000
/** Cancelled appointments that are kept at most. */
const MANY = 128

export class Timeline {
  /** Milliseconds since the world began. */
  now = 0
  #heap: Appointment[] = []
  #asked = 0
  #cancelled = 0

  after(delayMs: number, action: () => void): Cancel {
    const at = Math.round((this.now + Math.max(0, delayMs)) * GRAIN) / GRAIN
    const appointment: Appointment = { at, order: this.#asked, action }
    this.#asked += 1
    this.#push(appointment)
    return () => {
      if (appointment.action === undefined) return
      appointment.action = undefined
      this.#cancelled += 1
      if (this.#cancelled > MANY) this.#sweep()
    }
  }

  /** Goes to the next moment that is not after `end`, and does one thing. False: there is none, and it is `end` now. */
  step(end: number): boolean {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop()
      const { action } = next
      if (action === undefined) {
        this.#cancelled -= 1
        continue
      }
      this.now = Math.max(this.now, next.at)
      next.action = undefined
      action()
      return true
    }
    this.now = Math.max(this.now, end)
    return false
  }

  /** A client arms its one timer anew in every turn: what was cancelled would pile up until it is due. */
  #sweep(): void {
    this.#cancelled = 0
    this.#heap = this.#heap
      .filter(({ action }) => action !== undefined)
      .sort((one, other) => (isBefore(one, other) ? -1 : 1))
  }

  #push(appointment: Appointment): void {
    const heap = this.#heap
    let index = heap.push(appointment) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || isBefore(parent, appointment)) break
      heap[index] = parent
      index = above
    }
    heap[index] = appointment
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      const child = earlier(heap, left, left + 1)
      const below = heap[child]
      if (below === undefined || isBefore(last, below)) break
      heap[index] = below
      index = child
    }
    heap[index] = last
  }
}

function isBefore(one: Appointment, other: Appointment): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}

function earlier(heap: readonly Appointment[], left: number, right: number): number {
  const one = heap[left]
  const other = heap[right]
  return one !== undefined && other !== undefined && isBefore(other, one) ? right : left
}
