/** Tells every sighting to the invariants that ask for its kind, and to the trace. */
import type { Invariant, RunView, Violated, Violation } from './invariant'
import type { Sighting, SightingKind } from './sighting'

type AnyReader = (sighting: Sighting) => void

export class Story {
  readonly violations: Violation[] = []
  readonly #readers = new Map<SightingKind, AnyReader[]>()
  readonly #lines: string[] = []
  #hash = 0x811c9dc5
  #count = 0
  #now = 0

  /** `keepsLines`: for people, and to compare two runs line by line. The hash is always there. */
  constructor(private readonly keepsLines: boolean) {}

  /** From now on these read along. */
  begin(run: RunView, invariants: readonly Invariant[]): void {
    for (const { name, statement, watch } of invariants) {
      const violated: Violated = (facts) => {
        // The first one counts: what follows it may be its consequence.
        if (this.violations.some(({ invariant }) => invariant === name)) return
        this.violations.push({ invariant: name, statement, at: this.#now, facts })
      }
      for (const [kind, read] of Object.entries(watch(run, violated)) as [SightingKind, AnyReader][]) {
        const readers = this.#readers.get(kind)
        if (readers === undefined) this.#readers.set(kind, [read])
        else readers.push(read)
      }
    }
  }

  tell(sighting: Sighting): void {
    this.#now = sighting.at
    if (sighting.is !== 'sampled') this.#trace(sighting)
    for (const read of this.#readers.get(sighting.is) ?? []) read(sighting)
  }

  get lines(): readonly string[] {
    return this.#lines
  }

  /** One word for everything that was seen. */
  get hash(): string {
    return `${this.#count}-${(this.#hash >>> 0).toString(16)}`
  }

  #trace(sighting: Sighting): void {
    const line = lineOf(sighting)
    this.#count += 1
    // FNV-1a, 32 bit: http://www.isthe.com/chongo/tech/comp/fnv/
    for (let index = 0; index < line.length; index += 1) {
      this.#hash = Math.imul(this.#hash ^ line.charCodeAt(index), 0x01000193)
    }
    if (this.keepsLines) this.#lines.push(line)
  }
}

function lineOf(sighting: Sighting): string {
  const { at, client, is } = sighting
  const who = client < 0 ? 'stage' : `client ${client}`
  return `${at.toFixed(1).padStart(10)} ${who} ${is} ${detailOf(sighting)}`
}

function detailOf(sighting: Sighting): string {
  switch (sighting.is) {
    case 'sent':
    case 'heard':
      return `${sighting.link} ${sighting.endpointId} ${JSON.stringify(sighting.frame)}`
    case 'event':
      return `${sighting.name} ${'sentence' in sighting.context ? sighting.context.sentence : ''}`
    case 'batch':
      return `${sighting.topic} ${JSON.stringify(sighting.changes)}`
    case 'answered':
      return `${sighting.endpointId} ${JSON.stringify(sighting.body)}`
    default: {
      const { at: _at, client: _client, is: _is, ...rest } = sighting
      return JSON.stringify(rest, (_key, value: unknown) => (value instanceof Map ? [...value] : value))
    }
  }
}
