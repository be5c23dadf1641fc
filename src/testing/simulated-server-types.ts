/** One server of the simulated world, in all its ways to fail. */
import type { Peer, ReadinessState } from '../core/wire'
import type {
  DrainOptions,
  PromoteOptions,
  Published,
  PublishInput,
  RejectNextOptions,
  RestartOptions,
  StartUccOptions,
  StopUccOptions,
} from './server/fault-options'
import type { ConnectionRecord, DialRecord, RequestRecord, TokenRecord } from './server/records'
import type { ReadinessOverride } from './server/server-types'

/** One server: a process on a machine of its own, in all its ways to fail. Faults take effect at once. */
export interface SimulatedServer {
  /** As given, else `srv1`, `srv2`, … */
  readonly name: string
  /** Base URL, such as `https://srv1.contoso.example`. */
  readonly url: string
  /** IPv4 address. */
  readonly address: string
  /** Does its process run (or hang)? */
  readonly alive: boolean
  /** Stopped by `hang`. */
  readonly hung: boolean
  /** How often its process was started. */
  readonly incarnation: number
  /** State and term of a UCC (default: the first), as it really is. */
  ucc(name?: string): { readonly state: ReadinessState; readonly term: number | undefined }
  /** Could a client be served for this UCC now: alive, not hung, running, not draining? The network is not asked. */
  serves(ucc?: string): boolean

  /** The process ends: its connections are reset, new ones refused. */
  kill(): void
  /** The machine is gone: nothing answers, nothing is reset. */
  powerOff(): void
  /** A new process (the old one is killed first). With a split log and keys, its memory is new. */
  restart(options?: RestartOptions): void
  /** The process stops running (SIGSTOP, a deadlock): connections are accepted and nothing is answered. */
  hang(): void
  /** Ends `hang`: everything that arrived meanwhile is handled now. */
  unhang(): void
  /** Breaks every connection with RST; the server lives on. */
  reset(): void
  /** Every answer and frame comes this much later; 0 ends it. */
  slow(delayMs: number): void
  /** Stops a UCC (default: the first) while the web services run: the gray failure. */
  stopUcc(ucc?: string, options?: StopUccOptions): void
  /** Starts a UCC; with `startingMs` it is `starting` for so long. */
  startUcc(ucc?: string, options?: StartUccOptions): void
  /** Makes this server the active one for a UCC, with a term above all others. `fence: false`: a split brain. */
  promote(ucc?: string, options?: PromoteOptions): void
  /** Planned outage: `goaway` on every connection, readiness `draining`, close 1001 at the end. */
  drain(options: DrainOptions): void
  /** Takes a drain back. */
  undrain(): void
  /** Too much to do: 503 with Retry-After, `reject` `overloaded`, until `false`. Readiness goes on. */
  overload(options: { readonly retryAfterMs: number } | false): void
  /** Refuses new TCP connections; existing ones live on. */
  refuse(): void
  /** Ends `refuse`. */
  accept(): void
  /** The live connections stay open and go silent in both directions; HTTP works. `all`: new ones too. */
  goSilent(on?: boolean, options?: { readonly scope?: 'existing' | 'all' }): void
  /** Sends any text on every live connection. */
  sendRaw(text: string): void
  /** Answers readiness with this instead; `null` ends it. */
  serveReadiness(override: ReadinessOverride | null): void
  /** Closes every live connection with a code of the contract, such as 1012. */
  closeAll(code: number, reason?: string): void
  /** Refuses the next `hello` or POSTed command (or the next few); `null` takes back what was ordered. */
  rejectNext(options: RejectNextOptions | null): void
  /** Destroys the connection after this many parts of the next snapshot that has more. */
  cutSnapshotAfterParts(parts: number): void
  /** Sends every `event`, `subscribed` and `result` twice, on all its connections. */
  repeatFrames(on?: boolean): void
  /** Answers 403 to WebSocket upgrades. */
  refuseUpgrades(on?: boolean): void
  /** Repeats `subscribed` with a snapshot for live ids. */
  resync(topic?: string): void
  /** Changes what it announces: drifted configuration is peers of its own. `undefined` announces nothing. */
  announce(change: {
    readonly peers?: readonly Peer[] | undefined
    readonly spreadMs?: number | undefined
    readonly clients?: number | undefined
    readonly acceptPerSec?: number
  }): void
  /** Accepted tokens from now on, `undefined` for everybody. `enforce`: refuse open connections too. */
  setTokens(tokens: readonly string[] | undefined, options?: { readonly enforce?: boolean }): void
  /** Its replica of a shared log gets everything this much later; 0 ends it and catches up. */
  lag(ms: number): void
  /** Its wall clock minus true time. */
  skewClock(ms: number): void

  /** Publishes on this server only; with a shared log that is everywhere. */
  publish(topic: string, change: PublishInput): Published
  /** The content of a topic as this server would serve it: by key (state) or oldest first (logs). */
  content(topic: string): ReadonlyMap<string, unknown>
  /** Live connections, present and past. */
  connections(): readonly ConnectionRecord[]
  /** HTTP requests and upgrades that arrived. */
  requests(): readonly RequestRecord[]
  /** Everything that arrived, to count attempts by time. */
  dials(): readonly DialRecord[]
  /** Every token that was shown to it. */
  tokensSeen(): readonly TokenRecord[]
  /** Forgets the records, except of connections that are open. */
  clearRecords(): void
}
