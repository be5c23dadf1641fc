/** A view of the demo's stage as it could be, for tests of what is made of it. */
import { NOTHING } from '../../src/cli/demo/audit'
import type { StepReport } from '../../src/cli/demo/director'
import type { ClientView, MoveRow, ServerView, StageView, ViewerName } from '../../src/cli/demo/view'

export function moveRow(client: ViewerName, change: Partial<MoveRow> = {}): MoveRow {
  return {
    client,
    kind: 'failover',
    from: 'srv1',
    to: 'srv2',
    reason: 'server-silent',
    timings: {
      detectMs: 1401.26,
      decideMs: 2,
      spreadMs: 3,
      connectMs: 9,
      restoreMs: 0,
      resumeMs: 7.04,
      totalMs: 1422.3,
    },
    ...change,
  }
}

export function stepReport(change: Partial<StepReport> = {}): StepReport {
  return {
    id: 'hang',
    title: 'srv1 hangs (SIGSTOP)',
    done: ['srv1 hangs (process 4711 stopped)'],
    moves: [moveRow('wallboard'), moveRow('desktop')],
    audit: { ...NOTHING, published: 80, delivered: 80 },
    silentMs: { wallboard: 1390.4, desktop: 1380 },
    tookMs: 2600,
    problems: [],
    ...change,
  }
}

function client(name: ViewerName): ClientView {
  return {
    name,
    state: 'connected',
    offlineReason: undefined,
    active: 'srv2',
    silentMs: 42,
    bars: [-1, -1, -1, 4, 5, 0, 6, 0, 0, 0, 0, 30, 5, 4, 4],
    audit: NOTHING,
  }
}

function server(name: string, change: Partial<ServerView> = {}): ServerView {
  return {
    name,
    url: `http://127.1.2.${name.slice(-1)}:40000`,
    pid: 4711,
    process: 'running',
    ucc: 'running',
    term: 1,
    draining: false,
    verdict: 'healthy',
    breaker: 'closed',
    clients: [],
    ...change,
  }
}

export function stageView(change: Partial<StageView> = {}): StageView {
  const now = 1_800_000_000_000
  return {
    now,
    upMs: 83_000,
    agents: new Map([
      ['Bram', { state: 'talking', since: now - 65_000, call: 1042 }],
      ['Aisha', { state: 'available', since: now - 3000 }],
    ]),
    queues: new Map([['Sales', { waiting: 4, longestMs: 12_000, answered: 17 }]]),
    desk: 'available',
    lines: [{ call: 1042, text: 'answered by Bram after 3.1 s' }],
    clients: [client('wallboard'), client('desktop')],
    servers: [
      server('srv1', { process: 'hung', verdict: 'unhealthy', breaker: 'open' }),
      server('srv2', { clients: ['wallboard', 'desktop'] }),
    ],
    moves: [moveRow('desktop'), moveRow('wallboard')],
    movesSeen: 2,
    commands: { done: 12, failed: 0, unknown: 0, slowestMs: 1400.6, lastError: undefined },
    requests: { done: 9, failed: 0, empty: 0, slowestMs: 12, server: 'srv2', lastError: undefined },
    executedTwice: 0,
    audit: { ...NOTHING, published: 80, delivered: 80 },
    ...change,
  }
}
