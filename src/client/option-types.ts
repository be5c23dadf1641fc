/**
 * The options of `createFailoverClient`. Everything is checked up front: a wrong or unknown option throws a
 * FailoverError `INVALID_OPTION` whose `fields.field` is its dotted path. Durations are milliseconds. The tuning
 * groups (`health`, `breaker`, …) are in `tuning-types.ts`.
 */
import type { CommandSafety } from '../core/command-protocol'
import type { Cursor, TopicKind } from '../core/wire'
import type { Platform, Store } from '../platform/platform'
import type { EndpointInfo, Move } from './reports'
import type { Resolver, TopologyResolver } from './resolvers'
import type { TuningOptions } from './tuning-types'

export type { Store } from '../platform/platform'
export type {
  BreakerState,
  ClientState,
  Decision,
  DecisionKind,
  EndpointInfo,
  EndpointVerdict,
  Move,
  MoveKind,
  MoveReason,
  MoveReport,
  MoveTimings,
  OfflineReason,
} from './reports'
export type { Probe, ProbeAnswer, ProbeContext, Readiness } from './probes'
export type { KnownEndpoint, ResolveContext, ResolvedEndpoint, Resolver, TopologyResolver } from './resolvers'
export type * from './tuning-types'
export type { WarningCode } from './warnings'

/** One endpoint in words. A plain name or URL is the same as `{ url }`. */
export interface EndpointDescription {
  /** Base URL, or a bare name that takes scheme, port and base path of `hostname`. */
  readonly url: string | URL
  /**
   * For events, logs and `switchover({ to })`. Unique.
   * @default host and path of the URL
   */
  readonly name?: string | undefined
  /**
   * Lower is preferred. Equal ranks: the earlier one.
   * @default the place in the list, from 0
   */
  readonly rank?: number | undefined
  /** A label in events (`ams`, `fra`). Decides nothing: rank alone does. */
  readonly site?: string | undefined
  /** Node only: dial this IP address and keep the name of `url` in Host and SNI. */
  readonly address?: string | undefined
  /** Node only: name for Host and SNI where it is not that of `url`: the paired pool's own dedicated hostname. */
  readonly hostname?: string | undefined
}

/** A bare name, a URL, or a description. */
export type EndpointInput = string | URL | EndpointDescription

/** Why and for whom a token is asked. */
export interface TokenContext {
  /**
   * `connect`: for a new connection or request. `expiring`: 80 % of the time it was given are over. `rejected`: the
   * server refused the last one.
   */
  readonly reason: 'connect' | 'expiring' | 'rejected'
  /** Name of the server that will get it; nothing before it is known. */
  readonly server: string | undefined
  /** Aborted when the token is not wanted any more. */
  readonly signal: AbortSignal
}

/**
 * Gives the Bearer token: asked once at a time, never cached beyond its announced life. A rejection is a failed attempt
 * that counts against nobody (`warning` TOKEN_PROVIDER_FAILED).
 */
export type TokenFunction = (context: TokenContext) => string | Promise<string>

/** A fixed token, or the function that gives one. Without the word `Bearer`. */
export type TokenProvider = string | TokenFunction

/**
 * The spread class: how soon this client moves when everybody must (W = the spread window).
 * `interactive` 0 to 0.1 W, `agent` 0 to W, `board` W to 3 W, `visitor` W to 5 W.
 */
export type Priority = 'interactive' | 'agent' | 'board' | 'visitor'

/** Asked whether a planned move may happen now (no live call). Asked again until it says yes; faults never ask. */
export type CanMove = (move: Move) => boolean | Promise<boolean>

/** Options of `client.command(name, args, options)`. */
export interface CommandOptions {
  /**
   * What a repeat would mean. `read`: nothing. `set`: the same as once, while no newer `set` of its `target` exists.
   * `keyed`: nothing where servers share the command memory. `claim`, `effect`: a second execution; never repeated on
   * a server that cannot know the first.
   * @default 'effect'
   */
  readonly safety?: CommandSafety | undefined
  /**
   * Idempotency key.
   * @default a random one per call
   */
  readonly key?: string | undefined
  /**
   * What a `set` sets.
   * @default the command's name
   */
  readonly target?: string | undefined
  /**
   * Milliseconds within which it must have left and been answered. Before it left: `COMMAND_EXPIRED`; after:
   * `OUTCOME_UNKNOWN`.
   * @default DEFAULTS.commands.deadlineMs
   */
  readonly deadlineMs?: number | undefined
  /** Before it left: the command is not sent and rejects with the reason. After: `OUTCOME_UNKNOWN`. */
  readonly signal?: AbortSignal | undefined
}

/** Options of `client.subscribe(topic, options)`. */
export interface SubscribeOptions {
  /** Go on from here: `subscription.cursor` of an earlier run. */
  readonly cursor?: Cursor | undefined
  /**
   * Changes this consumer may be behind before its log is paused (logs) or coalesced (state).
   * @default DEFAULTS.streams.maxBuffered
   */
  readonly maxBuffered?: number | undefined
  /** Milliseconds after which silence of this topic is suspicious. Default: silence means nothing. */
  readonly freshWithinMs?: number | undefined
  /** Closes the subscription. */
  readonly signal?: AbortSignal | undefined
}

/** A topic by its name, with what the application knows of it. Made by `stateTopic`, `logTopic`, `ephemeralTopic`. */
export interface TopicDescription<T = unknown> {
  /** As the server knows it. */
  readonly name: string
  /** Asserted against the server's. */
  readonly kind?: TopicKind | undefined
  /** Checks and types one item; may throw: that item is dropped and reported. */
  readonly parse?: ((data: unknown) => T) | undefined
}

