/** Options of a pool of servers, real or simulated, and the checks that name the wrong one. */
import type { Peer, ReadinessState, TopicKind } from '../../core/wire'
import { FailoverError } from '../../errors'

/** Where one UCC runs when the cluster starts. */
export interface UccPlacement {
  /** Servers on which it is `running`. @default the first server, and the others as `standby` says */
  readonly running?: readonly string[]
  /** Servers on which it is `starting`. The rest of those that know it are `stopped`. */
  readonly starting?: readonly string[]
  /** Servers that know it at all; the others answer `unknown`. @default all */
  readonly servers?: readonly string[]
  /** Term announced at the start, on all servers or by server. @default 1 on every server (a hot pair) */
  readonly term?: number | Readonly<Record<string, number>>
}

/** What a pool of servers is like. Everything has a default; durations are milliseconds. */
export interface PoolOptions {
  /** How many servers (`srv1`, `srv2`, …), or their names in rank order. @default 2 */
  readonly servers?: number | readonly string[]
  /** UCC names, or where each runs. @default ['helpdesk'] */
  readonly uccs?: readonly string[] | Readonly<Record<string, UccPlacement>>
  /** State of each UCC on every server but the first. @default 'running' (a hot pair) */
  readonly standby?: 'running' | 'starting' | 'stopped'
  /**
   * `shared`: all servers serve one log, with the same epochs and positions; it lives in the calling process, so a
   * killed server loses nothing. `split`: each server sequences the same content for itself. @default 'shared'
   */
  readonly log?: 'shared' | 'split'
  /**
   * Memory of executed commands. `shared`: one for all, announced under one name; `split`: one per server process;
   * `none`: one per server process, announced to nobody. @default 'shared' with a shared log, else 'split'
   */
  readonly keys?: 'shared' | 'split' | 'none'
  /** Announce terms. @default true */
  readonly terms?: boolean
  /**
   * Kinds of topics by name. Others follow a convention: `…/typing` is ephemeral; `chat/…`, `…/log` and `…/events` are
   * logs; the rest is state.
   */
  readonly topics?: Readonly<Record<string, TopicKind>>
  /** Refuse (`unknown-topic`) what `topics` does not name. @default false */
  readonly onlyTopics?: boolean
  /** Interval between heartbeats; clients clamp it to 500 … 30000. @default the client's wish, else 1000 */
  readonly heartbeatMs?: number
  /** Spread window announced in `welcome`. @default none */
  readonly spreadMs?: number
  /** Announced in `load`: connections a server accepts a second. @default 500 */
  readonly acceptPerSec?: number
  /** `false`: announce no `load`. A number: the count of clients announced. @default the true count of clients */
  readonly announcedClients?: false | number
  /** Announce the servers as `peers`, or these instead. @default true */
  readonly peers?: boolean | readonly Peer[]
  /** Accepted tokens. @default everybody is accepted, with or without one */
  readonly tokens?: readonly string[]
  /** Tokens refused with `forbidden` (403, 4403). */
  readonly forbiddenTokens?: readonly string[]
  /** A token ends this long after it was shown: connections that do not renew it are refused. @default never */
  readonly tokenExpiresInMs?: number
  /** Largest part of a snapshot, in bytes of JSON. @default 262144 */
  readonly snapshotPartBytes?: number
  /** Events per topic that can be replayed; a resume from before fails honestly. @default 10000 */
  readonly historySize?: number
  /** Items in the snapshot of a log. @default 500 */
  readonly recentItems?: number
  /** Time between the execution of a command and its result: it is in flight that long. @default 0 */
  readonly commandDelayMs?: number
  /** Answer 403 to every WebSocket upgrade, as some proxies do. @default false */
  readonly refuseUpgrades?: boolean
}

/** Options with their defaults, checked. */
export interface CheckedPool extends PoolOptions {
  readonly names: readonly string[]
  readonly placements: ReadonlyMap<string, UccPlacement>
  readonly standby: 'running' | 'starting' | 'stopped'
  readonly log: 'shared' | 'split'
  readonly keys: 'shared' | 'split' | 'none'
  readonly terms: boolean
}

export function invalid(field: string, message: string): FailoverError {
  return new FailoverError('INVALID_OPTION', `${field}: ${message}`, { field })
}

