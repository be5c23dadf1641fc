/** The trace: what happened, as entries that become text only when somebody reads them. */
import { hashText } from './chance'
import type { Timeline } from './timeline'
import type { SimulatedTrace, TraceEntry } from './world-types'

interface RawEntry {
  readonly at: number
  readonly actor: string
  readonly what: string
  /** Payload; cut when it is read. */
  readonly text: string
}

const MAX_TEXT = 200
/** Forgotten in lots, not one by one. */
const SURPLUS = 1000

export class Trace implements SimulatedTrace {
  readonly #timeline: Timeline
  readonly #size: number
  readonly #entries: RawEntry[] = []
  /** Of the entries up to `#hashed`. */
  readonly #sum = [0x811c9dc5, 0x01234567] as [number, number]
  #hashed = 0

  constructor(timeline: Timeline, size: number) {
    this.#timeline = timeline
    this.#size = size
  }

  /** Nobody reads it: who would have to make a text first need not. */
  get isOff(): boolean {
    return this.#size === 0
  }

  note(actor: string, what: string, text = ''): void {
    if (this.isOff) return
    this.#entries.push({ at: this.#timeline.now, actor, what, text })
    if (this.#entries.length > this.#size + SURPLUS) this.#forget()
  }

  entries(): readonly TraceEntry[] {
    return this.#entries.map(readable)
  }

  lines({ last = Infinity, actor }: { readonly last?: number; readonly actor?: string } = {}): readonly string[] {
    const chosen = actor === undefined ? this.#entries : this.#entries.filter((entry) => entry.actor === actor)
    return chosen.slice(Math.max(0, chosen.length - last)).map((entry) => lineOf(readable(entry)))
  }

  hash(): string {
    this.#sumUp()
    return this.#sum.map((part) => part.toString(16).padStart(8, '0')).join('')
  }

  #sumUp(): void {
    let [one, other] = this.#sum
    for (const { at, actor, what, text } of this.#entries.slice(this.#hashed)) {
      const line = `${at} ${actor} ${what} ${text}`
      one = hashText(line, one)
      other = hashText(line, other ^ one)
    }
    this.#sum[0] = one
    this.#sum[1] = other
    this.#hashed = this.#entries.length
  }

  #forget(): void {
    this.#sumUp()
    this.#entries.splice(0, this.#entries.length - this.#size)
    this.#hashed = this.#entries.length
  }
}

function readable({ at, actor, what, text }: RawEntry): TraceEntry {
  if (text === '') return { at, actor, what }
  return { at, actor, what: `${what} ${text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text}` }
}

function lineOf({ at, actor, what }: TraceEntry): string {
  return `${at.toFixed(3).padStart(12)} ${actor} ${what}`
}
