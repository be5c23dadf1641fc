/** The script of the demo, as data: what is done, what a client must make of it, and a sentence for who watches. */
import type { ClientState, MoveKind, MoveReason } from '../../index'

/** What can be done to the stage. `active`: the server the clients use at that moment. */
export type Deed =
  'kill' | 'hang' | 'stop-ucc' | 'drain' | 'switchover' | 'failback' | 'repair' | 'stop-standby' | 'promote-standby'

export interface Step {
  readonly id: string
  readonly title: string
  readonly sentence: string
  /** In order; a number is a pause in milliseconds. */
  readonly deeds: readonly (Deed | number)[]
  readonly expect: Expectation
}

/** How a step must end, for both clients. */
export interface Expectation {
  readonly kind: MoveKind
  /** One of these. */
  readonly reasons: readonly MoveReason[]
  /** Server they end on. */
  readonly to: string
  readonly withinMs: number
  /** A state each must have been in on the way. */
  readonly via?: ClientState
}

/** A broken road shows itself in two ways: its connection is cut, or its address refuses. */
const CUT: readonly MoveReason[] = ['connection-lost', 'endpoint-down']

const FAILOVER_WITHIN_MS = 8000
const BACK_WITHIN_MS = 12_000

function repaired(id: string, title: string, sentence: string): Step {
  const expect = { kind: 'failback', reasons: ['rank'], to: 'srv1', withinMs: BACK_WITHIN_MS } as const
  return { id, title, sentence, deeds: ['repair'], expect }
}

/** The steps, in order. Each begins where the one before it ended. */
export const SCENARIO: readonly Step[] = [
  {
    id: 'kill',
    title: 'srv1 is killed (SIGKILL)',
    sentence: 'Its kernel closes every connection: the clients know at once and go on at srv2 from where they were.',
    deeds: ['kill'],
    expect: { kind: 'failover', reasons: CUT, to: 'srv2', withinMs: FAILOVER_WITHIN_MS },
  },
  repaired('repair-kill', 'srv1 is started again', 'It must show itself ready for a while; then back, without a gap.'),
  {
    id: 'hang',
    title: 'srv1 hangs (SIGSTOP)',
    sentence: 'Its sockets stay open and nothing is refused: only a missing heartbeat, ping and probe can tell.',
    deeds: ['hang'],
    expect: { kind: 'failover', reasons: ['server-silent'], to: 'srv2', withinMs: FAILOVER_WITHIN_MS },
  },
  repaired('repair-hang', 'srv1 goes on (SIGCONT)', 'What it still says on the old connections interests nobody.'),
  {
    id: 'stop-ucc',
    title: 'Only the UCC on srv1 stops',
    sentence: 'The trap: sockets open, HTTP 200, and no data. What counts is the state of the UCC, not the connection.',
    deeds: ['stop-ucc'],
    expect: { kind: 'failover', reasons: ['ucc-stopped'], to: 'srv2', withinMs: FAILOVER_WITHIN_MS },
  },
  repaired('repair-ucc', 'The UCC on srv1 is started again', 'The server never went away; its readiness counts again.'),
  {
    id: 'drain',
    title: 'srv1 is drained for maintenance',
    sentence: 'Make-before-break: the new side is live before the old one is left.',
    deeds: ['drain'],
    expect: { kind: 'switchover', reasons: ['drain'], to: 'srv2', withinMs: FAILOVER_WITHIN_MS },
  },
  repaired('repair-drain', 'The maintenance of srv1 is over', 'Back to the better rank, after the hold-down.'),
  {
    id: 'switchover',
    title: 'An administrator moves the clients to srv2',
    sentence: 'client.switchover({ to: "srv2", hold: true }): nothing is broken, nothing may be lost.',
    deeds: ['switchover'],
    expect: { kind: 'switchover', reasons: ['switchover'], to: 'srv2', withinMs: FAILOVER_WITHIN_MS },
  },
  {
    id: 'failback',
    title: 'An administrator moves them back',
    sentence: 'client.failback(): now, without waiting for the hold-down.',
    deeds: ['failback'],
    expect: { kind: 'failback', reasons: ['switchover'], to: 'srv1', withinMs: FAILOVER_WITHIN_MS },
  },
  {
    id: 'cold-standby',
    title: 'srv1 is killed while srv2 is not active yet',
    sentence: 'srv2 answers but does not run the UCC: it is waited for, not used, until it is promoted 1.5 s later.',
    deeds: ['stop-standby', 500, 'kill', 1500, 'promote-standby'],
    expect: { kind: 'failover', reasons: CUT, to: 'srv2', withinMs: FAILOVER_WITHIN_MS, via: 'offline' },
  },
  repaired('repair-all', 'srv1 is started again', 'Everything is as it was at the beginning.'),
]
