/**
 * The small checker behind every option and argument: rules are data, each failure is a FailoverError `INVALID_OPTION`
 * that names the field by its dotted path and says what is right. No validation library: pages pay for each byte.
 */
import { FailoverError } from '../errors'
import { redact } from './redact'

/** What one value must be. `min` of `ms` defaults to 1; `max` to what a timer can hold. */
export type Rule =
  | { readonly kind: 'ms' | 'integer' | 'number'; readonly min?: number; readonly max?: number }
  | { readonly kind: 'boolean' | 'function' | 'methods' | 'signal' | 'headerValue' }
  | { readonly kind: 'text'; readonly maxLength?: number }
  | { readonly kind: 'choice'; readonly of: readonly string[] }
  | { readonly kind: 'path'; readonly query?: boolean }

/** The longest delay a timer takes (32-bit signed); a longer one would fire at once. */
export const MAX_TIMER_MS = 2_147_483_647

/** A plain object as given by the user; read own members only. */
export type Given = Readonly<Record<string, unknown>>

/** Throws `INVALID_OPTION`: `field right; got value`. Never pass a secret as `value`. */
export function fail(field: string, right: string, value: unknown): never {
  throw new FailoverError('INVALID_OPTION', `${field} ${right}; got ${describe(value)}`, { field })
}

/** Throws `INVALID_OPTION` without showing the value: for secrets, contradictions and missing values. */
export function refuse(field: string, right: string): never {
  throw new FailoverError('INVALID_OPTION', `${field} ${right}`, { field })
}

