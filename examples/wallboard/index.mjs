/**
 * A wallboard: figures of queues on a screen that must never go blank. The two servers share no log (`log: 'split'`):
 * the standby cannot replay what was missed, so its snapshot is taken and only the differences are told.
 */
import assert from 'node:assert/strict'
import { createFailoverClient, stateTopic } from 'failover-client'
import { startCluster } from 'failover-client/testing/node'

/** @typedef {{ waiting: number }} Queue */

const TOPIC = 'ucc/helpdesk/queues'
const cluster = await startCluster({ log: 'split' })
for (const key of ['sales', 'support', 'billing']) cluster.publish(TOPIC, { key, data: { waiting: 1 } })

const { hostname, endpoints } = cluster
// A real wallboard says priority: 'board' and lets the agents move first; this one is in a hurry.
const client = createFailoverClient({ hostname, endpoints, ucc: 'helpdesk', priority: 'interactive' })

/** @param {any} data @returns {Queue} */
function parse(data) {
  if (typeof data?.waiting !== 'number') throw new Error('a queue has a number of waiting callers')
  return data
}

const queues = client.subscribe(stateTopic(TOPIC, { parse }))
/** Every picture that was on the screen, and which rows changed. @type {{ rows: number, changed: string[] }[]} */
const pictures = []
queues.on('batch', (changes) => {
  const changed = changes.flatMap((change) => (change.op === 'gap' ? [] : [change.key]))
  pictures.push({ rows: queues.view.size, changed })
  console.log([...queues.view].map(([queue, { waiting }]) => `${queue} ${waiting}`).join(' | '))
})
queues.on('state', (state) => console.log(`the figures are ${state}`))

await new Promise((resolve) => queues.once('batch', resolve))
const failover = new Promise((resolve) => client.once('failover', resolve))
await cluster.kill('srv1')
cluster.publish(TOPIC, { key: 'support', data: { waiting: 7 } })
await failover

assert.deepEqual(queues.view.get('support'), { waiting: 7 })
assert.deepEqual(
  pictures.map(({ rows }) => rows),
  [3, 3],
  'the screen is never blank',
)
assert.deepEqual(pictures[1]?.changed, ['support'], 'and only what differs is drawn again')
await client.close()
await cluster.close()
