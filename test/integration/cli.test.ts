import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildCli, isAlive, removeCli, runCli, type CliRun } from '../support/cli'
import { reportTimes } from '../support/harness'

// The command as a process of its own, without a terminal.

interface Line {
  readonly type: string
  readonly [member: string]: unknown
}

/** The steps of the script, as it tells machines. */
const STEPS = [
  ...['kill', 'repair-kill', 'hang', 'repair-hang', 'stop-ucc', 'repair-ucc'],
  ...['drain', 'repair-drain', 'switchover', 'failback', 'cold-standby', 'repair-all'],
]

let cli = ''
const pids = new Set<number>()

beforeAll(async () => {
  cli = await buildCli()
})

afterAll(() => {
  removeCli()
  expect([...pids].filter(isAlive)).toEqual([])
})

function recordsOf({ stdout }: CliRun): Line[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

function note(line: string): void {
  const found = /process (\d+)/.exec(line) ?? /"pid":(\d+)/.exec(line)
  if (found !== null) pids.add(Number(found[1]))
}

describe('failover-client demo', () => {
  let plain: CliRun
  let json: CliRun

  // Side by side: each takes half a minute.
  beforeAll(async () => {
    const runs = [runCli(cli, ['demo'], note), runCli(cli, ['demo', '--json'], note)] as const
    ;[plain, json] = await Promise.all(runs)
    reportTimes('the whole demo', [plain.tookMs, json.tookMs])
  }, 120_000)

  it('plays the script as plain lines and exits 0', () => {
    expect(plain).toMatchObject({ code: 0, stderr: '' })
    expect(plain.tookMs).toBeLessThan(60_000)
    const { stdout } = plain
    expect(stdout).not.toContain('\x1b')
    for (const { title } of recordsOf(json).filter(({ type }) => type === 'step'))
      expect(stdout).toContain(title as string)
    expect(stdout.match(/detect \d+ ms, decide \d+ ms, connect \d+ ms, resume \d+ ms/g)).toHaveLength(24)
    expect(stdout.match(/events published \d+, lost 0, duplicated 0/g)).toHaveLength(12)
    expect(stdout).toMatch(/^steps +12 of 12 as expected, 24 moves/m)
    expect(stdout.trimEnd()).toMatch(/OK: nothing lost, nothing duplicated\.$/)
  })

  it('tells machines the same: one JSON object a line', () => {
    expect(json).toMatchObject({ code: 0, stderr: '' })
    const records = recordsOf(json)
    const of = (type: string): Line[] => records.filter((one) => one.type === type)
    expect(records[0]).toMatchObject({ type: 'start', ucc: 'helpdesk' })
    expect(of('step').map(({ id }) => id)).toEqual(STEPS)
    expect(of('report').map(({ id, ok, problems }) => ({ id, ok, problems }))).toEqual(
      STEPS.map((id) => ({ id, ok: true, problems: [] })),
    )
    expect(of('move')).toHaveLength(2 * STEPS.length)
    expect(records.at(-1)).toMatchObject({
      type: 'summary',
      ok: true,
      asExpected: STEPS.length,
      events: { lost: 0, duplicated: 0, unordered: 0, foreign: 0, gaps: 0 },
      commands: { failed: 0, unknown: 0, executedTwice: 0 },
    })
  })

  it('publishes at its pace and loses nothing: every event is accounted for', () => {
    const { events } = recordsOf(json).at(-1) as unknown as { events: { published: number; delivered: number } }
    expect(events.delivered).toBe(events.published)
    expect(events.published).toBeGreaterThan(250)
  })

  it('reports moves whose parts add up', () => {
    for (const move of recordsOf(json).filter(({ type }) => type === 'move')) {
      const { totalMs, ...parts } = move['timings'] as Record<string, number>
      const sum = Object.values(parts).reduce((all, part) => all + part, 0)
      expect(Math.abs(sum - (totalMs ?? NaN))).toBeLessThan(1)
    }
  })
})

describe('arguments', () => {
  it.each([
    [['--help'], 0, /Exit codes/, /^$/],
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/, /^$/],
    [[], 2, /^$/, /^failover-client: no command given .*\n$/],
    [['dance'], 2, /^$/, /^failover-client: unknown command 'dance' .*\n$/],
    [['demo', '--loud'], 2, /^$/, /^failover-client: unknown option '--loud' .*\n$/],
  ])('%j', async (args, code, stdout, stderr) => {
    const run = await runCli(cli, args)
    expect(run.code).toBe(code)
    expect(run.stdout).toMatch(stdout)
    expect(run.stderr).toMatch(stderr)
  })
})

describe('interrupted', () => {
  it.each([
    ['SIGTERM', 143, 'start'],
    // While a server hangs: it cannot notice by itself that its parent is gone.
    ['SIGINT', 130, 'hang'],
  ] as const)('%s: exit code %i, and nothing is left', async (signal, code, when) => {
    const own = new Set<number>()
    const run = await runCli(cli, ['demo', '--json'], (line, kill) => {
      for (const [, pid] of line.matchAll(/"pid":(\d+)|\(process (\d+)\)/g)) if (pid !== undefined) own.add(Number(pid))
      const { type, client, reason } = JSON.parse(line) as Line
      const isNow = when === 'start' ? type === 'start' : client === 'desktop' && reason === 'server-silent'
      if (isNow) kill(signal)
    })
    expect(run.code).toBe(code)
    expect(run.stderr).toBe('interrupted; nothing is left running\n')
    expect(own.size).toBeGreaterThanOrEqual(2)
    expect([...own].filter(isAlive)).toEqual([])
  })
})
