import { Resolver } from 'node:dns/promises'
import { describe, expect, it } from 'vitest'
import { onCleanup } from '../support/harness'
import { startBind, type Bind, type BindOptions } from './support/bind'

const NAME = 'a365web1.contoso.test'

async function start(options: BindOptions): Promise<{ bind: Bind; resolver: Resolver }> {
  const bind = await startBind(options)
  onCleanup(() => bind.stop())
  const resolver = new Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([`${bind.address}:${bind.port}`])
  return { bind, resolver }
}

const ZONE = {
  name: 'contoso.test',
  records: [
    { name: NAME, type: 'CNAME', ttl: 300, values: ['srv1.contoso.test.'] },
    { name: 'srv1.contoso.test', type: 'A', ttl: 3600, values: ['10.0.0.1'] },
    { name: 'srv2.contoso.test', type: 'A', ttl: 3600, values: ['10.0.0.2'] },
  ],
} as const

describe('the BIND of these tests', () => {
  it('serves its zone, and a flipped CNAME at once', async () => {
    const { bind, resolver } = await start({ address: '127.0.0.1', port: 5300, zones: [ZONE] })
    expect(await resolver.resolve4(NAME, { ttl: true })).toEqual([{ address: '10.0.0.1', ttl: 300 }])
    await bind.flip(NAME, 'srv2.contoso.test')
    expect(await resolver.resolveCname(NAME)).toEqual(['srv2.contoso.test'])
    expect(await resolver.resolve4(NAME, { ttl: true })).toEqual([{ address: '10.0.0.2', ttl: 300 }])
    expect(await resolver.resolveNs('contoso.test')).toEqual(['ns1.contoso.test'])
  })

  it.each([
    ['dead', 'ECONNREFUSED'],
    ['hung', 'ETIMEOUT'],
    ['servfail', 'ESERVFAIL'],
    ['nxdomain', 'ENOTFOUND'],
    ['refused', 'EREFUSED'],
  ] as const)('misbehaves as asked: %s, and is whole again afterwards', async (mode, code) => {
    const { bind, resolver } = await start({ address: '127.0.0.1', port: 5300, zones: [ZONE] })
    await bind.lame(mode)
    await expect(resolver.resolve4(NAME)).rejects.toMatchObject({ code })
    await bind.lame('healthy')
    expect(await resolver.resolve4(NAME)).toEqual(['10.0.0.1'])
  })

  it('as a cache keeps the old answer until its TTL is over', async () => {
    const { bind } = await start({ address: '127.0.0.1', port: 5300, zones: [ZONE] })
    const { resolver } = await start({ address: '127.0.0.1', port: 5301, forwarders: ['127.0.0.1 port 5300'] })
    expect(await resolver.resolve4(NAME)).toEqual(['10.0.0.1'])
    await bind.flip(NAME, 'srv2.contoso.test')
    expect(await resolver.resolve4(NAME)).toEqual(['10.0.0.1'])
  })
})
