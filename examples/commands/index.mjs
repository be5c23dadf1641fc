/**
 * Commands and what a repeat of them would mean. The server dies after it has executed both commands and before it
 * could say so; the two servers do not know each other's executed commands (`keys: 'split'`).
 */
import assert from 'node:assert/strict'
import { createFailoverClient, isFailoverError } from 'failover-client'
import { startCluster } from 'failover-client/testing/node'

const cluster = await startCluster({ keys: 'split', commandDelayMs: 60_000 })
const { hostname, endpoints, ledger } = cluster
const client = createFailoverClient({ hostname, endpoints, ucc: 'helpdesk' })
client.on('outcomeUnknown', ({ subject, key, sentence }) => console.log(`${subject} (${key}): ${sentence}`))
client.subscribe('ucc/helpdesk/agents')
await client.ready()

// The last value counts: sent again on the other server, unless a newer one was asked for meanwhile.
const state = client.command('set', { target: 'ada', value: 'break' }, { safety: 'set', target: 'ada', key: 'state-1' })
// A second execution would be a second call: never sent again where the first cannot be known.
const call = client.command('dial', { number: '+31 10 555 0100' }, { safety: 'effect', key: 'call-1' })
const fate = call.then(
  () => 'done',
  (error) => (isFailoverError(error, 'OUTCOME_UNKNOWN') ? 'unknown' : error),
)

while (ledger.all().length < 2) await new Promise((resolve) => setImmediate(resolve))
cluster.setCommandDelay({ afterMs: 0 })
await cluster.kill('srv1')

assert.deepEqual(await fate, 'unknown', 'the application is told, and reconciles from the state')
assert.deepEqual(ledger.executions('call-1').length, 1, 'nobody was called twice')
await state
assert.deepEqual(
  ledger.executions('state-1').map(({ server }) => server),
  ['srv1', 'srv2'],
)
assert.equal(ledger.values().get('ada'), 'break')
await client.close()
await cluster.close()
