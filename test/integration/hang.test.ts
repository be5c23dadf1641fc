/** Line 2: the active server hangs: it accepts, answers nothing, and its established sockets are silent. */
import { expect, test } from 'vitest'
import { logTopic } from 'failover-client'
import { compareLog, EXACT, median, recordLog, reportTimes, startHarness, until } from '../support/harness'

const RUNS = 10
/** Median 1.5 s and worst 3 s, with a heartbeat of one second; tests allow three times that. */
const TARGET = { medianMs: 1500, worstMs: 3000 }

// fault-matrix: 2, 17
test(`a hanging server is left ${RUNS} times`, { timeout: 180_000 }, async () => {
  const { cluster, connect } = await startHarness()
  const times: number[] = []
  for (let run = 0; run < RUNS; run += 1) {
    // A log of its own: an earlier run's messages are part of a log's first snapshot.
    const topic = `ucc/helpdesk/run-${run}/log`
    const { client, events } = connect({ failback: { mode: 'manual' } })
    const log = recordLog(client, logTopic(topic))
    await until('the client is live', () => client.state === 'connected' && log.subscription.state === 'live', 5000)
    const active = client.active?.server ?? 'none'
    const generation = cluster.generate({ topic, perSecond: 50 })
    await until('events flow', () => log.keys.length >= 20, 3000)
    const before = log.changes.length
    const hung = await cluster.hang(active)
    const first = (): number => log.changes.findIndex((change, index) => index >= before && change.server !== active)
    await until(
      'an event of the other server',
      () => first() >= 0,
      3 * TARGET.worstMs,
      () => client.decisions().slice(-8),
    )
    times.push((log.at[first()] ?? NaN) - hung.atMonotonicMs)
    generation.stop()
    const { published } = generation
    await until('all events', () => log.keys.length >= published.length, 3000)
    expect(compareLog(published, log.keys)).toEqual(EXACT)
    await until('the report', () => events.failover.length === 1, 3000)
    expect(events.failover[0]?.reason).toBe('server-silent')
    await client.close()
    await cluster.unhang(active)
  }
  reportTimes('hang to first event of the other server', times)
  expect(median(times)).toBeLessThan(3 * TARGET.medianMs)
  expect(Math.max(...times)).toBeLessThan(3 * TARGET.worstMs)
})
