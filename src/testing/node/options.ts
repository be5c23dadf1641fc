/** Options of `startCluster()`, and the checks that name the wrong one. */
import { checkBounds, checkPool, invalid } from '../server/pool-options'
import type { CheckedPool, PoolOptions } from '../server/pool-options'

/** Options of `startCluster()`. Everything has a default; durations are milliseconds. */
export interface ClusterOptions extends PoolOptions {
  /** IPv4 addresses, one per server; they must exist. @default a random block of 127.0.0.0/8 (Linux has all of it) */
  readonly addresses?: readonly string[]
  /** TCP port of all servers. @default a free one */
  readonly port?: number
  /**
   * TCP ports of the UCCs (of their trusted applications), as a load balancer or `tcpProbe` checks them: open on each
   * server while that UCC runs there, closed otherwise. They take a connection and hang up. @default none
   */
  readonly uccPorts?: Readonly<Record<string, number>>
  /**
   * What comes before the command line of a server's process, by the server's name, such as
   * `['ip', 'netns', 'exec', 'srv1']`: a network namespace of its own. It must end by becoming that process, as this
   * one does. Needs `addresses` and `port`: what is free there cannot be seen from here. @default nothing
   */
  readonly within?: Readonly<Record<string, readonly string[]>>
  /** Path in front of all paths, such as `/base`. @default '' */
  readonly basePath?: string
  /** PEM key and certificate: the servers speak https and wss. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** How long the processes may take to listen. @default 20000 */
  readonly startTimeoutMs?: number
}

/** Options with their defaults, checked. */
export interface CheckedOptions extends CheckedPool, Omit<ClusterOptions, keyof PoolOptions> {
  readonly uccPorts: Readonly<Record<string, number>>
  readonly within: Readonly<Record<string, readonly string[]>>
  readonly basePath: string
  readonly startTimeoutMs: number
}

export function checkOptions(options: ClusterOptions): CheckedOptions {
  const pool = checkPool(options)
  checkBounds(options, [
    ['port', 1, 65_535],
    ['startTimeoutMs', 1, 600_000],
  ])
  const { addresses, basePath = '', tls, startTimeoutMs = 20_000, uccPorts = {}, within = {} } = options
  if (addresses !== undefined && addresses.length !== pool.names.length) {
    throw invalid('addresses', `one per server (${pool.names.length}) is needed, not ${addresses.length}`)
  }
  if (addresses !== undefined && new Set(addresses).size !== addresses.length) {
    throw invalid('addresses', 'each server needs its own, because all share one port')
  }
  if (basePath !== '' && !/^(\/[^/?#]+)+$/.test(basePath)) throw invalid('basePath', 'must look like "/base"')
  if (tls !== undefined && (typeof tls.key !== 'string' || typeof tls.cert !== 'string')) {
    throw invalid('tls', 'key and cert must be PEM text')
  }
  checkUccPorts(uccPorts, pool, options.port)
  checkWithin(within, pool, options)
  return { ...options, ...pool, basePath, startTimeoutMs, uccPorts, within }
}

function checkUccPorts(uccPorts: Readonly<Record<string, number>>, pool: CheckedPool, port: number | undefined): void {
  for (const ucc of Object.keys(uccPorts)) {
    if (!pool.placements.has(ucc)) throw invalid('uccPorts', `there is no UCC ${ucc}`)
  }
  const taken = [...Object.values(uccPorts), ...(port === undefined ? [] : [port])]
  const isPort = (one: unknown): boolean => Number.isInteger(one) && Number(one) >= 1 && Number(one) <= 65_535
  if (!taken.every(isPort)) throw invalid('uccPorts', 'must be numbers from 1 to 65535')
  if (new Set(taken).size !== taken.length) throw invalid('uccPorts', 'must differ from each other and from port')
}

function checkWithin(
  within: Readonly<Record<string, readonly string[]>>,
  pool: CheckedPool,
  { addresses, port }: ClusterOptions,
): void {
  for (const [name, command] of Object.entries(within)) {
    if (!pool.names.includes(name)) throw invalid('within', `there is no server ${name}`)
    const isCommand = Array.isArray(command) && command.length > 0 && command.every((one) => typeof one === 'string')
    if (!isCommand) throw invalid('within', `${name}: must be a command line, as a list of strings`)
    if (addresses === undefined || port === undefined) throw invalid('within', 'needs addresses and port')
  }
}
