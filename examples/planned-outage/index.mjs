/**
 * Maintenance: the active server asks its clients to leave. The old connection is read until the new one carries every
 * topic (make-before-break), and `canMove` keeps a client in place while its user is in a call.
 */
import assert from 'node:assert/strict'
import { createFailoverClient, logTopic } from 'failover-client'
import { startCluster } from 'failover-client/testing/node'

const TOPIC = 'chat/room-1'
const cluster = await startCluster()
const { hostname, endpoints } = cluster
let isInCall = true
let asked = 0
const client = createFailoverClient({
  hostname,
  endpoints,
  ucc: 'helpdesk',
  canMove: ({ reason, to }) => {
    asked += 1
    console.log(`may we go to ${to.name} (${reason})? ${isInCall ? 'not now' : 'yes'}`)
    return !isInCall
  },
})
/** @type {string[]} */
const states = []
client.on('stateChange', ({ to }) => states.push(to))
/** @type {string[]} */
const delivered = []
const chat = client.subscribe(logTopic(TOPIC))
chat.on('change', (change) => delivered.push(change.op === 'gap' ? 'gap' : change.key))
await client.ready()

const traffic = cluster.generate({ topic: TOPIC, perSecond: 100 })
/** @type {Promise<import('failover-client').MoveReport>} */
const switchover = new Promise((resolve) => client.once('switchover', resolve))
await cluster.drain('srv1', { leaveWithinMs: 8000, spreadMs: 100 })
while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 5))
isInCall = false
const { reason, to, timings } = await switchover
console.log(`moved to ${to.server} (${reason}); connecting took ${Math.round(timings.connectMs)} ms`)

const sent = traffic.stop().map(({ key }) => key)
while (delivered.length < sent.length) await new Promise((resolve) => setTimeout(resolve, 5))
assert.deepEqual(delivered, sent, 'nothing lost, nothing twice')
assert.deepEqual(states, ['connected'], 'and nobody saw anything else')
await client.close()
await cluster.close()
