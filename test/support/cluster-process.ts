/** A cluster in a process of its own, which can be killed: its servers must not outlive it, frozen ones included. */
import { startCluster } from 'failover-client/testing/node'

const cluster = await startCluster({ servers: 3 })
await cluster.freeze('srv2')
process.send?.(cluster.servers.map((server) => server.pid))
