/**
 * A chat: each message exactly once and in order while the active server is killed under it. The servers share the log,
 * so the standby resumes behind the last message that was seen.
 */
import assert from 'node:assert/strict'
import { createFailoverClient, logTopic } from 'failover-client'
import { startCluster } from 'failover-client/testing/node'

const TOPIC = 'chat/room-1'
const MESSAGES = 400
const cluster = await startCluster()
const { hostname, endpoints } = cluster
const client = createFailoverClient({ hostname, endpoints, ucc: 'helpdesk' })
client.on('failover', ({ sentence }) => console.log(sentence))
client.on('resume', ({ sentence }) => console.log(sentence))

const chat = client.subscribe(logTopic(TOPIC))
/** @type {string[]} */
const delivered = []
const complete = new Promise((resolve, reject) => {
  chat.on('change', (change) => {
    // In band and in order: whatever follows a gap is newer than what is missing.
    if (change.op === 'gap') return reject(new Error(`messages may be missing: ${change.reason}`))
    delivered.push(change.key)
    if (delivered.length === MESSAGES) resolve(undefined)
  })
})

await client.ready()
const traffic = cluster.generate({ topic: TOPIC, perSecond: 200, count: MESSAGES })
await new Promise((resolve) => chat.once('change', resolve))
await cluster.kill('srv1')
const sent = await traffic.finished
await complete

assert.deepEqual(
  delivered,
  sent.map(({ key }) => key),
  'each message once, in order',
)
console.log(`${delivered.length} messages, each exactly once; go on later from ${JSON.stringify(chat.cursor)}`)
await client.close()
await cluster.close()
