/**
 * Oracles. A checker says whether a value really is of its declared type, which `as` in a parser only claims. Exact:
 * a member nobody declared is a finding, too.
 */
import { FailoverError } from '../../src/errors'

export type Checker = (value: unknown, at: string) => void

export function broken(what: string): never {
  throw new Error(what)
}

export function must(holds: boolean, what: string): void {
  if (!holds) broken(what)
}

function rule(name: string, holds: (value: unknown) => boolean): Checker {
  return (value, at) => must(holds(value), `${at} must be ${name}, not ${typeof value} ${String(value).slice(0, 80)}`)
}

export const anything: Checker = () => undefined
export const bool = rule('a boolean', (value) => typeof value === 'boolean')
export const finite = rule('a finite number', Number.isFinite)
export const count = rule('a safe integer from 0', (value) => Number.isSafeInteger(value) && (value as number) >= 0)

export function between(min: number, max: number): Checker {
  return rule(`from ${min} to ${max}`, (value) => typeof value === 'number' && value >= min && value <= max)
}

export function text(max: number, min = 0): Checker {
  return rule(`a text of ${min} to ${max} characters`, (value) => {
    return typeof value === 'string' && value.length >= min && value.length <= max
  })
}

export function choice(...words: readonly string[]): Checker {
  return rule(words.join(' or '), (value) => words.includes(value as string))
}

export function list(item: Checker, max = Number.POSITIVE_INFINITY): Checker {
  return (value, at) => {
    if (!Array.isArray(value)) return broken(`${at} must be an array`)
    must(value.length <= max, `${at} must have at most ${max} items, not ${value.length}`)
    for (const [index, entry] of value.entries()) item(entry, `${at}[${index}]`)
  }
}

/** A plain object with exactly these members; `optional` ones are absent or right, never `undefined`. */
export function shape(
  required: Readonly<Record<string, Checker>>,
  optional: Readonly<Record<string, Checker>> = {},
): Checker {
  return (value, at) => {
    if (typeof value !== 'object' || value === null) return broken(`${at} must be an object`)
    must(Object.getPrototypeOf(value) === Object.prototype, `${at} must be a plain object`)
    const members = new Map(Reflect.ownKeys(value).map((name) => [name, (value as Record<PropertyKey, unknown>)[name]]))
    for (const name of Object.keys(required)) must(members.has(name), `${at} must have ${name}`)
    for (const [name, member] of members) {
      const checker = typeof name === 'string' ? (own(required, name) ?? own(optional, name)) : undefined
      if (checker === undefined) return broken(`${at} must not have ${String(name)}`)
      checker(member, `${at}.${String(name)}`)
    }
  }
}

function own(checkers: Readonly<Record<string, Checker>>, name: string): Checker | undefined {
  return Object.hasOwn(checkers, name) ? checkers[name] : undefined
}

/** The call's result, or the documented refusal: an `INVALID_OPTION` that names its field. Anything else goes on up. */
export function orInvalidOption<T>(call: () => T): { readonly value: T } | { readonly refusal: FailoverError } {
  try {
    return { value: call() }
  } catch (error) {
    if (!(error instanceof FailoverError) || error.code !== 'INVALID_OPTION') throw error
    must(typeof error.fields.field === 'string', 'a refusal must name its field')
    must(error.message.length <= 2000, `a refusal must be short, not ${error.message.length} characters`)
    must(!/[^\P{Cc}\t]/u.test(error.message), 'a refusal must be one line without control characters')
    return { refusal: error }
  }
}

/** The call's result, or nothing where it threw one of these. */
export function orThrown<T>(call: () => T, ...kinds: readonly (new (...args: never[]) => Error)[]): T | undefined {
  try {
    return call()
  } catch (error) {
    if (kinds.some((kind) => error instanceof kind)) return undefined
    throw error
  }
}

/** Reading back what was read gives the same: nothing was half understood. Texts nested too deeply are not written. */
export function mustRoundTrip<T>(first: T, read: (text: string) => T): void {
  const written = orThrown(() => JSON.stringify(first), RangeError)
  if (written === undefined) return
  const again = JSON.stringify(read(written))
  must(again === written, `must read back as written: ${written.slice(0, 300)} became ${again?.slice(0, 300)}`)
}