/** Like `fail`, for what should be a URL: what stands before an "@" or in a query is not shown. */
export function failUrl(field: string, right: string, value: unknown): never {
  const text = value instanceof URL ? value.href : value
  const shown = typeof text === 'string' ? text.replace(/^.*@/s, '[redacted]@').replace(/[?#].*$/s, '?…') : text
  return fail(field, right, shown)
}

/** A value in a few token-free words. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string': {
      const text = redact(value)
      return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
    }
    case 'bigint':
      return `${value}n`
    case 'function':
      return 'a function'
    case 'object':
      if (value === null) return 'null'
      if (value instanceof URL) return describe(value.href)
      return Array.isArray(value) ? 'an array' : 'an object'
    default:
      return String(value)
  }
}

/** Is it an options object? By its tag, so that objects of another realm (Electron, jsdom, vm) pass. */
export function isGiven(value: unknown): value is Given {
  return Object.prototype.toString.call(value) === '[object Object]'
}

/** An own member; `undefined` is the same as absent. */
export function given(object: Given, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** `a.b`, or `b` at the top. */
export function join(at: string, name: string): string {
  return at === '' ? name : `${at}.${name}`
}

/**
 * An object with no other members than `known`.
 * @param at Dotted path of the object, empty at the top.
 * @param elsewhere Where else a name may be at home: `heartbeatMs` → `detection.heartbeatMs`.
 */
export function checkKeys(
  value: unknown,
  known: readonly string[],
  at: string,
  elsewhere: (name: string) => string | undefined = () => undefined,
): Given {
  if (!isGiven(value)) fail(at === '' ? 'options' : at, `must be an object with ${list(known)}`, value)
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue
    const home = elsewhere(name)
    const near = nearest(name, known)
    const hint =
      home !== undefined
        ? `it belongs to ${home}`
        : near === undefined
          ? `known are ${list(known)}`
          : `did you mean ${join(at, near)}?`
    // One line, whatever the name: it goes into logs.
    refuse(join(at, redact(name).slice(0, 80).replace(/\s/g, ' ')), `is not an option; ${hint}`)
  }
  return value
}

/** `a, b and c`. */
export function list(words: readonly string[], last = 'and'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1) ?? ''}`
}

/** The word that was probably meant: a few letters away, or the same but for case. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const small = word.toLowerCase()
  let best: { word: string; distance: number } | undefined
  for (const candidate of known) {
    const other = candidate.toLowerCase()
    // `timeout` for `timeoutMs`, `endpoint` for `endpoints`: a beginning counts as near.
    const begins = small.length >= 3 && (other.startsWith(small) || small.startsWith(other))
    const distance = begins ? 1 : editDistance(small, other)
    const limit = Math.max(1, Math.floor(Math.min(small.length, other.length) / 3))
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { word: candidate, distance }
  }
  return best?.word
}

/** Levenshtein, with a swap of neighbours as one edit (the commonest slip of the fingers). */
function editDistance(left: string, right: string): number {
  // Names are short; a long one is no slip.
  if (Math.abs(left.length - right.length) > 8 || left.length > 64) return Number.POSITIVE_INFINITY
  let before: number[] = []
  let above = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1]
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      const edits = [
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
        ...(swapped ? [(before[column - 2] ?? 0) + 1] : []),
      ]
      current.push(Math.min(...edits))
    }
    before = above
    above = current
  }
  return above[right.length] ?? 0
}

/** Checks one value against its rule and returns it, normalised where the rule says so. */
export function checkRule(rule: Rule, value: unknown, field: string): unknown {
  switch (rule.kind) {
    case 'ms':
      return checkNumber(value, field, rule.min ?? 1, rule.max ?? MAX_TIMER_MS, 'a number of milliseconds')
    case 'integer':
      return checkNumber(value, field, rule.min ?? 0, rule.max ?? Number.MAX_SAFE_INTEGER, 'an integer')
    case 'number':
      return checkNumber(value, field, rule.min ?? 0, rule.max ?? Number.MAX_SAFE_INTEGER, 'a number')
    case 'boolean':
      return typeof value === 'boolean' ? value : fail(field, 'must be true or false', value)
    case 'function':
      return typeof value === 'function' ? value : fail(field, 'must be a function', value)
    case 'choice':
      return rule.of.includes(value as string) ? value : failChoice(rule.of, value, field)
    case 'text':
      return checkText(value, field, rule.maxLength ?? 256)
    case 'path':
      return checkPath(value, field, rule.query === true)
    case 'methods':
      return checkMethods(value, field)
    case 'signal':
      return checkSignal(value, field)
    case 'headerValue':
      return checkHeaderValue(value, field)
  }
}

function checkNumber(value: unknown, field: string, min: number, max: number, what: string): number {
  const whole = what === 'an integer'
  const fits = typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))
  if (fits) return value
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  return fail(field, `must be ${what} ${range}`, value)
}

function failChoice(choices: readonly string[], value: unknown, field: string): never {
  const near = typeof value === 'string' ? nearest(value, choices) : undefined
  const names = list(
    choices.map((choice) => JSON.stringify(choice)),
    'or',
  )
  return fail(field, `must be ${names}${near === undefined ? '' : ` (did you mean "${near}"?)`}`, value)
}

function checkText(value: unknown, field: string, maxLength: number): string {
  const never = 'control characters, broken ones or blanks at its ends'
  const right = `must be a text of 1 to ${maxLength} characters without ${never}`
  if (typeof value !== 'string' || value === '' || value.length > maxLength) return fail(field, right, value)
  // Half of a surrogate pair cannot be written into a URL: `encodeURIComponent` throws.
  if (value.trim() !== value || /[\p{Cc}\p{Cs}]/u.test(value)) return fail(field, right, value)
  return value
}

/** Appended to base URLs, so it must not lead out of them. */
function checkPath(value: unknown, field: string, query: boolean): string {
  const never = query ? 'blanks, ".." or "#"' : 'blanks, "..", "#" or a query'
  const right = `must be a path that begins with one "/" and has no ${never}, such as "/failover/ready"`
  if (typeof value !== 'string' || !/^\/(?![/\\])[^\s#\\]*$/.test(value)) return fail(field, right, value)
  if ((!query && value.includes('?')) || /(^|\/)(\.|%2e){1,2}(\/|$|\?)/i.test(value)) return fail(field, right, value)
  return value
}

/** RFC 9110 5.6.2 token; CONNECT and TRACE are forbidden by the Fetch standard. */
function checkMethods(value: unknown, field: string): readonly string[] {
  if (!Array.isArray(value)) return fail(field, 'must be an array of HTTP methods, such as ["GET", "PUT"]', value)
  // Array.from, not map: a hole would be passed over.
  const methods = Array.from(value as unknown[], (entry, index) => {
    const at = `${field}[${index}]`
    if (typeof entry !== 'string' || !/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(entry))
      return fail(at, 'must be an HTTP method', entry)
    const method = entry.toUpperCase()
    if (['CONNECT', 'TRACE', 'TRACK'].includes(method)) return fail(at, 'must be a method that fetch allows', entry)
    return method
  })
  return Object.freeze([...new Set(methods)])
}

function checkSignal(value: unknown, field: string): unknown {
  const signal = value as { aborted?: unknown; addEventListener?: unknown } | null
  const fits = typeof signal === 'object' && signal !== null
  if (fits && typeof signal.aborted === 'boolean' && typeof signal.addEventListener === 'function') return value
  return fail(field, 'must be an AbortSignal', value)
}

/** A secret that travels in a header: never shown. */
function checkHeaderValue(value: unknown, field: string): string {
  if (typeof value === 'string' && /^[\x21-\x7e]{1,16384}$/.test(value)) return value
  const right = 'must be a token of visible ASCII characters without blanks and without the word "Bearer"'
  return refuse(field, `${right}; its type is ${typeof value}`)
}

/** An AbortSignal among method arguments. */
export function checkSignalOption(value: unknown, field: string): AbortSignal | undefined {
  return value === undefined ? undefined : (checkRule({ kind: 'signal' }, value, field) as AbortSignal)
}

/** Copies the members of `value` that have a rule and are given. */
export function checkMembers(value: Given, rules: Readonly<Record<string, Rule>>, at: string): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const [name, rule] of Object.entries(rules)) {
    const member = given(value, name)
    if (member !== undefined) result[name] = checkRule(rule, member, join(at, name))
  }
  return result
}
