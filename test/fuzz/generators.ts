/**
 * Hostile inputs. Most begin as something valid and are then bent: a parser's mistakes lie just beside what it
 * accepts, where blind noise hardly ever comes. Values first (a member replaced, dropped, added), then text (cut,
 * repeated, spliced, nested). Each bend is one item of an array, so that shrinking leaves only the one that matters.
 */
import fc from 'fast-check'

/** What has broken parsers before: prototypes, ends of number ranges, halves of characters, names of ours. */
const WORDS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'length',
  'then',
  'toJSON',
  '',
  ' ',
  '\ud800',
  '\udfff',
  '\u0000',
  '\u2028',
  'a\nb',
  '\u202e',
  'İ',
  '😀',
  'NaN',
  '-1',
  'null',
  '%',
  '%00',
  '\\',
  'running',
  'secret',
] as const

const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.5,
  1e21,
  1e308,
  -1e308,
  5e-324,
  255,
  65_536,
  2 ** 31,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  Number.POSITIVE_INFINITY,
] as const

/** A text as a hostile hand writes it. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<string>(...WORDS) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('x', '/', ' ', 'é', '😀', '\r', '.', 'a.'), fc.constantFrom(63, 256, 257, 2049, 5000))
      .map(([part, times]) => part.repeat(times)),
  },
)

const hostileNumber: fc.Arbitrary<number> = fc.oneof(fc.constantFrom<number>(...NUMBERS), fc.integer())

/** One JSON value, small. Infinity stands for `1e999`, which JSON.parse reads as Infinity. */
const hostileAtom: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  hostileNumber,
  fc.constantFrom<unknown[]>(null, true, false, [], {}, [[]], { length: 1e9 }),
  hostileText.map((name) => own([[name, { polluted: true }]])),
)

/** What only a program can hand over. */
export const liveAtom: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: hostileAtom },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown[]>(
      undefined,
      Number.NaN,
      10n,
      Symbol('s'),
      () => undefined,
      new Date(0),
      new Map(),
      Object.create(null),
      Array(3),
      Object.freeze({ url: 'https://srv1.contoso.com' }),
      new URL('https://u:secretword@srv1.contoso.com/?token=secretword'),
    ),
  },
)

/** An object with these own members, `__proto__` among them if so named. */
function own(entries: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(entries) as object
}

interface ValueBend {
  readonly where: number
  readonly how: 'replace' | 'drop' | 'add' | 'double'
  readonly name: string
  readonly value: unknown
}

function valueBends(names: readonly string[], atom: fc.Arbitrary<unknown>): fc.Arbitrary<ValueBend[]> {
  const bend = fc.record({
    where: fc.nat({ max: 63 }),
    how: fc.constantFrom('replace', 'replace', 'drop', 'add', 'double'),
    name: names.length === 0 ? hostileText : fc.oneof(hostileText, fc.constantFrom(...names)),
    value: atom,
  })
  return fc.array(bend, { maxLength: 4 })
}

type Container = Record<string, unknown> | unknown[]

/** Every member of every object and array within. */
function places(value: unknown, found: [Container, string][] = []): [Container, string][] {
  if (!isPlain(value)) return found
  for (const name of Object.keys(value)) {
    found.push([value, name])
    places((value as Record<string, unknown>)[name], found)
  }
  return found
}

