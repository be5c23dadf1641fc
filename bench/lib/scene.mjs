// A real cluster and real clients to measure on: the built package, by its name.
import { setTimeout as delay } from 'node:timers/promises'
import { createFailoverClient, logTopic } from 'failover-client'
import { startCluster } from 'failover-client/testing/node'

export const UCC = 'helpdesk'

/** Starts a cluster, plays the scene on it, and ends every process whatever happened. */
export async function withCluster(options, scene) {
  const cluster = await startCluster(options)
  try {
    return await scene(cluster)
  } finally {
    await cluster.close()
  }
}

/** A client of this cluster with nothing tuned but what is said here. */
export function connect(cluster, options = {}) {
  return createFailoverClient({ hostname: cluster.hostname, endpoints: [...cluster.endpoints], ucc: UCC, ...options })
}

/** Waits for a condition; resolves with how long it took. Throws when it does not come. */
export async function until(what, condition, withinMs, state = () => '') {
  const started = performance.now()
  while (!condition()) {
    if (performance.now() - started > withinMs) {
      throw new Error(`not within ${withinMs} ms: ${what} ${JSON.stringify(state())}`)
    }
    await delay(1)
  }
  return performance.now() - started
}

/** Lets time pass, where time itself is the condition. */
export function elapse(timeMs) {
  return delay(timeMs)
}

/** Subscribes a log and notes what came when and from whom. */
export function recordLog(client, topic, options = {}) {
  const log = { keys: [], servers: [], at: [], subscription: client.subscribe(logTopic(topic), options) }
  log.subscription.on('change', (change) => {
    log.keys.push(change.op === 'gap' ? 'gap' : change.key)
    log.servers.push(change.server)
    log.at.push(performance.now())
  })
  return log
}

/** `performance.now()` of the first change that another server sent, after the first `skip` changes. */
export function firstFromOther(log, server, skip) {
  const index = log.servers.findIndex((sender, place) => place >= skip && sender !== server)
  return index < 0 ? undefined : log.at[index]
}

/** How many messages were lost, repeated, out of order or not asked for. 0 = exact. */
export function defects(published, keys) {
  const expected = published.map(({ key }) => key)
  const from = expected.indexOf(keys[0])
  if (from < 0) return expected.length + keys.length
  const due = expected.slice(from)
  let wrong = Math.abs(due.length - keys.length)
  for (let place = 0; place < Math.min(due.length, keys.length); place += 1) if (due[place] !== keys[place]) wrong += 1
  return wrong
}
