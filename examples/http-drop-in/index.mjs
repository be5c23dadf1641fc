/**
 * Existing code keeps its libraries: it is handed `client.fetch`, `client.WebSocket` and `client.EventSource` in place
 * of the global ones, and follows the same verdict.
 */
import assert from 'node:assert/strict'
import { createFailoverClient } from 'failover-client'
import { startCluster } from 'failover-client/testing/node'

const cluster = await startCluster()
const { hostname, endpoints } = cluster
const client = createFailoverClient({ hostname, endpoints, ucc: 'helpdesk' })
await client.ready()

/** @param {string} path */
const serverOf = async (path) => (await (await client.fetch(path)).json()).server
assert.equal(await serverOf('/api/whoami'), 'srv1')
// Its URL may stay what it was: the dedicated hostname's.
assert.equal(await serverOf(`${hostname}/api/whoami`), 'srv1')

const socket = new client.WebSocket(client.url('/failover/stream', 'ws'), 'failover-stream')
await new Promise((resolve) => (socket.onopen = resolve))
/** @type {Promise<CloseEvent>} */
const closed = new Promise((resolve) => (socket.onclose = resolve))

const events = new client.EventSource('/events/plain?topic=plain/log')
await new Promise((resolve) => (events.onopen = resolve))
/** @type {string[]} */
const heard = []
const both = new Promise((resolve) => {
  events.onmessage = ({ data }) => heard.push(JSON.parse(data).key) === 2 && resolve(undefined)
})
cluster.publish('plain/log', { key: 'before' })
await new Promise((resolve) => events.addEventListener('message', resolve, { once: true }))

await cluster.kill('srv1')
cluster.publish('plain/log', { key: 'after' })

// A safe request is answered by the other server; the caller sees only that it took a moment longer.
assert.equal(await serverOf('/api/whoami'), 'srv2')
// One WebSocket is one connection. Its owner (SignalR, graphql-ws, …) reconnects by its own rules, to the right server.
// 1012: the client left its endpoint; 1006: the connection broke first.
const { code } = await closed
console.log(`WebSocket closed with ${code}`)
assert.ok(code === 1012 || code === 1006)
// An EventSource reconnects as the standard says, with Last-Event-ID: nothing is missed.
await both
assert.deepEqual(heard, ['before', 'after'])
events.close()
await client.close()
await cluster.close()