export function checkPool(options: PoolOptions): CheckedPool {
  const names = checkNames(options.servers ?? 2)
  const placements = checkPlacements(options.uccs ?? ['helpdesk'], names)
  const log = oneOf('log', options.log ?? 'shared', ['shared', 'split'])
  const keys = oneOf('keys', options.keys ?? (log === 'shared' ? 'shared' : 'split'), ['shared', 'split', 'none'])
  const standby = oneOf('standby', options.standby ?? 'running', ['running', 'starting', 'stopped'])
  checkNumbers(options)
  for (const [topic, kind] of Object.entries(options.topics ?? {})) {
    oneOf(`topics.${topic}`, kind, ['state', 'log', 'ephemeral'])
  }
  return { ...options, names, placements, standby, log, keys, terms: options.terms ?? true }
}

/** State of `ucc` on `server` when the cluster starts; undefined where it is not known. */
export function initialState(options: CheckedPool, ucc: string, server: string): ReadinessState | undefined {
  const placement = options.placements.get(ucc)
  if (placement?.servers?.includes(server) === false) return undefined
  if (placement?.starting?.includes(server) === true) return 'starting'
  if (placement?.running !== undefined) return placement.running.includes(server) ? 'running' : 'stopped'
  const first = placement?.servers?.[0] ?? options.names[0]
  return server === first ? 'running' : options.standby
}

export function initialTerm(options: CheckedPool, ucc: string, server: string): number | undefined {
  if (!options.terms) return undefined
  const term = options.placements.get(ucc)?.term ?? 1
  return typeof term === 'number' ? term : term[server]
}

function checkNames(servers: number | readonly string[]): readonly string[] {
  if (typeof servers === 'number') {
    if (!Number.isInteger(servers) || servers < 1 || servers > 250) throw invalid('servers', 'must be 1 to 250')
    return Array.from({ length: servers }, (_unused, index) => `srv${index + 1}`)
  }
  if (!Array.isArray(servers) || servers.length === 0 || servers.length > 250) {
    throw invalid('servers', 'must be a number or 1 to 250 names')
  }
  const isNamed = servers.every((name) => typeof name === 'string' && name !== '')
  if (!isNamed || new Set(servers).size !== servers.length)
    throw invalid('servers', 'names must be unique and not empty')
  return servers
}

function checkPlacements(
  uccs: readonly string[] | Readonly<Record<string, UccPlacement>>,
  names: readonly string[],
): ReadonlyMap<string, UccPlacement> {
  const entries: [string, UccPlacement][] = Array.isArray(uccs)
    ? (uccs as readonly string[]).map((name) => [name, {}])
    : Object.entries(uccs as Readonly<Record<string, UccPlacement>>)
  if (entries.length === 0) throw invalid('uccs', 'at least one is needed')
  for (const [ucc, { running = [], starting = [], servers = [], term }] of entries) {
    if (ucc === '' || ucc.includes('/')) throw invalid('uccs', 'a name is not empty and has no "/"')
    const termed = typeof term === 'object' ? Object.keys(term) : []
    for (const name of [...running, ...starting, ...servers, ...termed]) {
      if (!names.includes(name)) throw invalid(`uccs.${ucc}`, `there is no server ${name}`)
    }
  }
  return new Map(entries)
}

function checkNumbers(options: PoolOptions): void {
  checkBounds(options, [
    ['heartbeatMs', 10, 600_000],
    ['spreadMs', 0, 600_000],
    ['acceptPerSec', 1, 1_000_000],
    ['tokenExpiresInMs', 1, 2_147_483_647],
    ['snapshotPartBytes', 1, 1_048_576],
    ['historySize', 0, 1_000_000],
    ['recentItems', 0, 1_000_000],
    ['commandDelayMs', 0, 600_000],
  ])
}

export function checkBounds<Options extends object>(
  options: Options,
  bounds: readonly (readonly [keyof Options & string, number, number])[],
): void {
  for (const [name, least, most] of bounds) {
    const value = options[name]
    if (value === undefined) continue
    if (typeof value !== 'number' || !Number.isFinite(value) || value < least || value > most) {
      throw invalid(name, `must be a number from ${least} to ${most}`)
    }
  }
}

function oneOf<T extends string>(field: string, value: T, allowed: readonly T[]): T {
  if (!allowed.includes(value)) throw invalid(field, `must be one of ${allowed.join(', ')}`)
  return value
}
