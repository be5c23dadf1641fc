/**
 * The format of a conformance case: one JSON file, one rule, decided by the core alone.
 *
 *     {
 *       "$schema": "../schema.json",
 *       "name": "a stopped UCC moves its clients and condemns nobody",
 *       "group": "failover",
 *       "source": ["ARCHITECTURE.md, Judge"],
 *       "faults": [5],
 *       "machine": "pool",
 *       "config": { "servers": ["srv1", "srv2"] },
 *       "phases": [
 *         { "at": 0, "inputs": [{ "open": "anna" }] },
 *         { "at": 1000, "inputs": [{ "push": { "client": "anna", "state": "stopped" } }],
 *           "expect": { "moves": [{ "client": "anna", "kind": "failover", "to": "srv2" }] } }
 *       ]
 *     }
 *
 * Time: `at` is milliseconds since the start of the case. Time first passes up to it, with everything that falls due;
 * then the phase's inputs are given, in order; then `expect` is compared. A phase without inputs says what must have
 * happened by then.
 *
 * An input is one word of the machine with what it is about. `after` delays it behind its phase; `every` and `times`
 * repeat it: `{ "crash": "srv1", "after": 500, "every": 20000, "times": 45 }`.
 *
 * `expect` maps words of the machine to values. A word is either what is so *now* (`"at": { "anna": "srv2" }`) or what
 * has *happened since the last phase* (`"moves": [...]`); some of the latter are strict, and must not have happened
 * where a phase does not say so. `match.ts` says when a value is as expected.
 */
import { CaseError, Fields, inFile } from './fields'
import { MACHINES, type MachineName } from './machines'

export const GROUPS = [
  'resolve',
  'verdict',
  'breaker',
  'failover',
  'failback',
  'drain',
  'term',
  'stream',
  'command',
  'retry',
  'budget',
  'spread',
  'page',
] as const

export type Group = (typeof GROUPS)[number]

export interface ConformanceCase {
  /** As it was given: `failover/killed-server.json`. */
  readonly file: string
  /** The rule in one sentence. */
  readonly name: string
  readonly group: Group
  /** Where the rule comes from: a section of our documents, an RFC, somebody's published specification. */
  readonly source: readonly string[]
  /** Rows of docs/fault-matrix.md that it decides. */
  readonly faults: readonly number[]
  readonly machine: MachineName
  readonly config: Fields
  readonly phases: readonly Phase[]
}

export interface Phase {
  readonly at: number
  readonly inputs: readonly Input[]
  readonly expect: Fields
}

export interface Input {
  readonly at: number
  readonly word: string
  /** The row it stands in; the word's own value is `row.raw(word)`. */
  readonly row: Fields
}

/** @throws CaseError naming file and field */
export function parseCase(file: string, json: unknown): ConformanceCase {
  return inFile(file, () => read(file, Fields.of('', json)))
}

function read(file: string, fields: Fields): ConformanceCase {
  fields.raw('$schema')
  const parsed = {
    file,
    name: fields.string('name'),
    group: fields.oneOf('group', GROUPS),
    source: fields.strings('source'),
    faults: fields.numbers('faults', []),
    machine: fields.oneOf('machine', Object.keys(MACHINES) as MachineName[]),
    config: fields.object('config'),
  }
  const phases = fields.objects('phases').map(phase)
  fields.done()
  if (parsed.source.length === 0) throw new CaseError('source', 'a case cites at least one source')
  if (phases.every(({ expect }) => Object.keys(expect.value).length === 0)) {
    throw new CaseError('phases', 'nothing is expected, so the case cannot fail')
  }
  for (const [n, { at }] of phases.entries()) {
    if (at < (phases[n - 1]?.at ?? 0)) throw new CaseError(`phases[${n}].at`, 'phases come in order of time')
  }
  return { ...parsed, phases }
}

function phase(fields: Fields): Phase {
  const at = fields.number('at')
  const inputs = fields.objects('inputs').flatMap((row) => repeated(at, row))
  const expect = fields.object('expect')
  fields.done()
  return { at, inputs, expect }
}

const MODIFIERS: ReadonlySet<string> = new Set(['after', 'every', 'times'])

function repeated(phaseAt: number, row: Fields): Input[] {
  const words = Object.keys(row.value).filter((name) => !MODIFIERS.has(name))
  const [word] = words
  if (word === undefined || words.length > 1)
    throw new CaseError(row.path, `one word expected, not ${words.join(', ')}`)
  const at = phaseAt + row.number('after', 0)
  const times = row.number('times', 1)
  const every = times > 1 ? row.number('every') : 0
  row.raw(word)
  row.done()
  return Array.from({ length: times }, (_unused, n) => ({ at: at + n * every, word, row }))
}
