/**
 * Runs one target. A counterexample is shrunk by fast-check and thrown with the seed that replays it. Beside what the
 * target checks itself: no input may take long, and none may leave a trace on anybody's prototype.
 */
import fc from 'fast-check'
import type { FuzzTarget } from './target'

/** Many times what any input takes. Garbage collection may fall upon one, but not upon the same one three times. */
const MAX_MS = 500
const ATTEMPTS = 3

export interface FuzzOptions {
  readonly runs: number
  readonly seed: number
  /** After each input. */
  readonly onRun?: () => void
}

export interface FuzzOutcome {
  /** The longest that one input took, in milliseconds of the processor: a loaded machine is no slow parser. */
  readonly worstMs: number
}

/** Inputs may be megabytes long; their beginning tells enough. */
const MAX_SHOWN = 1500

/** @throws Error with the smallest counterexample found and its seed. */
export function fuzz(target: FuzzTarget, { runs, seed, onRun }: FuzzOptions): FuzzOutcome {
  const before = prototypes()
  let worstMs = 0
  const property = fc.property(target.inputs, (input) => {
    const tookMs = timed(target, input)
    worstMs = Math.max(worstMs, tookMs)
    if (isPolluted()) throw new Error('a prototype was changed')
    onRun?.()
  })
  const details = fc.check(property, { numRuns: runs, seed })
  if (details.failed) throw new Error(story(target, details), { cause: details.errorInstance })
  if (differs(before)) throw new Error(`a prototype was changed by some input (seed ${seed})`)
  return { worstMs }
}

/** The input with this number, in words: for one that never came back. */
export function inputAt(target: FuzzTarget, seed: number, number: number): string {
  let count = 0
  let found: unknown
  const property = fc.property(target.inputs, (input) => {
    count += 1
    found = input
    return count < number
  })
  fc.check(property, { numRuns: number, seed, endOnFailure: true })
  return shorten(fc.stringify(found))
}

function story({ name }: FuzzTarget, details: fc.RunDetails<[unknown]>): string {
  const { seed, counterexample, errorInstance, numRuns } = details
  const why = errorInstance instanceof Error ? `${errorInstance.name}: ${errorInstance.message}` : String(errorInstance)
  const input = shorten(fc.stringify(counterexample?.[0]))
  return `${name}, input ${numRuns} of seed ${seed}: ${shorten(why)}\nsmallest input: ${input}`
}

function shorten(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}… (${text.length} characters)` : text
}

function timed(target: FuzzTarget, input: unknown): number {
  let bestMs = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const startedAt = process.cpuUsage()
    target.check(input)
    const { user, system } = process.cpuUsage(startedAt)
    bestMs = Math.min(bestMs, (user + system) / 1000)
    if (bestMs <= MAX_MS) return bestMs
  }
  throw new Error(`one input took ${bestMs.toFixed(0)} ms of the processor, ${ATTEMPTS} times`)
}

const WATCHED: readonly object[] = [Object, Array, String, Number, Function, Map, Set, Error, URL, Promise].map(
  ({ prototype }) => prototype as object,
)

/** Every member of the prototypes, with its value. */
function prototypes(): readonly ReadonlyMap<PropertyKey, unknown>[] {
  return WATCHED.map((object) => {
    const all = Object.getOwnPropertyDescriptors(object) as Record<PropertyKey, PropertyDescriptor>
    return new Map(Reflect.ownKeys(all).map((name) => [name, (all[name]?.value as unknown) ?? all[name]?.get]))
  })
}

function differs(before: ReturnType<typeof prototypes>): boolean {
  return prototypes().some((members, index) => {
    const known = before[index]
    if (known?.size !== members.size) return true
    return [...members].some(([name, value]) => known.get(name) !== value)
  })
}

/** Cheap enough for every input: what is assigned to a prototype is seen by everybody's `for in`. */
function isPolluted(): boolean {
  for (const _name in []) return true
  for (const _name in () => undefined) return true
  return false
}
