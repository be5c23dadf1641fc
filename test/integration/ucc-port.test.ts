/** The port of a UCC, as a load balancer checks it: open on a server while the UCC runs there. */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { startCluster, type ClusterOptions } from 'failover-client/testing/node'
import { startHarness } from '../support/harness'

const PORT = 6001

/** What a TCP check finds. */
function check(host: string, port: number): Promise<'open' | 'closed'> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => resolve('open')).once('error', () => resolve('closed'))
    socket.once('close', () => socket.destroy())
  })
}

it('is open where the UCC runs, and follows it', async () => {
  const { cluster } = await startHarness({ standby: 'stopped', uccPorts: { helpdesk: PORT } })
  const [srv1 = '', srv2 = ''] = cluster.servers.map(({ address }) => address)
  const both = async (): Promise<string[]> => Promise.all([check(srv1, PORT), check(srv2, PORT)])
  expect(await both()).toEqual(['open', 'closed'])
  await cluster.promote('srv2')
  expect(await both()).toEqual(['closed', 'open'])
  // The gray failure: it says that it runs, and the trusted application is gone.
  await cluster.stopUcc('srv2', 'helpdesk', { announce: 'silent' })
  expect(await both()).toEqual(['closed', 'closed'])
  await cluster.startUcc('srv1')
  expect(await both()).toEqual(['open', 'closed'])
  await cluster.kill('srv1')
  expect(await both()).toEqual(['closed', 'closed'])
  await cluster.restart('srv1')
  expect(await both()).toEqual(['open', 'closed'])
})

it('belongs to one UCC: the others stop without it', async () => {
  const { cluster } = await startHarness({ uccs: ['helpdesk', 'sales'], uccPorts: { sales: PORT } })
  const address = cluster.server('srv1').address
  await cluster.stopUcc('srv1', 'helpdesk')
  expect(await check(address, PORT)).toBe('open')
  await cluster.stopUcc('srv1', 'sales')
  expect(await check(address, PORT)).toBe('closed')
})

it('a server runs within the command it is given', async () => {
  const options = { servers: 1, addresses: [`127.${randomInt(1, 255)}.${randomInt(0, 256)}.1`], port: 6002 }
  const { cluster } = await startHarness({ ...options, within: { srv1: ['env', 'PLACE=here'] } })
  const { pid, url } = cluster.server('srv1')
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toContain('PLACE=here')
  expect((await fetch(`${url}/api/whoami`)).status).toBe(200)
})

it.each([
  ['uccPorts', { uccPorts: { sales: 6001 } }],
  ['uccPorts', { uccPorts: { helpdesk: 0 } }],
  ['uccPorts', { port: 6001, uccPorts: { helpdesk: 6001 } }],
  ['within', { within: { srv9: ['env'] } }],
  ['within', { within: { srv1: ['env'] } }],
  ['within', { addresses: ['127.0.0.2', '127.0.0.3'], port: 6001, within: { srv1: [] } }],
] as [string, ClusterOptions][])('refuses what cannot be: %s %j', async (field, options) => {
  await expect(startCluster(options)).rejects.toMatchObject({ code: 'INVALID_OPTION', fields: { field } })
})
