/** The same package from CommonJS: an older Node program or Electron's main process. */
const assert = require('node:assert/strict')
const { createFailoverClient, isFailoverError } = require('failover-client')
const { nodePlatform } = require('failover-client/node')
const { startCluster } = require('failover-client/testing/node')

async function main() {
  const cluster = await startCluster()
  const { hostname, endpoints } = cluster
  const platform = nodePlatform({ tls: { minVersion: 'TLSv1.3' } })
  const client = createFailoverClient({
    hostname,
    endpoints,
    ucc: 'helpdesk',
    platform,
    requests: { readyTimeoutMs: 1000 },
  })
  await client.ready()
  await Promise.all([cluster.kill('srv1'), cluster.kill('srv2')])
  const error = await client.fetch('/api/whoami').catch((/** @type {unknown} */ thrown) => thrown)
  // A network failure is a TypeError, as fetch wants it; what happened is in its cause.
  assert.ok(error instanceof TypeError)
  assert.ok(isFailoverError(error, 'NO_ENDPOINT_AVAILABLE'))
  await client.close()
  platform.close()
  await cluster.close()
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