/** Options of `client.switchover(options)`. */
export interface SwitchoverOptions {
  /**
   * Id, name, server or URL of an endpoint.
   * @default the best other candidate
   */
  readonly to?: string | URL | undefined
  /** For the report and the log. */
  readonly reason?: string | undefined
  /**
   * Keep preferring that endpoint until told otherwise. A fault still fails over.
   * @default false
   */
  readonly hold?: boolean | undefined
}

/** Options of `client.ready(options)`. */
export interface ReadyOptions {
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds; then it rejects with `NO_ENDPOINT_AVAILABLE`. Default: no limit. */
  readonly timeoutMs?: number | undefined
}

/** A command of a restore hook: bound to the new server, not queued, not repeated elsewhere. */
export type RestoreCommand = <R = unknown>(name: string, args?: unknown, options?: CommandOptions) => Promise<R>

/** What `restoreSession` gets. Everything in it is bound to the *new* server. */
export interface RestoreContext {
  /** The new server's endpoint. */
  readonly endpoint: EndpointInfo
  /** Where the client came from; nothing at the first connection. */
  readonly previous?: EndpointInfo
  /** Runs ahead of all queued commands. */
  readonly command: RestoreCommand
  /** Relative URLs and URLs of the dedicated hostname go to this server; no retry. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  /** Aborted when this attempt is given up, at the latest after `connect.restoreTimeoutMs`. */
  readonly signal: AbortSignal
}

/**
 * Re-establishes the session (settings, security) on a server: before subscriptions and queued commands of a new live
 * connection, else before the first routed request to a server. A rejection ends that attempt.
 */
export type RestoreSession = (context: RestoreContext) => Promise<void> | void

/** What all clients of a directory may share. */
export interface SharedOptions extends TuningOptions {
  /**
   * Names that learned endpoints may have, beside siblings of the dedicated hostname (same parent, at least two
   * labels). Names only: no scheme, port, path or wildcard. Below a well-known hosting parent (`azurewebsites.net`)
   * nobody is a sibling: name the servers here. It cannot narrow: below another parent that is shared with strangers
   * put the servers one level deeper.
   */
  readonly allowedHosts?: readonly string[] | undefined
  /** Who this client is, for the server's log. `id` is random per client unless given. */
  readonly client?: ClientDescription | undefined
  /** Bearer token; sent to endpoints only, never with readiness probes, never in a URL. */
  readonly token?: TokenProvider | undefined
  /**
   * Spread class, or a function asked at each move.
   * @default 'agent'
   */
  readonly priority?: Priority | (() => Priority) | undefined
  /**
   * Further sources of endpoints, beside the configuration and the servers' own `peers`. An empty list: none. Default:
   * in Node `dnsResolver()`, unless there is a proxy (which resolves names itself); in pages none.
   */
  readonly resolver?: Resolver | TopologyResolver | readonly (Resolver | TopologyResolver)[] | undefined
  /** Re-establishes the application's session on a new server, before anything else goes there. */
  readonly restoreSession?: RestoreSession | undefined
  /** Quiet-moment hook for planned moves. */
  readonly canMove?: CanMove | undefined
  /**
   * `warm` keeps an idle, welcomed connection to the next server; ignored for `board` and `visitor`.
   * @default 'cold'
   */
  readonly standby?: 'cold' | 'warm' | undefined
  /**
   * Memory of endpoints between runs, an order hint only. `false`: none. Default: localStorage in pages, none in Node.
   */
  readonly store?: Store | false | undefined
  /**
   * Default: that of the entry point, which the client closes. `nodePlatform({ tls, proxy })` for certificates and
   * proxies: one that you made may serve several clients and is yours to close (`platform.close()`), after them.
   * `client.close()` ends what the client itself had under way there, bodies that were handed over included.
   */
  readonly platform?: Platform | undefined
}

/** Who this client is. */
export interface ClientDescription {
  /** Stable id of this client. Default: a random one per client. */
  readonly id?: string | undefined
  /** Of the program. `@default 'failover-client'` */
  readonly name?: string | undefined
  /** Of the program. Default: that of this package. */
  readonly version?: string | undefined
}

/** Options of `createFailoverClient`. Only `hostname` is required. */
export interface FailoverClientOptions extends SharedOptions {
  /** The dedicated hostname: a bare name (https) or a URL whose scheme, port and base path bare endpoints take too. */
  readonly hostname: string | URL
  /**
   * In rank order. Optional where servers name their peers, a resolver does, or a load balancer answers. Default: the
   * dedicated hostname alone.
   */
  readonly endpoints?: readonly EndpointInput[] | undefined
  /** The contact centre whose readiness decides. Default: the server's only one. */
  readonly ucc?: string | undefined
}

/** One pool of a directory. */
export interface PoolOptions {
  /** The dedicated hostname of this pool. */
  readonly hostname: string | URL
  /** In rank order. Default: the dedicated hostname alone. */
  readonly endpoints?: readonly EndpointInput[] | undefined
  /** Beside the shared ones. */
  readonly allowedHosts?: readonly string[] | undefined
  /** Its contact centres; each belongs to one pool. */
  readonly uccs: readonly string[]
}

/** Options of `createFailoverDirectory`: pools, and what all their clients share. */
export interface FailoverDirectoryOptions extends SharedOptions {
  /** At least one; a dedicated hostname and a UCC each belong to one pool. */
  readonly pools: readonly PoolOptions[]
}
