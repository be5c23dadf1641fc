/** Options of `startCluster()`, and the checks that name the wrong one. */
import { checkBounds, checkPool, invalid } from '../server/pool-options'
import type { CheckedPool, PoolOptions } from '../server/pool-options'

/** Options of `startCluster()`. Everything has a default; durations are milliseconds. */
export interface ClusterOptions extends PoolOptions {
  /** IPv4 addresses, one per server; they must exist. @default a random block of 127.0.0.0/8 (Linux has all of it) */
  readonly addresses?: readonly string[]
  /** TCP port of all servers. @default a free one */
  readonly port?: number
  /** Path in front of all paths, such as `/base`. @default '' */
  readonly basePath?: string
  /** PEM key and certificate: the servers speak https and wss. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** How long the processes may take to listen. @default 20000 */
  readonly startTimeoutMs?: number
}

/** Options with their defaults, checked. */
export interface CheckedOptions extends CheckedPool, Omit<ClusterOptions, keyof PoolOptions> {
  readonly basePath: string
  readonly startTimeoutMs: number
}

export function checkOptions(options: ClusterOptions): CheckedOptions {
  const pool = checkPool(options)
  checkBounds(options, [
    ['port', 1, 65_535],
    ['startTimeoutMs', 1, 600_000],
  ])
  const { addresses, basePath = '', tls, startTimeoutMs = 20_000 } = options
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
  return { ...options, ...pool, basePath, startTimeoutMs }
}
