/**
 * The one runner of all conformance cases. Plain functions without Node: the same cases run in a browser.
 */
import { CaseError, inFile, type Fields } from './fields'
import type { ConformanceCase, Input, Phase } from './format'
import type { MachineKind, Subject } from './machine'
import { MACHINES } from './machines'
import { differences } from './match'

/** Runs a case. Returns what was not as expected, in words; empty: it holds. @throws CaseError for a senseless one */
export function runCase(one: ConformanceCase): readonly string[] {
  return inFile(one.file, () => playCase(one))
}

function playCase(one: ConformanceCase): readonly string[] {
  const kind: MachineKind = MACHINES[one.machine]
  const subject = kind.create(one.config)
  one.config.done()
  const waiting: Input[] = []
  const problems: string[] = []
  for (const [n, phase] of one.phases.entries()) {
    waiting.push(...phase.inputs)
    play(kind, subject, waiting, phase.at)
    problems.push(...compare(kind, `phases[${n}] (at ${phase.at})`, phase, subject.observe()))
  }
  const [late] = waiting
  if (late !== undefined) {
    const times = waiting.map(({ at }) => at)
    const problem = `${waiting.length} inputs come after the last phase; it must not be before ${Math.max(...times)}`
    throw new CaseError(late.row.path, problem)
  }
  return problems
}

/** Gives all inputs up to this instant, each at its own time, and lets the rest of the time pass. */
function play(kind: MachineKind, subject: Subject, waiting: Input[], until: number): void {
  waiting.sort((a, b) => a.at - b.at)
  for (;;) {
    const next = waiting[0]
    if (next === undefined || next.at > until) break
    waiting.shift()
    subject.advance(next.at)
    if (!kind.inputs.includes(next.word)) {
      throw new CaseError(next.row.path, `no input is called ${next.word}; there are ${kind.inputs.join(', ')}`)
    }
    subject.take(next.word, next.row)
  }
  subject.advance(until)
}

function compare(
  kind: MachineKind,
  where: string,
  { expect }: Phase,
  seen: Readonly<Record<string, unknown>>,
): readonly string[] {
  rejectUnknown(kind, expect)
  return Object.entries(kind.expects).flatMap(([word, otherwise]) => {
    const expected = expect.has(word) ? expect.raw(word) : otherwise
    return expected === undefined ? [] : differences(`${where} ${word}`, expected, seen[word])
  })
}

function rejectUnknown(kind: MachineKind, expect: Fields): void {
  for (const word of Object.keys(expect.value)) {
    if (word in kind.expects) continue
    throw new CaseError(`${expect.path}.${word}`, `unknown; there are ${Object.keys(kind.expects).join(', ')}`)
  }
}
