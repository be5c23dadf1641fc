/** Runs `failover-client doctor` as a process of its own, for its JSON. */
import { expect } from 'vitest'
import type { DoctorReport } from '../../src/cli/doctor/report'
import { runCli } from './cli'

export interface Diagnosis {
  readonly report: DoctorReport
  /** Findings by level: `fragile TLS_EXPIRED`. */
  readonly said: readonly string[]
  readonly tookMs: number
}

/** @throws when it said anything on standard error, took too long, or exits otherwise than it says. */
export async function diagnose(cli: string, args: readonly string[]): Promise<Diagnosis> {
  const { code, stdout, stderr, tookMs } = await runCli(cli, ['doctor', ...args, '--json'])
  expect(stderr).toBe('')
  const report = JSON.parse(stdout) as DoctorReport
  expect(report.exitCode).toBe(code)
  expect(tookMs).toBeLessThan(20_000)
  return { report, said: report.findings.map(({ level, code: name }) => `${level} ${name}`), tookMs }
}