function isPlain(value: unknown): value is Container {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

function copyOf(value: unknown): unknown {
  if (!isPlain(value)) return value
  if (Array.isArray(value)) return value.map(copyOf)
  return own(Object.entries(value).map(([name, member]) => [name, copyOf(member)]))
}

function set(container: Container, name: string, value: unknown): void {
  // Assigning `__proto__` would change the prototype: it has to become an own member, as JSON.parse makes it.
  // A copy: bends are drawn again and again, and what one input adds to a value must not be in the next.
  Object.defineProperty(container, name, { value: copyOf(value), configurable: true, enumerable: true, writable: true })
}

function bent(seed: unknown, bends: readonly ValueBend[]): unknown {
  const root = { value: copyOf(seed) }
  for (const { where, how, name, value } of bends) {
    const all = places(root)
    const [container, member] = all[where % all.length] ?? [root, 'value']
    const there = (container as Record<string, unknown>)[member]
    if (how === 'replace') set(container, member, value)
    else if (how === 'drop' && container !== root) Reflect.deleteProperty(container, member)
    else if (how === 'add' && Array.isArray(there)) there.push(copyOf(value))
    else if (how === 'add' && isPlain(there)) set(there, name, value)
    else if (how === 'double' && Array.isArray(there)) there.push(...(copyOf(there) as unknown[]))
  }
  return root.value
}

/** JSON text, with `-0` and `1e999`, which JSON.stringify cannot write. */
function toText(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : Number.isFinite(value) ? String(value) : '1e999'
  if (Array.isArray(value)) return `[${Array.from(value as unknown[], toText).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  return `{${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)}:${toText(member)}`)
    .join(',')}}`
}

interface TextBend {
  readonly at: number
  readonly how: 'insert' | 'cut' | 'end' | 'repeat' | 'nest'
  readonly length: number
  readonly piece: string
}

const DEPTHS = [3, 60, 2000, 30_000]

function textBends(pieces: readonly string[], nests = 0): fc.Arbitrary<TextBend[]> {
  const bend = fc.record({
    at: fc.nat({ max: 400 }),
    how: fc.constantFrom('insert', 'insert', 'cut', 'end', 'repeat'),
    length: fc.nat({ max: 30 }),
    piece: fc.oneof(hostileText, fc.constantFrom(...pieces)),
  })
  const nest = fc.record({
    at: fc.nat({ max: 400 }),
    how: fc.constant('nest' as const),
    length: fc.nat({ max: DEPTHS.length - 1 }),
    piece: fc.constantFrom('[', '{"a":', '{"__proto__":'),
  })
  return fc.array(fc.oneof({ weight: 40, arbitrary: bend }, { weight: nests, arbitrary: nest }), { maxLength: 3 })
}

function bentText(seed: string, bends: readonly TextBend[]): string {
  let text = seed
  for (const { at, how, length, piece } of bends) {
    const from = at % (text.length + 1)
    const [before, after] = [text.slice(0, from), text.slice(from)]
    if (how === 'insert') text = before + piece + after
    else if (how === 'cut') text = before + after.slice(length)
    else if (how === 'end') text = before
    else if (how === 'repeat') text = before + after.slice(0, length).repeat(3) + after
    else text = before + nested(piece, DEPTHS[length] ?? 1, '1') + after
  }
  return text
}

/** As deep as asked, and closed again, so that it is valid JSON where a value may stand. */
function nested(open: string, depth: number, leaf: string): string {
  return open.repeat(depth) + leaf + (open === '[' ? ']' : '}').repeat(depth)
}

/** Text that was one of the seeds, cut, spliced, repeated. */
export function bentTexts(seeds: readonly string[], pieces: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 9, arbitrary: fc.tuple(fc.constantFrom(...seeds), textBends(pieces)).map((all) => bentText(...all)) },
    { weight: 1, arbitrary: hostileText },
  )
}

const JSON_PIECES = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '1e999',
  '-0',
  '"__proto__":{"x":1},',
  '\\ud800',
  '{}',
  '\ufeff',
]

/** JSON texts that were one of the seeds. `names`: members worth adding. */
export function bentJson(seeds: readonly unknown[], names: readonly string[]): fc.Arbitrary<string> {
  const bentValue = fc
    .tuple(fc.constantFrom(...seeds), valueBends(names, hostileAtom))
    .map((all) => toText(bent(...all)))
  const text = fc.tuple(bentValue, textBends(JSON_PIECES, 1)).map((all) => bentText(...all))
  return fc.oneof(
    { weight: 12, arbitrary: bentValue },
    { weight: 6, arbitrary: text },
    { weight: 1, arbitrary: fc.tuple(text, bentValue).map(([left, right]) => left + right) },
    { weight: 1, arbitrary: hostileText },
  )
}

/** Values that were one of the seeds, with what only a program can hand over. */
export function bentValues(seeds: readonly unknown[], names: readonly string[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    {
      weight: 12,
      arbitrary: fc.tuple(fc.constantFrom(...seeds), valueBends(names, liveAtom)).map((all) => bent(...all)),
    },
    { weight: 1, arbitrary: liveAtom },
  )
}

/** A text cut into pieces anywhere, as a network does; the pieces together are the text. */
export function cut(text: string, at: readonly number[]): string[] {
  const places = [...new Set(at.map((one) => one % (text.length + 1)))].sort((a, b) => a - b)
  return [0, ...places].map((from, index) => text.slice(from, places[index]))
}
