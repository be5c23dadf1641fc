/** Testing an application of your own against servers that fail, with Node's test runner; any other will do. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createFailoverClient, stateTopic } from 'failover-client'
import { startCluster } from 'failover-client/testing/node'

const TOPIC = 'ucc/helpdesk/agents'
/** @type {import('failover-client/testing/node').Cluster} */
let cluster
/** @type {import('failover-client').FailoverClient} */
let client
/** What the application has shown. @type {string[]} */
const shown = []

/** Stands for the application. */
function application() {
  const agents = client.subscribe(stateTopic(TOPIC))
  agents.on('batch', () => shown.push([...agents.view.keys()].join(', ')))
  client.on('stateChange', ({ to, offlineReason }) => {
    if (to === 'offline') shown.push(`no server (${offlineReason})`)
  })
}

/** @param {string} text */
async function showing(text) {
  while (shown.at(-1) !== text) await new Promise((resolve) => setTimeout(resolve, 5))
}

before(async () => {
  cluster = await startCluster()
  const { hostname, endpoints } = cluster
  client = createFailoverClient({ hostname, endpoints, ucc: 'helpdesk', failover: { spreadMs: 0 } })
  application()
})

after(async () => {
  await client.close()
  await cluster.close()
})

test('agents stay on the screen when the contact centre stops on the active server', { timeout: 20_000 }, async () => {
  cluster.publish(TOPIC, { key: 'ada', data: {} })
  await showing('ada')
  await cluster.stopUcc('srv1') // the gray failure: its web services go on and answer 200
  cluster.publish(TOPIC, { key: 'bob', data: {} })
  await showing('ada, bob')
  assert.equal(client.active?.server, 'srv2')
})

test('an outage is told with its reason, and ends by itself', { timeout: 30_000 }, async () => {
  await Promise.all([cluster.kill('srv1'), cluster.kill('srv2')])
  await showing('no server (servers)')
  await cluster.restart('srv2')
  cluster.publish(TOPIC, { key: 'cleo', data: {} })
  await showing('ada, bob, cleo')
})
