/** Who tells what happens: in plain lines, or in JSON. */
import type { StepReport } from './director'
import { closingLines, openingLines, reportLines, stepLines } from './lines'
import { moveRecord, reportRecord, startRecord, stepRecord, summaryRecord } from './records'
import type { Step } from './scenario'
import type { Summary } from './summary'
import type { MoveRow, StageView } from './view'

/** Told of everything, in order. */
export interface Reporter {
  start(view: StageView): void
  step(step: Step, number: number, of: number): void
  move(move: MoveRow): void
  report(report: StepReport): void
  summary(reports: readonly StepReport[], summary: Summary): void
}

/** Where it is written. */
export interface Output {
  write(text: string): unknown
}

/** For people who read a log. */
export function plainReporter(output: Output): Reporter {
  const say = (lines: readonly string[]): void => {
    output.write(lines.map((line) => `${line}\n`).join(''))
  }
  return {
    start: (view) => say(openingLines(view)),
    step: (step, number, of) => say(stepLines(step, number, of)),
    // Told with the report of its step.
    move: () => undefined,
    report: (report) => say(reportLines(report)),
    summary: (reports, summary) => say(closingLines(reports, summary)),
  }
}

/** For machines. */
export function jsonReporter(output: Output): Reporter {
  const say = (record: object): void => {
    output.write(`${JSON.stringify(record)}\n`)
  }
  return {
    start: (view) => say(startRecord(view)),
    step: (step, number, of) => say(stepRecord(step, number, of)),
    move: (move) => say(moveRecord(move)),
    report: (report) => say(reportRecord(report)),
    summary: (_reports, summary) => say(summaryRecord(summary)),
  }
}
