/** DNS: what names point at, what caches still believe, and how asking goes wrong. */
import type { Random } from '../core/random'
import type { Cancel } from '../platform/platform'
import type { Timeline } from './timeline'
import type { Trace } from './trace'
import type { DnsFault, SimulatedDns } from './network-types'

interface NameRecord {
  readonly address: string
  readonly ttlMs: number
}

export type Lookup =
  | { readonly ok: true; readonly address: string; readonly ttlMs: number }
  | { readonly ok: false; readonly code: 'ENOTFOUND' | 'EAI_AGAIN' }

/** resolv.conf: two tries of 5 s. */
const TIMEOUT_MS = 10_000
const DEFAULT_TTL_MS = 60_000
const QUERY_MS = { min: 1, max: 20 }
const ANY = '*'

/** The zone, as its own name servers have it. */
export class Names implements SimulatedDns {
  readonly #timeline: Timeline
  readonly #trace: Trace
  readonly #records = new Map<string, NameRecord>()
  readonly #faults = new Map<string, DnsFault>()
  readonly #serverNames: readonly string[]
  readonly #addressOf: (server: string) => string
  #turn = 0

  constructor(timeline: Timeline, trace: Trace, serverNames: readonly string[], addressOf: (server: string) => string) {
    this.#timeline = timeline
    this.#trace = trace
    this.#serverNames = serverNames
    this.#addressOf = addressOf
  }

  point(name: string, server: string, { ttlMs = DEFAULT_TTL_MS }: { readonly ttlMs?: number } = {}): void {
    this.#trace.note('dns', `${name} points at ${server} for ${ttlMs} ms`)
    this.set(name, this.#addressOf(server), ttlMs)
  }

  set(name: string, address: string, ttlMs = DEFAULT_TTL_MS): void {
    this.#records.set(name, { address, ttlMs })
  }

  break(fault: DnsFault, name = ANY): void {
    this.#trace.note('dns', `${name} ${fault}`)
    this.#faults.set(name, fault)
  }

  heal(name?: string): void {
    this.#trace.note('dns', `${name ?? ANY} healed`)
    if (name === undefined) this.#faults.clear()
    else this.#faults.delete(name)
  }

  address(name: string): string | undefined {
    return this.#records.get(name)?.address
  }

  fault(name: string): DnsFault | undefined {
    return this.#faults.get(name) ?? this.#faults.get(ANY)
  }

  /** One query; `isCutOff` when the answer would arrive: none does. */
  query(name: string, random: Random, isCutOff: () => boolean, done: (lookup: Lookup) => void): Cancel {
    const fault = this.fault(name)
    const rttMs = QUERY_MS.min + (QUERY_MS.max - QUERY_MS.min) * random()
    let cancel: Cancel = () => undefined
    const timeOut = (): void => {
      cancel = this.#timeline.after(TIMEOUT_MS, () => done({ ok: false, code: 'EAI_AGAIN' }))
    }
    if (fault === 'timeout') timeOut()
    else {
      cancel = this.#timeline.after(rttMs, () => {
        if (isCutOff()) timeOut()
        else done(this.#answer(name, fault))
      })
    }
    return () => cancel()
  }

  #answer(name: string, fault: DnsFault | undefined): Lookup {
    const record = this.#records.get(name)
    if (fault === 'servfail') return { ok: false, code: 'EAI_AGAIN' }
    if (fault === 'nxdomain' || record === undefined) return { ok: false, code: 'ENOTFOUND' }
    if (fault !== 'rotate') return { ok: true, ...record }
    this.#turn += 1
    const server = this.#serverNames[this.#turn % this.#serverNames.length] ?? ''
    return { ok: true, address: this.#addressOf(server), ttlMs: record.ttlMs }
  }
}

/** The cache of one device. */
export class NameCache {
  readonly #names: Names
  readonly #timeline: Timeline
  readonly #random: Random
  readonly #isCutOff: () => boolean
  readonly #asked: (name: string) => void
  readonly #cache = new Map<string, { readonly address: string; readonly until: number }>()

  constructor(
    names: Names,
    timeline: Timeline,
    random: Random,
    hooks: { readonly isCutOff: () => boolean; readonly asked: (name: string) => void },
  ) {
    this.#names = names
    this.#timeline = timeline
    this.#random = random
    this.#isCutOff = hooks.isCutOff
    this.#asked = hooks.asked
  }

  lookup(name: string, done: (lookup: Lookup) => void): Cancel {
    if (/^[\d.]+$/.test(name)) return this.#answer({ ok: true, address: name, ttlMs: Infinity }, done)
    const known = this.#cache.get(name)
    const isStale = this.#names.fault(name) === 'stale'
    if (known !== undefined && (known.until > this.#timeline.now || isStale)) {
      return this.#answer({ ok: true, address: known.address, ttlMs: known.until - this.#timeline.now }, done)
    }
    this.#asked(name)
    return this.#names.query(name, this.#random, this.#isCutOff, (lookup) => {
      if (lookup.ok) this.#cache.set(name, { address: lookup.address, until: this.#timeline.now + lookup.ttlMs })
      done(lookup)
    })
  }

  #answer(lookup: Lookup, done: (lookup: Lookup) => void): Cancel {
    return this.#timeline.after(0, () => done(lookup))
  }
}
