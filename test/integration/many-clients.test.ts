/** 200 clients created, used and closed in one process: it ends by itself, and its heap does not grow. */
import { expect, it } from 'vitest'
import type { ManyClientsNews, ManyClientsSetup } from '../support/many-clients-process'
import { onCleanup, reportTimes, startHarness, until } from '../support/harness'
import { runBundled } from '../support/run-bundled'

const CLIENTS = 200
const BATCH = 40
const MAX_GROWTH = 1.1

it('200 clients leave neither memory nor anything alive', async () => {
  const { cluster } = await startHarness({ servers: 2 })
  cluster.publish('ucc/helpdesk/agents', { key: 'a1', data: { state: 'ready' } })
  const { hostname, endpoints } = cluster
  const setup: ManyClientsSetup = { hostname, endpoints, ucc: 'helpdesk', clients: CLIENTS, batch: BATCH }
  const bundled = await runBundled('test/support/many-clients-process.ts', [JSON.stringify(setup)], ['--expose-gc'])
  onCleanup(() => bundled.stop())
  const news: ManyClientsNews[] = []
  let endedAt = 0
  let doneAt = 0
  bundled.child.on('message', (message) => {
    news.push(message as ManyClientsNews)
    if ((message as ManyClientsNews).type === 'done') doneAt = performance.now()
  })
  void bundled.ended.then(() => (endedAt = performance.now()))
  await until(
    'all are closed',
    () => news.some(({ type }) => type !== 'batch'),
    100_000,
    () => news,
  )
  expect(news.filter(({ type }) => type === 'failed')).toEqual([])
  await until(
    'the process has ended by itself',
    () => endedAt > 0,
    3 * 1000,
    () => news.at(-1),
  )
  expect(await bundled.ended).toBe(0)
  reportTimes('end of the process after the last close', [endedAt - doneAt])

  const batches = news.filter((one) => one.type === 'batch')
  const heaps = batches.map(({ heapBytes }) => heapBytes)
  console.log(`heap after each ${BATCH} clients: ${heaps.map((bytes) => (bytes / 1e6).toFixed(2)).join(', ')} MB`)
  expect(heaps).toHaveLength(CLIENTS / BATCH)
  expect((heaps.at(-1) ?? Infinity) / (heaps[0] ?? 0)).toBeLessThan(MAX_GROWTH)
  const closes = news.flatMap((one) => (one.type === 'done' ? one.closeMs : []))
  reportTimes('close()', closes)
  expect(closes).toHaveLength(CLIENTS)
  expect(Math.max(...closes)).toBeLessThan(1000)
  for (const { resources } of batches) expect(resources).toEqual([])
  for (const server of cluster.servers) {
    const open = (): number => server.connections().filter(({ closedAt }) => closedAt === undefined).length
    await until(`${server.name} has no connection left`, () => open() === 0, 3000)
  }
}, 120_000)
