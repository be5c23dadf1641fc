/** What only Node has. */
import type { Dispatcher } from 'undici'
import { ROUTING } from './client/failover-client'
import type { FailoverClient } from './client/failover-client-types'
import { createDispatchRouter } from './drop-in/dispatch-router'
import type { Routing } from './drop-in/routing'
import { FailoverError } from './errors'
import { agentsOf } from './platform/node/dispatcher'
import { RoutingDispatcher } from './platform/node/routing-dispatcher'

export { nodePlatform } from './platform/node/node-platform'
export type { NodePlatformOptions } from './platform/node/node-platform-options'
export type { NodeTlsOptions } from './platform/node/connector'
export { tcpProbe } from './client/probes'
export { dnsResolver } from './platform/node/dns-resolver'
export type { DnsResolverOptions } from './platform/node/dns-options'
export { fileStore } from './platform/node/file-store'

/**
 * An undici 7 `Dispatcher` that routes by the client's verdict, for code that takes one: `fetch(url, { dispatcher })`,
 * `undici.request(url, { dispatcher })`. Requests to the dedicated hostname or an endpoint wait for a candidate (at
 * most `requests.readyTimeoutMs`) and go to it over its pinned connection, with the client's Bearer token where they
 * have none; all others go where they say. No retries of its own: `client.fetch` has those. It ends with the client.
 *
 * A request that finds no candidate fails with `NO_ENDPOINT_AVAILABLE`, one after the end with `CLIENT_CLOSED`.
 * @throws FailoverError `INVALID_OPTION` when `client` was not made by this package on `nodePlatform`, `CLIENT_CLOSED`.
 */
export function createDispatcher(client: FailoverClient): Dispatcher {
  const routing = (client as { readonly [ROUTING]?: Routing } | undefined)?.[ROUTING]
  const agentOf = routing === undefined ? undefined : agentsOf(routing.platform)
  if (routing === undefined || agentOf === undefined) {
    const right = 'must be a client that createFailoverClient or a directory made on nodePlatform()'
    throw new FailoverError('INVALID_OPTION', `client ${right}`, { field: 'client' })
  }
  if (routing.closed) throw new FailoverError('CLIENT_CLOSED', 'the client is closed')
  return new RoutingDispatcher(createDispatchRouter(routing), agentOf)
}
