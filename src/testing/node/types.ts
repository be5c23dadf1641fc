/** The public face of a test cluster. */
import type { Peer, ReadinessState } from '../../core/wire'
import type {
  DrainOptions,
  PromoteOptions,
  Published,
  PublishInput,
  RejectNextOptions,
  RestartOptions,
  StartUccOptions,
  StopUccOptions,
} from '../server/fault-options'
import type { CommandLedger } from '../server/ledger'
import type { ConnectionRecord, DialRecord, RequestRecord, TokenRecord } from '../server/records'
import type { ReadinessOverride } from '../server/server-types'
import type { Generation, GenerateOptions } from './generator'

/** When a fault happened: right after the signal or order was given. */
export interface FaultReport {
  /** Unix milliseconds. */
  readonly at: number
  /** `performance.now()` of the calling process. */
  readonly atMonotonicMs: number
}

/** One server of the cluster. The records reach back over its restarts. */
export interface ClusterServer {
  /** As given, else `srv1`, `srv2`, … */
  readonly name: string
  /** Base URL, such as `http://127.8.3.1:41234/base`. */
  readonly url: string
  /** IPv4 address it listens on. */
  readonly address: string
  /** The same for all servers. */
  readonly port: number
  /** Process id of the running process. */
  readonly pid: number | undefined
  /** Does its process run (or hang)? */
  readonly alive: boolean
  /** Stopped by `hang` or `freeze`. */
  readonly frozen: boolean
  /** How often its process was started. */
  readonly incarnation: number
  /** The last 8 KiB the process wrote to standard error. */
  readonly stderr: string
  /** State and term of a UCC, as the cluster has it. */
  ucc(name?: string): { readonly state: ReadinessState; readonly term: number | undefined }
  /** Live connections, present and past. */
  connections(): readonly ConnectionRecord[]
  /** HTTP requests and upgrades. */
  requests(): readonly RequestRecord[]
  /** Everything that arrived, to count attempts by time. */
  dials(): readonly DialRecord[]
  /** Every token that was shown to it. */
  tokensSeen(): readonly TokenRecord[]
  /** Forgets the records, except of connections that are open. */
  clearRecords(): void
  /** Publishes on this server only; with a shared log that is everywhere. */
  publish(topic: string, change: PublishInput): Published
  /** Accepted tokens from now on, `undefined` for everybody. `enforce`: refuse open connections too. */
  setTokens(tokens: readonly string[] | undefined, options?: { readonly enforce?: boolean }): Promise<void>
}

/** A running cluster. Fault methods take a server's name and resolve when the fault is in force. */
export interface Cluster {
  /** In rank order. */
  readonly servers: readonly ClusterServer[]
  /** Base URLs in rank order. */
  readonly endpoints: readonly string[]
  /**
   * A URL to use as the dedicated hostname: the first server's, as a CNAME to the active server would be. It is an
   * address, not a name, so a client follows no DNS and learns no peers from it: pass `endpoints` too.
   */
  readonly hostname: string
  /** The TCP port of all servers. */
  readonly port: number
  /** What commands and unsafe requests did, on all servers, kills included. */
  readonly ledger: CommandLedger
  /** One server by name. @throws FailoverError `INVALID_OPTION` for an unknown one */
  server(name: string): ClusterServer

  /** Publishes one change on all servers. Synchronous: the shared log has it when this returns. */
  publish(topic: string, change: PublishInput): Published
  /** Publishes at an even pace until stopped. */
  generate(options: GenerateOptions): Generation
  /** The content of a topic, by key (state) or oldest first (logs), as the shared log or the first server has it. */
  content(topic: string): ReadonlyMap<string, unknown>
  /** Resolves when every server that can run has taken all that was published so far. */
  sync(): Promise<void>
  /** New sequence spaces: clients hear `subscribed recovered:false` and a snapshot. Without `server`: everywhere. */
  newEpoch(options?: { readonly server?: string; readonly topic?: string }): void
  /** Loses the memory of executed keys: connections end with 1012, and new ones hear its new name. */
  forgetKeys(): Promise<void>
  /** Delays of commands from now on: before they are executed, and between execution and result. */
  setCommandDelay(delay: { readonly beforeMs?: number; readonly afterMs?: number }): void
  /** Changes what the servers announce from now on; `undefined` announces nothing. */
  announce(change: {
    readonly peers?: readonly Peer[] | undefined
    readonly spreadMs?: number | undefined
    readonly clients?: number | undefined
    readonly acceptPerSec?: number
  }): Promise<void>

