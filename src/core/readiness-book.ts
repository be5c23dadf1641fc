/**
 * What each server last said of each UCC. Readiness has no hysteresis: the last valid answer holds. One exception: a
 * server that misreads itself. When its beats claim `running` and its readiness says otherwise, two such answers in a
 * row outvote the beats until a readiness answer says `running` again.
 */
import type { Instant } from './time'
import type { Load, ReadinessState } from './wire'

export type WordSource = 'probe' | 'welcome' | 'status' | 'beat' | 'traffic'

export interface Word {
  state: ReadinessState
  term: number | undefined
  /** When it was last said, by anything that proves readiness. */
  at: Instant
  /** When a probe last said it. */
  probedAt: Instant
  /** When its term was heard to rise, last and the time before. */
  risenAt: Instant | undefined
  risenBeforeAt: Instant | undefined
  /** Since when it is `running` without interruption. */
  runningSince: Instant | undefined
  /** Since when it is `running` and not draining, without interruption: the hold-down counts from here. */
  readySince: Instant | undefined
  draining: boolean
  load: Load | undefined
  /** Probes in a row that contradicted the beats. */
  contradictions: number
  /** The beats are outvoted. */
  outvoted: boolean
}

/** In-band proof younger than this may contradict a probe. */
const IN_BAND_FRESH_MS = 3000
const MAX_SERVERS = 128

export interface Saying {
  readonly state: ReadinessState
  readonly term?: number | undefined
  readonly draining?: boolean | undefined
  readonly load?: Load | undefined
  readonly via: WordSource
  /** When a probe that says so was asked. */
  readonly askedAt?: Instant
}

/** A word, and when it was said in band. */
type Entry = Word & { inBandAt: Instant; stoppedInBandAt: Instant }

export class ReadinessBook {
  readonly #words = new Map<string, Map<string | undefined, Entry>>()

  word(server: string | undefined, ucc: string | undefined): Word | undefined {
    return server === undefined ? undefined : this.#words.get(server)?.get(ucc)
  }

  /** The server was found down: whatever it runs when it is back, it runs since then. */
  interrupt(server: string | undefined): void {
    if (server === undefined) return
    for (const word of this.#words.get(server)?.values() ?? []) {
      word.runningSince = undefined
      word.readySince = undefined
    }
  }

  /** The connection that brought its beats is silent or lost: they contradict nobody any more. */
  forgetBeats(server: string | undefined, ucc: string | undefined): void {
    const word = server === undefined ? undefined : this.#words.get(server)?.get(ucc)
    if (word !== undefined) word.inBandAt = Number.NEGATIVE_INFINITY
  }

  /** Takes a saying; tells what changed. `again`: ask once more at the edge cadence, the beats say otherwise. */
  hear(
    now: Instant,
    server: string,
    ucc: string | undefined,
    saying: Saying,
  ): { readonly changed: boolean; readonly again: boolean } {
    const word = this.#entry(server, ucc, now)
    const before = { state: word.state, term: word.term, draining: word.draining }
    const again = saying.via === 'probe' ? this.#fromProbe(now, word, saying) : this.#inBand(now, word, saying)
    word.at = now
    if (saying.load !== undefined) word.load = saying.load
    const changed = before.state !== word.state || before.term !== word.term || before.draining !== word.draining
    if (word.state === 'running') word.runningSince ??= now
    else word.runningSince = undefined
    if (word.state === 'running' && !word.draining) word.readySince ??= now
    else word.readySince = undefined
    return { changed, again }
  }

  #fromProbe(now: Instant, word: Entry, saying: Saying): boolean {
    // Asked before the server said in band that it does not run: its answer may be older than that.
    const isOvertaken = saying.askedAt !== undefined && saying.askedAt < word.stoppedInBandAt
    if (isOvertaken && saying.state === 'running' && word.state !== 'running') return true
    word.probedAt = now
    // `draining` ends when readiness no longer says so.
    if (saying.draining !== undefined) word.draining = saying.draining
    const claimed = word.state === 'running' && now - word.inBandAt < IN_BAND_FRESH_MS && !word.outvoted
    if (saying.state === 'running') {
      word.contradictions = 0
      word.outvoted = false
    } else if (claimed) {
      word.contradictions += 1
      if (word.contradictions < 2) return true
      word.outvoted = true
    }
    this.#set(now, word, saying)
    return false
  }

  #inBand(now: Instant, word: Entry, saying: Saying): boolean {
    if (saying.state === 'running') word.inBandAt = now
    else if (saying.state !== 'unknown') word.stoppedInBandAt = now
    if (word.outvoted && saying.state === 'running') return false
    this.#set(now, word, saying)
    return false
  }

  #set(now: Instant, word: Word, saying: Saying): void {
    // A beat without a state proves nothing about readiness.
    if (saying.state !== 'unknown' || saying.via === 'probe') word.state = saying.state
    if (saying.term === undefined) return
    if (word.term !== undefined && saying.term > word.term) {
      word.draining = saying.draining ?? false
      // A new incarnation: it was interrupted, though nobody asked while it was down.
      word.runningSince = undefined
      word.readySince = undefined
      word.risenBeforeAt = word.risenAt
      word.risenAt = now
    }
    word.term = saying.term
  }

  #entry(server: string, ucc: string | undefined, now: Instant): Entry {
    let uccs = this.#words.get(server)
    if (uccs === undefined) {
      // Server names come from outside: a hostile one must not fill the memory.
      const oldest = this.#words.size >= MAX_SERVERS ? this.#words.keys().next().value : undefined
      if (oldest !== undefined) this.#words.delete(oldest)
      this.#words.set(server, (uccs = new Map()))
    }
    let word = uccs.get(ucc)
    if (word === undefined) {
      word = {
        state: 'unknown',
        term: undefined,
        at: now,
        probedAt: Number.NEGATIVE_INFINITY,
        inBandAt: Number.NEGATIVE_INFINITY,
        stoppedInBandAt: Number.NEGATIVE_INFINITY,
        risenAt: undefined,
        risenBeforeAt: undefined,
        runningSince: undefined,
        readySince: undefined,
        draining: false,
        load: undefined,
        contradictions: 0,
        outvoted: false,
      }
      uccs.set(ucc, word)
    }
    return word
  }
}
