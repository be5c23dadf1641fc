/**
 * A session of the application (who is logged in, with which settings) lives on the server and dies with it.
 * `restoreSession` builds it up again on every new server, before any subscription or queued command reaches it.
 */
import assert from 'node:assert/strict'
import { createFailoverClient, stateTopic } from 'failover-client'
import { startCluster } from 'failover-client/testing/node'

const cluster = await startCluster({ keys: 'split', tokens: ['secret'] })
const { hostname, endpoints } = cluster
const client = createFailoverClient({
  hostname,
  endpoints,
  ucc: 'helpdesk',
  token: ({ reason, server }) => {
    console.log(`a token for ${server ?? 'the first server'} (${reason})`)
    return 'secret'
  },
  // Everything in the context is bound to the new server. A rejection ends that attempt, and another one follows.
  restoreSession: async ({ endpoint, previous, command, fetch, signal }) => {
    console.log(`restoring on ${endpoint.server}, coming from ${previous?.server ?? 'nowhere'}`)
    const { status } = await fetch('/api/whoami', { signal })
    if (status !== 200) throw new Error(`the settings could not be read: ${status}`)
    await command('login', { name: 'ada' }, { safety: 'set' })
  },
})
const agents = client.subscribe(stateTopic('ucc/helpdesk/agents'))
await client.ready()

const failover = new Promise((resolve) => client.once('failover', resolve))
await cluster.kill('srv1')
const queued = client.command('hello', {}, { safety: 'read' })
await failover
await queued

const executed = cluster.ledger.all().map(({ server, name }) => `${server} ${name}`)
assert.deepEqual(executed, ['srv1 login', 'srv2 login', 'srv2 hello'], 'the login goes first')
assert.equal(agents.state, 'live')
await client.close()
await cluster.close()
