/** `failover-client doctor`: looks, judges, tells. */
import { gather } from './gather/gather'
import type { DoctorArguments } from './arguments'
import { renderReport } from './render'
import { reportOf } from './report'

/** Runs the doctor; resolves with the exit code when everything is written. */
export async function runDoctor({ question, json }: DoctorArguments): Promise<number> {
  const report = reportOf(await gather(question))
  const { stdout } = process
  const hasColours = stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb'
  const text = json ? `${JSON.stringify(report, undefined, 2)}\n` : renderReport(report, hasColours)
  await new Promise((resolve) => stdout.write(text, resolve))
  return report.exitCode
}
