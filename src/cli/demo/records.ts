/** The demo for machines: one JSON object a line, `type` first. Times are milliseconds, rounded to tenths. */
import type { AuditCount } from './audit'
import type { StepReport } from './director'
import type { Step } from './scenario'
import type { Summary } from './summary'
import type { MoveRow, StageView } from './view'
import { DEMO_TUNING } from './desk'
import { EVENTS_PER_SECOND, UCC } from './deeds'

export function startRecord({ servers }: StageView): object {
  return {
    type: 'start',
    ucc: UCC,
    servers: servers.map(({ name, url, pid }) => ({ name, url, pid })),
    eventsPerSecond: EVENTS_PER_SECOND,
    tuning: DEMO_TUNING,
  }
}

export function stepRecord(step: Step, number: number, of: number): object {
  const { id, title, sentence, expect } = step
  return { type: 'step', id, number, of, title, sentence, expect }
}

export function moveRecord(move: MoveRow): object {
  return { type: 'move', ...rounded(move) }
}

export function reportRecord(report: StepReport): object {
  const { id, done, moves, audit, silentMs, tookMs, problems } = report
  return {
    type: 'report',
    id,
    ok: problems.length === 0,
    done,
    moves: moves.map(rounded),
    events: events(audit),
    silentMs: tenths(silentMs),
    tookMs: tenth(tookMs),
    problems,
  }
}

export function summaryRecord(summary: Summary): object {
  const { isOk, steps, asExpected, moves, audit, commands, requests, executedTwice, tookMs, problems } = summary
  return {
    type: 'summary',
    ok: isOk,
    steps,
    asExpected,
    moves,
    events: events(audit),
    commands: { ...commands, slowestMs: tenth(commands.slowestMs), executedTwice },
    requests: { ...requests, slowestMs: tenth(requests.slowestMs) },
    tookMs: tenth(tookMs),
    problems,
  }
}

/** What is still missing when the demo looks is lost, whatever the reason. */
function events({ behind, lost, ...rest }: AuditCount): object {
  return { ...rest, lost: lost + behind }
}

function rounded(move: MoveRow): object {
  return { ...move, timings: tenths(move.timings) }
}

function tenths<T extends object>(values: T): object {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tenth(value as number)]))
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10
}
