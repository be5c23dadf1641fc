/**
 * Makes text and errors safe to show: no token, password or signature reaches a log, an event or a ticket. A last
 * line of defence; nothing puts tokens into messages on purpose. All patterns are linear in the length of the text.
 */
import { FailoverError } from '../errors'

const MARK = '[redacted]'
/** Longer texts (an HTML error page in a message) are cut. */
const MAX_TEXT = 4000
/** Read beyond the cut, so that a credential the cut goes through is still recognised by its end. */
const OVERLAP = 1000
const MAX_CAUSES = 8
const CONTROL = /[^\P{Cc}\t\n]/gu

// `access_token`, `X-Api-Key`, `sessionToken`: what stands before the word does not matter.
const NAME = String.raw`\b[\w-]{0,40}(?:token|jwt|api[_-]?key|secret|password|passwd|pwd|signature|sig)`
// `=`, `: `, `":`, `\":` (JSON within a text), `%3D` (a URL within a URL).
const EQUALS = String.raw`\\?["']?\s*(?:[:=]|%3D)\s*`
const VALUE = String.raw`\\["'][^"'\\\n]*|"[^"\n]*"?|'[^'\n]*'?|[^\s&#;,"'<>)}\]\\]+`

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // Authorization: Bearer abc, "authorization":"Basic abc", Cookie: a=b; c=d (RFC 9110 11.6.2, RFC 6265)
  [
    /\b((?:proxy-)?authorization|(?:set-)?cookie)(\\?["']?\s*[:=]\s*)(?!\s*\[redacted\])(\\["'][^"'\\\n]*|"[^"\n]*"?|'[^'\n]*'?|[^\n"',}\]]+)/gi,
    `$1$2${MARK}`,
  ],
  [/\b(Bearer)\s+(?!\[redacted\]|token\b)[\w.~+/=-]{4,}/gi, `$1 ${MARK}`],
  // With a capital, digit or "=" inside, or it is a plain word ("basic authentication").
  [/\b([Bb]asic|[Nn]egotiate)\s+(?=[a-z+/]*[A-Z0-9=])[\w+/=-]{6,}/g, `$1 ${MARK}`],
  // ?token=…, &sig=…, token: …, {"token":"…"}, token%3D…
  [new RegExp(`(${NAME}${EQUALS})(?!\\s*\\[redacted\\])(?:${VALUE})`, 'gi'), `$1${MARK}`],
  // https://user:password@host (RFC 3986 3.2.1)
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"'<>]*@/gi, `$1${MARK}@`],
  // A JSON Web Token wherever it stands (RFC 7519): {"… in base64url begins with eyJ.
  [/\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?/g, MARK],
]

/**
 * The text without anything that looks like a credential, without control characters, at most 4,000 characters.
 * @param secrets Known secrets (the token in use), removed wherever they stand.
 */
export function redact(text: string, secrets: Iterable<string> = []): string {
  // Control characters could forge log lines, drive a terminal, or hide a secret from what follows: they go first.
  let result = text.replace(CONTROL, '')
  for (const given of secrets) {
    const secret = given.replace(CONTROL, '')
    // A shorter "secret" would tear ordinary words apart, and is none.
    if (secret.length < 6) continue
    result = result.split(secret).join(MARK).split(encoded(secret)).join(MARK)
  }
  result = result.slice(0, MAX_TEXT + OVERLAP)
  for (const [pattern, replacement] of PATTERNS) result = result.replace(pattern, replacement)
  return result.length > MAX_TEXT ? `${result.slice(0, MAX_TEXT)}…` : result
}

/** As in a URL. Half of a surrogate pair has no such form, and a token may be any text. */
function encoded(secret: string): string {
  return encodeURIComponent(secret.replace(/\p{Cs}/gu, '\ufffd'))
}

/** One token-free line for any thrown value: its code, its message, and those of its causes. Never throws. */
export function errorText(error: unknown, secrets: Iterable<string> = []): string {
  const parts: string[] = []
  let current = error
  for (let depth = 0; depth < MAX_CAUSES && current !== undefined && current !== null; depth += 1) {
    const text = ownText(current)
    if (text !== '' && !parts.includes(text)) parts.push(text)
    current = read(current, 'cause')
  }
  // By lines, not by a pattern: one with blanks on both sides of the line end takes the square of their number.
  const lines = redact(parts.join(': ') || 'unknown error', secrets).split('\n')
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ')
}

function ownText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? 'a function' : String(value)
  const code = read(value, 'code')
  const message = read(value, 'message')
  const name = read(value, 'name')
  const text = typeof message === 'string' && message !== '' ? message : typeof name === 'string' ? name : 'an object'
  return typeof code === 'string' && code !== '' && !text.includes(code) ? `${code} ${text}` : text
}

/** Thrown values are anything, getters that throw included. */
function read(value: unknown, name: string): unknown {
  try {
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
  } catch {
    return undefined
  }
}

/**
 * A copy of the error, and of its causes, without credentials: name, code and (for a FailoverError) fields stay. The
 * original is not touched: it may belong to the application.
 */
export function redactError(error: unknown, secrets: Iterable<string> = []): Error {
  const known = [...secrets]
  return copyError(error, known, 0)
}

function copyError(error: unknown, secrets: readonly string[], depth: number): Error {
  const inner = read(error, 'cause')
  const cause = inner === undefined || depth >= MAX_CAUSES ? {} : { cause: copyError(inner, secrets, depth + 1) }
  const message = read(error, 'message')
  const text = redact(typeof message === 'string' ? message : ownText(error), secrets)
  const copy =
    error instanceof FailoverError
      ? new FailoverError(error.code, text, Object.assign(redactFacts(error.fields, secrets), cause))
      : new Error(text, cause)
  for (const name of ['name', 'code', 'stack']) {
    const value = read(error, name)
    if (typeof value === 'number') Object.assign(copy, { [name]: value })
    if (typeof value === 'string') {
      // As an own member that is not listed, as errors have them.
      Object.defineProperty(copy, name, { value: redact(value, secrets), configurable: true, writable: true })
    }
  }
  return copy
}

/** Facts of a decision or error with every text redacted. */
export function redactFacts<T extends Readonly<Record<string, unknown>>>(facts: T, secrets: Iterable<string> = []): T {
  const known = [...secrets]
  const entries = Object.entries(facts).map(([name, value]): [string, unknown] => [
    name,
    typeof value === 'string' ? redact(value, known) : value,
  ])
  return Object.fromEntries(entries) as T
}
