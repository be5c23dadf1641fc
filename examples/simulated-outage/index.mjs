/** An outage of your application in a unit test: simulated servers, network and time; your code, the real client. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFailoverClient, stateTopic } from 'failover-client'
import { SimulatedWorld } from 'failover-client/testing'

/**
 * Stands for your application: it knows nothing of simulations.
 * @param {import('failover-client').FailoverClient} client
 */
function wallboard(client) {
  const agents = client.subscribe(stateTopic('ucc/helpdesk/agents'))
  const board = { text: '', banner: '' }
  agents.on('batch', () => {
    board.text = [...agents.view].map(([name, state]) => `${name} ${state}`).join(', ')
  })
  client.on('stateChange', ({ to, offlineReason }) => {
    board.banner = to === 'offline' ? `no server (${offlineReason})` : ''
  })
  return { board, callBack: (/** @type {string} */ number) => client.command('callBack', { number }) }
}

/**
 * A world, and the application on a device in it.
 * @param {import('failover-client/testing').SimulatedWorldOptions} [options]
 */
async function start(options) {
  const world = new SimulatedWorld({ seed: 1, servers: ['srv1', 'srv2'], uccs: ['helpdesk'], ...options })
  const device = world.device({ name: 'wallboard', kind: 'page' })
  const { hostname, endpoints } = world
  const client = createFailoverClient({ hostname, endpoints, ucc: 'helpdesk', platform: device.platform() })
  const application = wallboard(client)
  world.publish('ucc/helpdesk/agents', { key: 'ada', data: 'ready' })
  await world.runUntil(() => application.board.text === 'ada ready', 5000)
  return { world, device, client, ...application }
}

test('the board goes on when the active server is killed', async () => {
  const { world, client, board } = await start()
  world.server('srv1').kill()
  world.publish('ucc/helpdesk/agents', { key: 'ada', data: 'busy' })
  await world.runUntil(() => board.text === 'ada busy', 1000)
  assert.equal(client.active?.server, 'srv2')
  assert.equal(board.banner, '')
  await world.settle(client.close())
  assert.deepEqual(world.leftovers(), [])
})

test('a call back is placed once, though the server dies before it can answer', async () => {
  /** @type {unknown[]} */
  const placed = []
  const { world, client, callBack } = await start({ commands: { callBack: (args) => placed.push(args) } })
  world.setCommandDelay({ afterMs: 300 })
  const answered = callBack('+41 44 668 18 00')
  await world.run(100)
  world.server('srv1').kill()
  await world.settle(answered, 5000)
  assert.deepEqual(placed, [{ number: '+41 44 668 18 00' }])
  await world.settle(client.close())
})

test('a night asleep and a morning without network: the board says so, and comes back', async () => {
  const { world, device, client, board } = await start()
  device.sleep({ forMs: 8 * 3_600_000 })
  await world.run(8 * 3_600_000)
  device.offline()
  await world.runUntil(() => board.banner === 'no server (network)', 5000)
  world.publish('ucc/helpdesk/agents', { key: 'ada', data: 'gone home' })
  await world.run(60_000)
  assert.equal(board.text, 'ada ready')
  device.online()
  await world.runUntil(() => board.text === 'ada gone home' && board.banner === '', 30_000)
  await world.settle(client.close())
})