  /** SIGKILL; resolves when the process is gone. The kernel closes its connections and refuses new ones. */
  kill(server: string): Promise<FaultReport>
  /** A new process on the same address and port (the old one is killed first); resolves when it listens. */
  restart(server: string, options?: RestartOptions): Promise<void>
  /** Stops the process (SIGSTOP): connections are accepted and stay open, nothing is answered. */
  hang(server: string): Promise<FaultReport>
  /** Ends `hang`: everything that arrived meanwhile is handled now. */
  unhang(server: string): Promise<void>
  /** The same as `hang`, by the name that matters for commands: a frozen server must not execute late. */
  freeze(server: string): Promise<FaultReport>
  /** Ends `freeze`. */
  thaw(server: string): Promise<void>
  /** Breaks every connection with RST; the server lives on. */
  reset(server: string): Promise<FaultReport>
  /** Every answer and frame comes this much later; 0 ends it. */
  slow(server: string, options: { readonly delayMs: number }): Promise<void>
  /** Stops a UCC (default: the only one, or the first) while the web services run: the gray failure. */
  stopUcc(server: string, ucc?: string, options?: StopUccOptions): Promise<FaultReport>
  /** Starts a UCC; resolves when it runs. */
  startUcc(server: string, ucc?: string, options?: StartUccOptions): Promise<void>
  /** Makes a server the active one for a UCC, with a term above all others. */
  promote(server: string, ucc?: string, options?: PromoteOptions): Promise<FaultReport>
  /** Planned outage: `goaway` on every connection, readiness `draining`, close 1001 at the end. */
  drain(server: string, options: DrainOptions): Promise<FaultReport>
  /** Takes a drain back. */
  undrain(server: string): Promise<void>
  /** Refuses new TCP connections; existing ones live on. */
  refuse(server: string): Promise<FaultReport>
  /** Ends `refuse`. */
  accept(server: string): Promise<void>
  /**
   * The live connections stay open and go silent in both directions, as behind a NAT that forgot them; HTTP works.
   * `scope` `existing` (default): those of this moment; `all`: new ones too. `false` releases what was held back.
   */
  goSilent(server: string, on?: boolean, options?: { readonly scope?: 'existing' | 'all' }): Promise<FaultReport>
  /** Sends any text on every live connection: malformed frames, frames of the future. */
  sendRaw(server: string, text: string): Promise<void>
  /** Answers readiness with this instead (a captive portal, another product); `null` ends it. */
  serveReadiness(server: string, override: ReadinessOverride | null): Promise<void>
  /** Closes every live connection with a code of the contract, such as 1012. */
  closeAll(server: string, code: number, reason?: string): Promise<FaultReport>
  /** Refuses the next `hello` (or the next few). */
  rejectNext(server: string, options: RejectNextOptions): Promise<void>
  /** Destroys the connection after this many parts of the next snapshot that has more. */
  cutSnapshotAfterParts(server: string, parts: number): Promise<void>
  /** Answers 403 to WebSocket upgrades, so that clients must take the event stream. */
  refuseUpgrades(server: string, on?: boolean): Promise<void>
  /** Repeats `subscribed` with a snapshot for live ids, as a server does for a client that reads too slowly. */
  resync(server: string, topic?: string): Promise<void>

  /** Ends every process, frozen ones too. Idempotent; nothing is left when it resolves. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
