import { afterEach, expect, test } from 'vitest'
import { createFailoverClient, logTopic, type FailoverClient } from '../../src/index'
import { startCluster, type Cluster } from '../../src/testing/node'

let cluster: Cluster | undefined
let client: FailoverClient | undefined
afterEach(async () => {
  await client?.close()
  await cluster?.close()
})

test('kill: the log goes on', { timeout: 30_000 }, async () => {
  cluster = await startCluster({})
  client = createFailoverClient({ hostname: cluster.hostname, endpoints: [...cluster.endpoints], ucc: 'helpdesk' })
  client.on('decision', (d) => console.log(Math.round(performance.now()), d.kind, d.sentence))
  client.on('warning', (d) => console.log('WARN', d.code, d.sentence))
  client.on('failover', (d) => console.log('FAILOVER', d.sentence, d.timings))
  await client.ready({ timeoutMs: 5000 })
  const log = client.subscribe(logTopic<{ n: number }>('ucc/helpdesk/log'))
  const seen: string[] = []
  log.on('change', (change) => {
    seen.push(change.op === 'gap' ? 'gap' : change.key)
  })
  const generation = cluster.generate({ topic: 'ucc/helpdesk/log', perSecond: 200, count: 600 })
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const { atMonotonicMs } = await cluster.kill('srv1')
  console.log('kill at', Math.round(atMonotonicMs), performance.now())
  await generation.finished
  await expect.poll(() => seen.length, { timeout: 5000 }).toBe(600)
  expect(new Set(seen).size).toBe(600)
  console.log(client.diagnostics().subscriptions, client.state)
})
