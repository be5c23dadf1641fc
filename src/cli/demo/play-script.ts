/** The fixed script from the first step to the verdict. */
import { EXIT } from '../exit-codes'
import { playStep, type StepReport } from './director'
import type { Reporter } from './reporters'
import { SCENARIO, type Step } from './scenario'
import type { Stage } from './stage'
import { sumUp } from './summary'

/** Time after each step in which the clients only work: what comes late comes in front of witnesses. */
const LINGER_MS = 800
const WARM_UP_MS = 1500
const SETTLE_WITHIN_MS = 5000

/** Plays it; resolves with the exit code. */
export async function playScript(
  stage: Stage,
  reporter: Reporter,
  signal: AbortSignal,
  script: readonly Step[] = SCENARIO,
): Promise<number> {
  reporter.start(stage.view())
  stage.onMove((move) => reporter.move(move))
  await stage.flow(WARM_UP_MS, signal)
  const reports: StepReport[] = []
  for (const [index, step] of script.entries()) {
    reporter.step(step, index + 1, script.length)
    const report = await playStep(stage, step, LINGER_MS, signal)
    if (report === undefined) return EXIT.failed
    reports.push(report)
    reporter.report(report)
  }
  await stage.settle(SETTLE_WITHIN_MS, signal)
  if (signal.aborted) return EXIT.failed
  const summary = sumUp(reports, stage.view(), stage.wrongViews())
  reporter.summary(reports, summary)
  return summary.isOk ? EXIT.ok : EXIT.failed
}
