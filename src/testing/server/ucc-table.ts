/** Which UCC is in which state on which server, whether that server lives or not. */
import type { Announce, UccConfig } from './server-types'
import type { CheckedPool } from './pool-options'
import { initialState, initialTerm, invalid } from './pool-options'
import type { TermChoice } from './fault-options'

export interface UccEntry extends UccConfig {
  readonly announce: Announce
}

export class UccTable {
  readonly #options: CheckedPool
  readonly #entries = new Map<string, Map<string, UccEntry>>()
  readonly #highest = new Map<string, number>()

  constructor(options: CheckedPool) {
    this.#options = options
    for (const server of options.names) {
      const entries = new Map<string, UccEntry>()
      this.#entries.set(server, entries)
      for (const ucc of options.placements.keys()) {
        const state = initialState(options, ucc, server)
        // A term belongs to a UCC that was active; one that never was has none yet.
        const term = state === 'running' ? initialTerm(options, ucc, server) : undefined
        if (state !== undefined) entries.set(ucc, entryOf(state, term))
        if (term !== undefined) this.#saw(ucc, term)
      }
    }
  }

  get(server: string, ucc: string): UccEntry {
    const entry = this.#entries.get(server)?.get(ucc)
    if (entry === undefined) throw invalid('ucc', `${server} does not know the UCC ${ucc}`)
    return entry
  }

  /** UCC names a server knows. */
  known(server: string): readonly string[] {
    return [...(this.#entries.get(server)?.keys() ?? [])]
  }

  /** The UCC meant when none is named. */
  defaultUcc(server: string): string {
    const first = this.known(server)[0]
    if (first === undefined) throw invalid('ucc', `${server} knows no UCC`)
    return first
  }

  set(server: string, ucc: string, entry: UccEntry): void {
    this.#entries.get(server)?.set(ucc, entry)
  }

  /** The term a choice stands for, for this server. */
  term(choice: TermChoice, server: string, ucc: string): number | undefined {
    if (typeof choice === 'number') {
      this.#saw(ucc, choice)
      return choice
    }
    if (choice === 'same') return this.get(server, ucc).term
    if (choice === 'none' || !this.#options.terms) return undefined
    const term = (this.#highest.get(ucc) ?? 0) + 1
    this.#saw(ucc, term)
    return term
  }

  configOf(server: string): Record<string, UccConfig> {
    const entries = [...(this.#entries.get(server) ?? [])]
    return Object.fromEntries(entries.map(([ucc, { state, term }]) => [ucc, entryOf(state, term)]))
  }

  #saw(ucc: string, term: number): void {
    this.#highest.set(ucc, Math.max(term, this.#highest.get(ucc) ?? 0))
  }
}

export function entryOf(state: UccConfig['state'], term: number | undefined, announce: Announce = 'status'): UccEntry {
  return { state, ...(term === undefined ? {} : { term }), announce }
}
