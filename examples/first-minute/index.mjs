import { createFailoverClient, stateTopic } from 'failover-client'
import { startCluster } from 'failover-client/testing/node'

const cluster = await startCluster() // two real servers, srv1 and srv2, on this machine
const client = createFailoverClient({ hostname: cluster.hostname, endpoints: cluster.endpoints, ucc: 'helpdesk' })
client.on('failover', ({ sentence }) => console.log(sentence))
cluster.publish('ucc/helpdesk/agents', { key: 'ada', data: 'available' })

for await (const change of client.subscribe(stateTopic('ucc/helpdesk/agents'))) {
  if (change.op !== 'upsert') continue
  console.log(`${change.key} is ${change.data}, says ${change.server}`)
  if (change.key === 'bob') break
  await cluster.kill('srv1') // the active server is gone; nobody touches DNS
  cluster.publish('ucc/helpdesk/agents', { key: 'bob', data: 'on a call' })
}
console.log(await client.fetch('/api/whoami').then((response) => response.json()))
await Promise.all([client.close(), cluster.close()])
