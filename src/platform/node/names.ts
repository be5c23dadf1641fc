/**
 * Looks names up as the system does (hosts files, search domains, its own caches), and remembers the answers: a server
 * that is needed when no name server answers is dialled where it was last (RFC 8767). Slow is as bad as dead there:
 * `getaddrinfo` gives up on silent name servers after 10 s or more.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { Cancel, NameMemory } from '../platform'

/**
 * When an old answer is used in place of one that does not come; a probe has 1.5 s in all. Counted from the question:
 * a dial after that probe, while the same question is still open, does not wait that long again.
 */
const PATIENCE_MS = 500
const STALE_MS = 86_400_000
const MAX_NAMES = 256

interface Known {
  readonly addresses: readonly LookupAddress[]
  readonly at: number
}

/** A question that is open, and who waits for its answer: one question at a time occupies one thread. */
interface Question {
  readonly askedAt: number
  readonly answers: Set<Answer>
}

type Answer = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void

/** What {@link createNames} needs of its surroundings. */
export interface NamesHost {
  readonly now: () => number
  readonly setTimer: (delayMs: number, callback: () => void) => Cancel
  /** All addresses of a name. Default: the system's. */
  readonly lookup?: (name: string, done: Answer) => void
}

/** The look-up of all that a platform dials, and its memory. */
export interface Names extends NameMemory {
  readonly lookup: LookupFunction
}

/** Makes an empty memory. */
export function createNames({ now, setTimer, lookup = lookUpAll }: NamesHost): Names {
  const memory = new Map<string, Known>()
  const open = new Map<string, Question>()
  const remember = (name: string, known: Known): void => {
    memory.delete(name)
    memory.set(name, known)
    const [oldest] = memory.keys()
    if (memory.size > MAX_NAMES && oldest !== undefined) memory.delete(oldest)
  }
  const recall = (name: string): readonly LookupAddress[] | undefined => {
    const known = memory.get(name)
    return known === undefined || now() - known.at > STALE_MS ? undefined : known.addresses
  }
  const ask = (name: string, answer: Answer): void => {
    const others = open.get(name)?.answers
    if (others !== undefined) return void others.add(answer)
    const answers = new Set([answer])
    open.set(name, { askedAt: now(), answers })
    lookup(name, (error, addresses) => {
      open.delete(name)
      if (error === null && addresses.length > 0) remember(name, { addresses, at: now() })
      for (const one of answers) one(error, addresses)
    })
  }
  const resolve = (name: string, answer: Answer): void => {
    let isOver = false
    const finish: Answer = (error, addresses) => {
      if (isOver) return
      isOver = true
      stopWaiting()
      answer(error, addresses)
    }
    const waitedMs = now() - (open.get(name)?.askedAt ?? now())
    const stopWaiting = setTimer(Math.max(0, PATIENCE_MS - waitedMs), () => {
      const stale = recall(name)
      if (stale !== undefined) finish(null, stale)
    })
    ask(name, (error, addresses) => {
      const stale = error === null ? undefined : recall(name)
      if (stale === undefined) finish(error, addresses)
      else finish(null, stale)
    })
  }
  return {
    lookup: (name, options, callback) => {
      resolve(name, (error, addresses) => {
        const { family, all } = options
        const wanted = family === 4 || family === 6 ? addresses.filter((one) => one.family === family) : [...addresses]
        const [first] = wanted
        if (error !== null || first === undefined) callback(error ?? noSuchName(name), '', 0)
        else if (all === true) callback(null, wanted)
        else callback(null, first.address, first.family)
      })
    },
    known: (name) => recall(name)?.[0]?.address,
    hint: (name, address, ageMs) => {
      if (memory.has(name)) return
      remember(name, { addresses: [{ address, family: address.includes(':') ? 6 : 4 }], at: now() - ageMs })
    },
  }
}

function lookUpAll(name: string, done: Answer): void {
  systemLookup(name, { all: true }, (error, addresses) => done(error, addresses ?? []))
}

function noSuchName(name: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${name} has no address of this family`), { code: 'ENOTFOUND' })
}
