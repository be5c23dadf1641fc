/**
 * `failover-client/testing/node`: a real cluster on loopback to test failover with. Each server is a process of its own
 * on an address of its own in 127.0.0.0/8, all on one port, speaking the wire contract of PROTOCOL.md.
 */
import { createCluster } from './cluster'
import { Fleet } from './fleet'
import type { ClusterOptions } from './options'
import { checkOptions } from './options'
import type { Cluster } from './types'

/**
 * Starts a cluster and resolves when every server listens. The caller ends it with `close()`; it also ends with the
 * calling process.
 *
 * Linux answers on all of 127.0.0.0/8; elsewhere give `addresses` that exist. `hang` and `freeze` need POSIX signals.
 *
 * @throws FailoverError `INVALID_OPTION` naming the wrong option, `CONNECT_TIMEOUT` when a server does not listen in
 * time; the system's own error when an address cannot be listened on
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const fleet = new Fleet(checkOptions(options))
  try {
    await fleet.start()
  } catch (error) {
    await fleet.close()
    throw error
  }
  return createCluster(fleet)
}

export type { ClusterOptions } from './options'
export type { UccPlacement } from '../server/pool-options'
export type { Cluster, ClusterServer, FaultReport } from './types'
export type {
  DrainOptions,
  PromoteOptions,
  Published,
  PublishInput,
  RejectNextOptions,
  RestartOptions,
  StartUccOptions,
  StopUccOptions,
  TermChoice,
} from '../server/fault-options'
export type { GenerateOptions, Generation } from './generator'
export type { CommandLedger, LedgerEntry, LedgerViolation } from '../server/ledger'
export type { ConnectionRecord, DialRecord, RequestRecord, TokenRecord } from '../server/records'
export type { Announce, DialKind, ReadinessOverride } from '../server/server-types'
