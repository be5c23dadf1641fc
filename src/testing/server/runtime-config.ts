/** What a server of a pool announces, from the pool's options. */
import type { Peer } from '../../core/wire'
import type { CheckedPool } from './pool-options'
import type { RuntimeConfig } from './server-types'

/** `peers`: all servers of the pool. `keys`: name of the server's memory of executed commands. */
export function runtimeConfig(options: CheckedPool, peers: readonly Peer[], keys: string | undefined): RuntimeConfig {
  const { heartbeatMs, spreadMs, tokens, forbiddenTokens, tokenExpiresInMs, announcedClients } = options
  const { peers: announced = true, acceptPerSec = 500 } = options
  const named = announced === true ? peers : announced === false ? undefined : announced
  const clients = typeof announcedClients === 'number' ? { clients: announcedClients } : {}
  return {
    snapshotPartBytes: options.snapshotPartBytes ?? 262_144,
    refuseUpgrades: options.refuseUpgrades ?? false,
    load: announcedClients === false ? false : { ...clients, acceptPerSec },
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    ...(spreadMs === undefined ? {} : { spreadMs }),
    ...(named === undefined ? {} : { peers: named }),
    ...(keys === undefined ? {} : { keys }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(forbiddenTokens === undefined ? {} : { forbiddenTokens }),
    ...(tokenExpiresInMs === undefined ? {} : { tokenExpiresInMs }),
  }
}

/** What `announce` changes; `undefined` announces nothing. */
export interface Announcement {
  readonly peers?: readonly Peer[] | undefined
  readonly spreadMs?: number | undefined
  readonly clients?: number | undefined
  readonly acceptPerSec?: number
}

/** The change of the configuration that an announcement means. */
export function announcedChange(
  runtime: RuntimeConfig,
  change: Announcement,
): { [K in keyof RuntimeConfig]?: RuntimeConfig[K] | undefined } {
  const { clients, acceptPerSec, ...rest } = change
  if (!('clients' in change) && acceptPerSec === undefined) return rest
  const before = runtime.load === false ? {} : runtime.load
  const load = {
    ...('clients' in change ? (clients === undefined ? {} : { clients }) : before),
    acceptPerSec: acceptPerSec ?? before.acceptPerSec ?? 500,
  }
  return { ...rest, load }
}

/** A changed configuration; a member that is `undefined` is announced no more. */
export function changedRuntime(
  runtime: RuntimeConfig,
  change: { readonly [K in keyof RuntimeConfig]?: RuntimeConfig[K] | undefined },
): RuntimeConfig {
  const changed: Record<string, unknown> = { ...runtime, ...change }
  for (const name of Object.keys(change)) if (changed[name] === undefined) delete changed[name]
  return changed as unknown as RuntimeConfig
}
