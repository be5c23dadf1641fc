/**
 * A plan is one run, whole: what there is, what its clients are asked to do, and what goes wrong. Plain JSON. A seed
 * draws one (`draw-plan.ts`), shrinking takes parts of it away, and a regression keeps one: seeds change their meaning
 * when the drawing changes, plans do not.
 */
import type { Priority } from '../../client/option-types'
import type { CommandSafety } from '../../core/command-protocol'
import type { DurationMs } from '../../core/time'
import type { Latency } from '../network-types'

/** One run, as it is drawn. */
export interface SwarmPlan {
  /** Of the world's own randomness: latencies, losses, the clients' draws. */
  readonly seed: number
  /** Servers, and what they share. */
  readonly topology: TopologyPlan
  /** What is between servers and clients. */
  readonly network: NetworkPlan
  /** The clients, by index. */
  readonly clients: readonly ClientPlan[]
  /** What is asked of clients and servers, by time. */
  readonly deeds: readonly Deed[]
  /** What goes wrong, by time. */
  readonly faults: readonly Fault[]
  /** End of phase one: everything is healed. */
  readonly healAtMs: DurationMs
  /** This one stays broken after the healing. */
  readonly leftBehind?: LeftBehind
  /** For so long nothing happens once everybody is back, and nobody may go anywhere. Older regressions have none. */
  readonly calmMs?: DurationMs
}

export interface TopologyPlan {
  /** How many servers; the first one runs the UCCs at the start. */
  readonly servers: number
  /** The first server has a second road, as behind a load balancer. */
  readonly hasSecondRoad: boolean
  readonly uccs: readonly string[]
  /** `shared`: one sequence space on all servers; `split`: the same content, each server its own. */
  readonly log: 'shared' | 'split'
  /** State of the UCCs on the other servers at the start. */
  readonly standby: 'running' | 'stopped'
  /** Servers announce terms. */
  readonly hasTerms: boolean
  /** Memory of executed commands: one for all, one each, or none. */
  readonly keys: 'shared' | 'own' | 'none'
  /** Between the effect of a command or request and its answer. */
  readonly answerAfterMs: DurationMs
  /** Servers ask for a token. */
  readonly hasTokens: boolean
  /** Upgrades are stripped on the way to this server: its clients fall back to event streams. */
  readonly withoutSockets: readonly number[]
  /** Announced by the servers; nothing: the client's own default. */
  readonly spreadMs: DurationMs | undefined
  /** Clients follow the dedicated hostname, a CNAME to one server. */
  readonly hasDesignation: boolean
}

export interface NetworkPlan {
  /** One way, of each packet. Seeds draw a distribution; plans of older regressions have a constant. */
  readonly latencyMs: Latency
  /** Of packets; a retransmission makes a frame late, a probe may be lost whole. */
  readonly loss: number
}

export interface ClientPlan {
  readonly device: 'node' | 'page'
  readonly ucc: string
  /** How many of the roads are configured, the best ranked first; other servers are learned as peers. */
  readonly endpoints: number
  readonly priority: Priority
  readonly standby: 'cold' | 'warm'
  readonly restores: boolean
  readonly asksCanMove: boolean
  readonly failback: 'automatic' | 'manual'
  readonly holdDownMs: DurationMs
  readonly heartbeatMs: DurationMs
  readonly sharedKeys: boolean
}

/** A server that nobody puts right: those that are left have to do. */
export interface LeftBehind {
  readonly server: number
  readonly how: 'killed' | 'hung' | 'stopped' | 'partitioned'
}

/** Something that a client or the contact centre does. */
export type Deed = { readonly at: DurationMs } & (
  | { readonly do: 'subscribe'; readonly client: number; readonly topic: TopicName }
  | { readonly do: 'unsubscribe'; readonly client: number; readonly topic: TopicName }
  | {
      readonly do: 'command'
      readonly client: number
      readonly safety: CommandSafety
      readonly deadlineMs: DurationMs
    }
  | { readonly do: 'get'; readonly client: number }
  | { readonly do: 'post'; readonly client: number; readonly hasKey: boolean }
  | { readonly do: 'switchover'; readonly client: number; readonly hold: boolean }
  | { readonly do: 'failback'; readonly client: number }
  /** The application is done with this client, whatever is under way. */
  | { readonly do: 'close'; readonly client: number }
  | { readonly do: 'publish'; readonly topic: TopicName; readonly times: number; readonly everyMs: DurationMs }
  | { readonly do: 'rotate-token' }
)

/** Topics of a UCC: `state` and `log` are the kinds. */
export type TopicName = 'agents' | 'log' | 'queues'

export interface Fault {
  readonly at: DurationMs
  readonly fault: string
  /** Index of a server, or of a client for what happens to clients. */
  readonly target: number
  readonly forMs: DurationMs
}
