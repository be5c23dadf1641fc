// @ts-check
// What became of a seed, and the file that remembers it: one line of JSON a seed, so that a long run can be resumed.
import { appendFileSync, createReadStream, existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/**
 * @typedef {object} Outcome
 * @property {'outcome'} is
 * @property {number} seed
 * @property {string[]} violations `invariant: facts`; empty when all is well
 * @property {string} hash of everything that was seen
 * @property {number} lastedMs virtual time
 * @property {number} convergedMs virtual time from the healing until everybody was where they belong
 * @property {Record<string, number>} moves reported, by kind
 * @property {number} tookMs real time
 */

/** Adds them up, and keeps no more of them than the failures. */
export class Tally {
  seeds = 0
  lastedMs = 0
  slowestMs = 0
  /** @type {Record<string, number>} */
  moves = {}
  /** @type {{ seed: number, violations: string[] }[]} */
  failures = []

  /** @param {Outcome} outcome */
  add({ seed, violations, lastedMs, convergedMs, moves }) {
    this.seeds += 1
    this.lastedMs += lastedMs
    this.slowestMs = Math.max(this.slowestMs, convergedMs)
    for (const [kind, count] of Object.entries(moves)) this.moves[kind] = (this.moves[kind] ?? 0) + count
    if (violations.length > 0) this.failures.push({ seed, violations })
  }

  /** How often each invariant was violated, and by which seeds first. @returns {Map<string, number[]>} */
  byInvariant() {
    /** @type {Map<string, number[]>} */
    const seeds = new Map()
    for (const { seed, violations } of this.failures) {
      for (const violation of violations) {
        const name = violation.slice(0, violation.indexOf(':'))
        seeds.set(name, [...(seeds.get(name) ?? []), seed])
      }
    }
    return seeds
  }
}

/**
 * Reads what an earlier run has written.
 * @param {string | undefined} file
 * @param {(outcome: Outcome) => void} take
 */
export async function readOutcomes(file, take) {
  if (file === undefined || !existsSync(file)) return
  for await (const line of createInterface({ input: createReadStream(file) })) {
    // The last line of a run that was killed may be half a line.
    if (!line.endsWith('}')) continue
    const entry = JSON.parse(line)
    if (entry.is === 'outcome') take(entry)
  }
}

/**
 * Writes down which program the outcomes are of. Outcomes of two programs are no run of either.
 * @param {string | undefined} file
 * @param {string} program
 * @throws Error when the file has outcomes of another one
 */
export function beginOutcomes(file, program) {
  if (file === undefined) return
  const [first = ''] = existsSync(file) ? readFileSync(file, 'utf8').split('\n', 1) : []
  if (first === '') return appendFileSync(file, `${JSON.stringify({ is: 'program', program })}\n`)
  const before = JSON.parse(first)
  if (before.program === program) return
  const whose = before.is === 'program' ? `program ${before.program}` : 'an unnamed program'
  throw new Error(`${file} holds outcomes of ${whose}, this is ${program}: give another --out`)
}

/** @param {string | undefined} file @param {Outcome} outcome */
export function writeOutcome(file, outcome) {
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(outcome)}\n`)
}
