/** What can be done to the stage, each deed in one place, with the sentence that says what was done. */
import type { FailoverClient } from '../../index'
import type { Cluster, ClusterServer } from '../../testing/node'
import type { Deed } from './scenario'
import type { ProcessState } from './view'

/** The contact centre of the demo. */
export const UCC = 'helpdesk'
/** Events published a second: lively, and still to be read. */
export const EVENTS_PER_SECOND = 25
const DRAIN_MS = 4000

/** What a deed is done to. */
export interface Scene {
  readonly cluster: Cluster
  readonly clients: readonly FailoverClient[]
  /** Name of the server in use. */
  readonly active: string
  /** Names of the servers that were told to drain. */
  readonly draining: Set<string>
}

/** Every deed. They reject when it cannot be done. */
export const DEEDS: Readonly<Record<Deed, (scene: Scene) => Promise<string>>> = {
  kill: async ({ cluster, active, draining }) => {
    const { pid } = living(cluster, active)
    await cluster.kill(active)
    draining.delete(active)
    return `killed ${active} (process ${pid})`
  },
  hang: async ({ cluster, active }) => {
    const hung = cluster.servers.find((server) => processOf(server) === 'hung')
    if (hung !== undefined) {
      await cluster.unhang(hung.name)
      return `${hung.name} goes on`
    }
    const { pid } = living(cluster, active)
    await cluster.hang(active)
    return `${active} hangs (process ${pid} stopped)`
  },
  'stop-ucc': async ({ cluster, active }) => {
    living(cluster, active)
    await cluster.stopUcc(active, UCC)
    return `stopped UCC ${UCC} on ${active}; its web services go on`
  },
  drain: async ({ cluster, active, draining }) => {
    living(cluster, active)
    await cluster.drain(active, { leaveWithinMs: DRAIN_MS })
    draining.add(active)
    return `${active} asks its clients to leave within ${DRAIN_MS / 1000} s`
  },
  switchover: async ({ cluster, clients, active }) => {
    const to = otherThan(cluster, active)
    await Promise.all(clients.map((client) => client.switchover({ to, hold: true })))
    return `both clients were told to move to ${to}`
  },
  failback: async ({ clients }) => {
    await Promise.all(clients.map((client) => client.failback()))
    return 'both clients were told to go back to the best rank'
  },
  repair,
  'stop-standby': async ({ cluster, active }) => {
    const standby = otherThan(cluster, active)
    await cluster.stopUcc(standby, UCC)
    return `UCC ${UCC} does not run on ${standby}`
  },
  'promote-standby': async ({ cluster }) => {
    const standby = cluster.servers.find((server) => server.alive && server.ucc(UCC).state !== 'running')
    if (standby === undefined) return 'nobody to promote'
    await cluster.promote(standby.name, UCC)
    return `promoted ${standby.name}`
  },
}

/** What is true of a server's process. */
export function processOf(server: ClusterServer): ProcessState {
  if (!server.alive) return 'dead'
  return server.frozen ? 'hung' : 'running'
}

function living(cluster: Cluster, name: string): ClusterServer {
  const server = cluster.server(name)
  if (!server.alive) throw new Error(`${name} is dead already; r repairs it`)
  return server
}

async function repair({ cluster, draining }: Scene): Promise<string> {
  const done: string[] = []
  // Whoever ran it last has the highest term; the other joins it as its equal, so that neither is fenced off.
  const term = Math.max(...cluster.servers.map((server) => server.ucc(UCC).term ?? 1))
  for (const server of cluster.servers) {
    const { name } = server
    if (processOf(server) === 'hung') {
      await cluster.unhang(name)
      done.push(`${name} goes on`)
    }
    if (!server.alive) {
      await cluster.restart(name, { state: 'running', term })
      done.push(`${name} was started again (process ${server.pid})`)
    }
    if (draining.delete(name)) {
      await cluster.undrain(name)
      done.push(`${name} drains no more`)
    }
    if (server.ucc(UCC).state !== 'running') {
      await cluster.startUcc(name, UCC, { term })
      done.push(`UCC ${UCC} runs on ${name}`)
    }
  }
  return done.length === 0 ? 'nothing to repair' : done.join('; ')
}

function otherThan(cluster: Cluster, name: string): string {
  return cluster.servers.find((server) => server.name !== name)?.name ?? name
}
