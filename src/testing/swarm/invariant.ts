/**
 * What an invariant is: a name, one sentence, and a reader of the story. It sees each sighting of the kinds it asks
 * for, in order, and says what was violated, with the facts that show it.
 */
import type { FailoverClient } from '../../client/failover-client-types'
import type { ClientPlan, SwarmPlan } from './plan'
import type { SightingKind, SightingOf } from './sighting'
import type { Alive } from './watched-platform'

export interface Invariant {
  readonly name: string
  /** What always holds, in one sentence. */
  readonly statement: string
  /** Begins to read the story of one run. */
  readonly watch: (run: RunView, violated: Violated) => Reader
}

export type Reader = { readonly [Kind in SightingKind]?: (sighting: SightingOf<Kind>) => void }

/** Facts: short, for people. The first violation of a run counts. */
export type Violated = (facts: string) => void

/** What the invariants may ask of the run beside the story. */
export interface RunView {
  readonly plan: SwarmPlan
  readonly clients: readonly ClientView[]
  readonly truth: Truth
}

export interface ClientView {
  readonly plan: ClientPlan
  readonly client: FailoverClient
  readonly alive: Readonly<Alive>
  /** Its `close()` was called. */
  readonly isClosed: boolean
  /** What the device below the watched platform still holds for it: a line each. */
  leftovers(): readonly string[]
  /** Its resolver has told so many designations that the last one has to hold for a while, and it does not yet. */
  hearsNews(): boolean
  /** Virtual time without its own pauses: what was asleep or frozen cannot be late. */
  awakeMs(): number
}

/** How it is, whatever anybody believes. */
export interface Truth {
  /** Name of the server that this endpoint leads to. */
  serverOf(endpointId: string): string | undefined
  /** Does it run the UCC now, and can it be reached? */
  serves(server: string, ucc: string): boolean
  /** Is nothing wrong between this client and that server? */
  reaches(client: number, server: string): boolean
  /** Where this client belongs: one server, or several where nothing tells them apart. */
  bestFor(client: number): ReadonlySet<string>
  /** Content of a state topic on this server. */
  stateOf(server: string, topic: string): ReadonlyMap<string, unknown>
  /** Number of the newest message of a log, of all that was published and of what this server has. */
  published(topic: string): number
  newestOn(server: string, topic: string): number
}

/** What should always hold, and did not. */
export interface Violation {
  /** Name of the invariant. */
  readonly invariant: string
  /** What it says, in one sentence. */
  readonly statement: string
  /** Virtual milliseconds since the run began. */
  readonly at: number
  /** What was seen instead. */
  readonly facts: string
}
