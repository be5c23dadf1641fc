/** What the whole demo came to, and whether that is good. */
import { faultsOf, type AuditCount } from './audit'
import type { StepReport } from './director'
import type { CommandFigures, RequestFigures, StageView } from './view'

export interface Summary {
  readonly isOk: boolean
  readonly steps: number
  readonly asExpected: number
  readonly moves: number
  readonly audit: AuditCount
  readonly commands: CommandFigures
  readonly requests: RequestFigures
  readonly executedTwice: number
  readonly tookMs: number
  readonly problems: readonly string[]
}

/** Sums up, when nothing is published any more. `wrongViews`: topics whose view is not the cluster's. */
export function sumUp(reports: readonly StepReport[], view: StageView, wrongViews: readonly string[]): Summary {
  const { audit, commands, requests, executedTwice } = view
  const problems = [
    ...reports.flatMap(({ id, problems }) => problems.map((problem) => `${id}: ${problem}`)),
    ...faultsOf(audit),
    ...wrongViews.map((topic) => `the wallboard's view of ${topic} is not the cluster's`),
    ...(executedTwice > 0 ? [`${executedTwice} commands were executed twice`] : []),
  ]
  return {
    isOk: problems.length === 0,
    steps: reports.length,
    asExpected: reports.filter((report) => report.problems.length === 0).length,
    moves: view.movesSeen,
    audit,
    commands,
    requests,
    executedTwice,
    tookMs: view.upMs,
    problems,
  }
}
