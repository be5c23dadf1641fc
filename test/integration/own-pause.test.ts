/** Line 10: the watcher watches itself. A client that was stopped blames nobody. */
import { expect, test } from 'vitest'
import type { ClientProcessNews, ClientProcessSetup } from '../support/client-process'
import { elapse, onCleanup, startHarness, until } from '../support/harness'
import { runBundled } from '../support/run-bundled'

const LOG = 'ucc/helpdesk/log'

async function startClientProcess() {
  const { cluster } = await startHarness()
  const setup: ClientProcessSetup = {
    hostname: cluster.hostname,
    endpoints: cluster.endpoints,
    ucc: 'helpdesk',
    topic: LOG,
  }
  const { child, stop } = await runBundled('test/support/client-process.ts', [JSON.stringify(setup)])
  onCleanup(stop)
  const news: ClientProcessNews[] = []
  child.on('message', (message) => void news.push(message as ClientProcessNews))
  const keys = (): string[] => news.flatMap((one) => (one.type === 'keys' ? one.keys : []))
  const states = (): string[] => news.flatMap((one) => (one.type === 'state' ? [one.to] : []))
  await until('the client is connected', () => states().at(-1) === 'connected', 10_000)
  const generation = cluster.generate({ topic: LOG, perSecond: 20 })
  await until('events flow', () => keys().length > 10, 5000)
  return { cluster, child, news, keys, states, generation }
}

/** No move, no breaker opened, every event there. */
async function expectBlameless({ child, news, keys, generation }: Awaited<ReturnType<typeof startClientProcess>>) {
  await elapse(3000)
  generation.stop()
  const published = generation.published.map((one) => one.key)
  await until(
    'all events',
    () => published.every((key) => keys().includes(key)),
    10_000,
    () => news.slice(-5),
  )
  const known = keys()
  expect(known.filter((key, index) => known.indexOf(key) !== index)).toEqual([])
  expect(news.filter((one) => one.type === 'moved')).toEqual([])
  expect(news.filter((one) => one.type === 'decision' && one.kind === 'own-pause').length).toBeGreaterThan(0)
  child.send({ ask: true })
  await until('the breakers are told', () => news.some((one) => one.type === 'breakers'), 3000)
  expect(news.find((one) => one.type === 'breakers')).toEqual({ type: 'breakers', breakers: ['closed', 'closed'] })
}

// fault-matrix: 36
test('an event loop blocked for less than a pause suspects nobody: what came meanwhile is read first', async () => {
  const { child, keys, states } = await startClientProcess()
  const before = states().length
  const known = keys().length
  // Longer than any beat may be late, and no pause yet.
  child.send({ block: 1800 })
  await until('it goes on', () => keys().length > known + 40, 10_000, states)
  expect(states().slice(before)).toEqual([])
})

test('an event loop blocked for 6 s: no failover is blamed on the server', { timeout: 60_000 }, async () => {
  const running = await startClientProcess()
  running.child.send({ block: 6000 })
  await elapse(6000)
  await expectBlameless(running)
})

// fault-matrix: 35
test('a process stopped for 20 s and continued: no failover is blamed on the server', { timeout: 90_000 }, async () => {
  const running = await startClientProcess()
  running.child.kill('SIGSTOP')
  await elapse(20_000)
  running.child.kill('SIGCONT')
  await expectBlameless(running)
})
