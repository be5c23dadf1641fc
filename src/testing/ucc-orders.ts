/** Orders to a simulated server about its UCCs: which is in which state, with which term, from when on. */
import type { PromoteOptions, RestartOptions, StartUccOptions, StopUccOptions } from './server/fault-options'
import { entryOf, type UccEntry } from './server/ucc-table'
import type { Seat, ServerPool } from './server-pool'

export class UccOrders {
  readonly #pool: ServerPool
  readonly #seat: Seat

  constructor(pool: ServerPool, seat: Seat) {
    this.#pool = pool
    this.#seat = seat
  }

  stop(ucc: string, { announce = 'status' }: StopUccOptions): void {
    const { term } = this.#pool.uccs.get(this.#seat.name, ucc)
    this.#set(ucc, entryOf('stopped', term, announce))
  }

  start(ucc: string, { startingMs = 0, term = 'new' }: StartUccOptions): void {
    const { uccs } = this.#pool
    const { name } = this.#seat
    const before = uccs.get(name, ucc)
    const entry = entryOf('running', uccs.term(term, name, ucc))
    if (startingMs <= 0) return this.#set(ucc, entry)
    this.#set(ucc, entryOf('starting', before.term))
    this.#setLater(ucc, entry, startingMs)
  }

  promote(ucc: string, { fence = true, announce = 'status', term = 'new' }: PromoteOptions): void {
    const { uccs, seats } = this.#pool
    this.#set(ucc, entryOf('running', uccs.term(term, this.#seat.name, ucc)))
    for (const other of fence ? seats.values() : []) {
      if (other === this.#seat || !uccs.known(other.name).includes(ucc)) continue
      if (uccs.get(other.name, ucc).state !== 'stopped') new UccOrders(this.#pool, other).stop(ucc, { announce })
    }
  }

  /** Sets what the new process begins with; what is returned is done once it runs. */
  prepareRestart({ state: wanted, term: choice, startingMs = 0 }: RestartOptions): () => void {
    const { uccs } = this.#pool
    const { name } = this.#seat
    const later: (() => void)[] = []
    for (const ucc of uccs.known(name)) {
      const before = uccs.get(name, ucc)
      const state = wanted ?? before.state
      const becomesActive = state === 'running' && before.state !== 'running'
      const entry = entryOf(state, uccs.term(choice ?? (becomesActive ? 'new' : 'same'), name, ucc))
      uccs.set(name, ucc, startingMs > 0 ? entryOf('starting', before.term) : entry)
      if (startingMs > 0) later.push(() => this.#setLater(ucc, entry, startingMs))
    }
    return () => {
      for (const set of later) set()
    }
  }

  /** Dead servers take it to heart at their restart, hung ones when they run again. */
  #set(ucc: string, entry: UccEntry): void {
    const { process, name } = this.#seat
    this.#pool.parts.trace.note(name, `${ucc} is ${entry.state}`, JSON.stringify(entry))
    this.#pool.uccs.get(name, ucc)
    this.#pool.uccs.set(name, ucc, entry)
    process?.run(() => process.state.changeUcc({ ucc, ...entry }))
  }

  /** A start that is under way ends only if nothing else was ordered for that UCC or process meanwhile. */
  #setLater(ucc: string, entry: UccEntry, afterMs: number): void {
    const { uccs, parts } = this.#pool
    const { incarnation, name } = this.#seat
    const starting = uccs.get(name, ucc)
    parts.timeline.after(afterMs, () => {
      const isOvertaken = this.#seat.incarnation !== incarnation || uccs.get(name, ucc) !== starting
      if (!isOvertaken) this.#set(ucc, entry)
    })
  }
}
