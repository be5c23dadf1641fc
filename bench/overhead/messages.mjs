// Events through a subscription against a raw WebSocket that parses the same frames.
import { createFailoverClient, logTopic, stateTopic } from 'failover-client'
import { WebSocket } from 'ws'
import { count, median, times } from '../lib/numbers.mjs'
import { report } from '../lib/report.mjs'
import { startPlainServer } from '../lib/start-plain-server.mjs'

const EVENTS = 20_000
const ROUNDS = 7
const MORE_TOPICS = 1000

/** Resolves with the cost of so many events when the last has come. `listen` is given what to call for each. */
async function flood(listen, order) {
  let seen = 0
  let cpu
  let started
  const done = new Promise((resolve) => {
    listen((news) => {
      if (seen === 0) {
        cpu = process.cpuUsage()
        started = performance.now()
      }
      seen += news
      if (seen >= EVENTS) resolve()
    })
  })
  order()
  await done
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: (EVENTS / (performance.now() - started)) * 1000, cpuUs: (user + system) / EVENTS }
}

async function rawSubject(url, topic) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/failover/stream`, { perMessageDeflate: false })
  let heard = () => undefined
  await new Promise((resolve) => {
    socket.on('open', () => {
      socket.send(JSON.stringify({ type: 'hello', version: 1, client: { id: 'raw' }, ucc: 'helpdesk' }))
      socket.send(JSON.stringify({ type: 'subscribe', id: 1, topic }))
    })
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data))
      if (frame.type === 'event') heard(1)
      else if (frame.type === 'snapshot') resolve()
    })
  })
  let id = 1
  const order = () => socket.send(JSON.stringify({ type: 'command', id: ++id, name: 'flood', args: { count: EVENTS } }))
  return { run: () => flood((listener) => (heard = listener), order), close: () => socket.close() }
}

async function clientSubject(url, topic, { more = 0, eventName = 'change' } = {}) {
  const client = createFailoverClient({ hostname: url, endpoints: [url], ucc: 'helpdesk' })
  const subscription = client.subscribe(topic)
  let heard = () => undefined
  subscription.on(eventName, (news) => heard(eventName === 'batch' ? news.length : 1))
  const others = []
  await live(subscription)
  for (let n = 0; n < more; n += 1) others.push(client.subscribe(stateTopic(`state-more/${n}`)))
  for (const other of others) await live(other)
  const order = () => void client.command('flood', { count: EVENTS }, { deadlineMs: 60_000 }).catch(() => undefined)
  return { run: () => flood((listener) => (heard = listener), order), close: () => client.close() }
}

async function live(subscription) {
  const started = performance.now()
  while (subscription.state !== 'live') {
    if (performance.now() - started > 15_000) throw new Error(`${subscription.topic} is ${subscription.state}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

export async function measureMessages() {
  const server = await startPlainServer()
  const { url } = server
  const subjects = [
    ['raw ws, JSON.parse only', await rawSubject(url, 'log-raw')],
    ['log topic', await clientSubject(url, logTopic('log-one'))],
    ['state topic of 50 items', await clientSubject(url, stateTopic('state-items-50/one'))],
    ['state topic of 5,000 items', await clientSubject(url, stateTopic('state-items-5000/one'))],
    [
      `log topic beside ${count(MORE_TOPICS)} others`,
      await clientSubject(url, logTopic('log-two'), { more: MORE_TOPICS }),
    ],
  ].map(([name, subject]) => ({ name, subject, costs: [] }))
  // The first round warms up.
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const { subject, costs } of subjects) {
      const cost = await subject.run()
      if (round >= 0) costs.push(cost)
    }
  }
  for (const { subject } of subjects) await subject.close()
  await server.stop()
  const of = (costs, which) => median(costs.map((one) => one[which]))
  const base = subjects[0].costs
  const rows = subjects.map(({ name, costs }) => [
    name,
    count(of(costs, 'perSecond')),
    times(of(base, 'perSecond') / of(costs, 'perSecond')),
    `${of(costs, 'cpuUs').toFixed(1)} us`,
    times(of(costs, 'cpuUs') / of(base, 'cpuUs')),
  ])
  report({
    title: 'Messages',
    columns: ['receiver', 'events a second', 'time ratio', 'CPU an event', 'CPU ratio'],
    rows,
  })
}
