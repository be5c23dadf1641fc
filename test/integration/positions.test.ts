/** Several consumers of one log, each going on from a position of its own: nobody's is another's. */
import { expect, test } from 'vitest'
import { recordLog, startHarness, until } from '../support/harness'

const CHAT = 'chat/room1'

test('a consumer that names its position gets what came after it, whatever others of the topic have read', async () => {
  const { cluster, connect } = await startHarness()
  const published = Array.from({ length: 10 }, (_, n) => cluster.publish(CHAT, { key: `m${n + 1}`, data: n + 1 }))
  const [, , , , fifth, , , eighth] = published.map(({ cursor }) => cursor)
  if (fifth === undefined || eighth === undefined) throw new Error('ten messages were published')
  const { client, events } = connect()

  const first = recordLog(client, CHAT)
  await until('the first to be live', () => first.subscription.state === 'live', 5000)
  const later = recordLog(client, CHAT, { cursor: fifth })
  const together = [eighth, fifth].map((cursor) => recordLog(client, CHAT, { cursor }))
  const foreign = recordLog(client, CHAT, { cursor: { epoch: 'of another log', seq: 5 } })
  const all = [first, later, ...together, foreign]
  await until('all to be live', () => all.every(({ subscription }) => subscription.state === 'live'), 5000)

  await cluster.kill('srv1')
  cluster.publish(CHAT, { key: 'm11', data: 11 })
  await until('the last message everywhere', () => all.every(({ keys }) => keys.at(-1) === 'm11'), 5000)
  const from = (n: number): string[] => published.slice(n).map(({ key }) => key)
  expect(first.keys).toEqual([...from(0), 'm11'])
  expect(later.keys).toEqual([...from(5), 'm11'])
  expect(together.map(({ keys }) => keys)).toEqual([
    [...from(8), 'm11'],
    [...from(5), 'm11'],
  ])
  expect(foreign.keys).toEqual(['gap', ...from(0), 'm11'])
  expect(events.gap.map(({ topic }) => topic)).toEqual([CHAT])
  expect(client.diagnostics()).toMatchObject({ subscriptions: all.map(() => ({ topic: CHAT, state: 'live' })) })
})

test('consumers without a position share one subscription of the connection', async () => {
  const { cluster, connect } = await startHarness()
  const { client } = connect()
  const two = [recordLog(client, CHAT), recordLog(client, CHAT)]
  await until('both to be live', () => two.every(({ subscription }) => subscription.state === 'live'), 5000)
  cluster.publish(CHAT, { key: 'm1', data: 1 })
  await until('the message', () => two.every(({ keys }) => keys.length === 1), 5000)
  expect(client.diagnostics()).toMatchObject({ subscriptions: [{ topic: CHAT }] })
  expect(cluster.server('srv1').connections()).toMatchObject([{ topics: [CHAT] }])
})
