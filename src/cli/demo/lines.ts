/** The demo as plain lines, for a pipe or a log: pure, without any escape sequence. */
import type { MoveTimings } from '../../index'
import { DEMO_TUNING } from './desk'
import type { StepReport } from './director'
import type { Step } from './scenario'
import type { Summary } from './summary'
import type { MoveRow, StageView } from './view'
import { EVENTS_PER_SECOND, UCC } from './deeds'

const INDENT = '        '

/** What is about to be seen. */
export function openingLines({ servers }: StageView): readonly string[] {
  const { failback, health } = DEMO_TUNING
  const backMs = failback.holdDownMs / 1000
  const askMs = health.standbyIntervalMs / 1000
  return [
    'failover-client demo: two real servers, a wallboard and an agent desktop. Watch what a failure does to them.',
    '',
    ...servers.map(({ name, url, pid }) => `  ${name}  ${url}  process ${pid}`),
    '',
    '  The addresses are loopback addresses of this machine: no names, no DNS. Both servers run the UCC',
    `  ${UCC} and share one log; srv1 has the better rank. ${EVENTS_PER_SECOND} events a second are published whatever`,
    '  happens, and each is looked for at the clients. The desktop also sends commands and GET requests.',
    '',
    '  The clients have the defaults of the library, but for the patience of the audience: failback after',
    `  ${backMs} s of readiness (default 60 s and more), the standby is asked every ${askMs} s (default 15 s).`,
    '  decide: waiting until a server runs the UCC, and the spread draw. A planned move detects nothing.',
    '',
  ]
}

/** Before a step. */
export function stepLines(step: Step, number: number, of: number): readonly string[] {
  const place = `[${String(number).padStart(String(of).length)}/${of}]`
  return [`${place} ${step.title}`, `${INDENT}${step.sentence}`]
}

/** After a step: how each client moved, and what became of the events. */
export function reportLines(report: StepReport): readonly string[] {
  const { moves, audit, silentMs, problems } = report
  return [
    ...moves.map((move) => `${INDENT}${moveLine(move)}`),
    `${INDENT}events published ${audit.published}, lost ${audit.lost + audit.behind}, duplicated ${audit.duplicated}` +
      `; longest silence: wallboard ${ms(silentMs.wallboard)}, desktop ${ms(silentMs.desktop)}`,
    ...problems.map((problem) => `${INDENT}NOT AS EXPECTED: ${problem}`),
    '',
  ]
}

/** One move: from, to, reason, and where its time went. */
export function moveLine({ client, kind, from, to, reason, timings }: MoveRow): string {
  const { detectMs, connectMs, resumeMs, totalMs } = timings
  const parts = { detect: detectMs, decide: decideOf(timings), connect: connectMs, resume: resumeMs, total: totalMs }
  const told = Object.entries(parts).map(([name, value]) => `${name} ${ms(value)}`)
  return `${client.padEnd(9)}  ${kind.padEnd(10)}  ${from} -> ${to}  ${reason.padEnd(15)}  ${told.join(', ')}`
}

/** What is neither detecting, connecting nor resuming: deciding, the spread draw, the restore hook. */
export function decideOf({ decideMs, spreadMs, restoreMs }: MoveTimings): number {
  return decideMs + spreadMs + restoreMs
}

/** The closing table and the verdict. */
export function closingLines(reports: readonly StepReport[], summary: Summary): readonly string[] {
  return [...(reports.length === 0 ? [] : [...table(reports), '']), ...verdictLines(summary)]
}

const COLUMNS = [
  'step',
  'client',
  'move',
  'from',
  'to',
  'reason',
  'detect ms',
  'decide ms',
  'connect ms',
  'resume ms',
  'total ms',
  'lost',
  'duplicated',
] as const

/** Columns of numbers lean to the right. */
const FIRST_NUMBER = COLUMNS.indexOf('detect ms')

function table(reports: readonly StepReport[]): readonly string[] {
  const rows = reports.flatMap(({ id, moves, audit }) =>
    moves.map(({ client, kind, from, to, reason, timings }) => [
      id,
      client,
      kind,
      from,
      to,
      reason,
      ...msOf(timings),
      String(audit.lost + audit.behind),
      String(audit.duplicated),
    ]),
  )
  const widths = COLUMNS.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) =>
        index < FIRST_NUMBER ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [line(COLUMNS), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)]
}

function msOf(timings: MoveTimings): readonly string[] {
  const { detectMs, connectMs, resumeMs, totalMs } = timings
  return [detectMs, decideOf(timings), connectMs, resumeMs, totalMs].map((value) => value.toFixed(0))
}

function verdictLines(summary: Summary): readonly string[] {
  const { audit, commands, requests, executedTwice, problems, steps, asExpected, moves, tookMs } = summary
  const others = [
    ...(audit.merged > 0 ? [`${audit.merged} intermediate values replaced by a snapshot`] : []),
    ...(requests.empty > 0 ? [`${requests.empty} answered empty by a server whose UCC had just stopped`] : []),
  ]
  return [
    `events    published ${audit.published}, delivered ${audit.delivered}, lost ${audit.lost + audit.behind}, ` +
      `duplicated ${audit.duplicated}, out of order ${audit.unordered}`,
    `commands  ${commands.done} done, ${commands.failed} failed, ${commands.unknown} with unknown outcome, ` +
      `${executedTwice} executed twice, slowest ${ms(commands.slowestMs)}`,
    `requests  ${requests.done} answered, ${requests.failed} failed, slowest ${ms(requests.slowestMs)}`,
    ...others.map((other) => `          ${other}`),
    `steps     ${asExpected} of ${steps} as expected, ${moves} moves, ${(tookMs / 1000).toFixed(0)} s`,
    ...problems.map((problem) => `PROBLEM   ${problem}`),
    summary.isOk ? 'OK: nothing lost, nothing duplicated.' : 'FAILED: see above.',
  ]
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`
}
