/** What the sources of endpoints may say, and what is made of nonsense. */
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../src/client/options'
import { Resolution } from '../../src/client/resolution'
import type { EndpointSeed } from '../../src/core/pool-protocol'
import type { Platform } from '../../src/platform/platform'

function world(): {
  resolution: Resolution
  warnings: { code: string; sentence: string }[]
  accept: (...named: unknown[]) => EndpointSeed[]
} {
  const warnings: { code: string; sentence: string }[] = []
  const config = resolveOptions({
    hostname: 'a365web1.contoso.com',
    endpoints: ['srv1.contoso.com', 'srv2.contoso.com'],
    allowedHosts: ['far.example'],
  })
  const hooks = {
    merge: () => undefined,
    designated: () => undefined,
    known: () => [],
    warn: (code: string, sentence: string) => void warnings.push({ code, sentence }),
  }
  const resolution = new Resolution(config, {} as Platform, hooks)
  return { resolution, warnings, accept: (...named) => resolution.accept('a test', named as never) }
}

describe('accepted', () => {
  it('are siblings, allowed names and the hostname at an address; configured ones keep their seed', () => {
    const { accept, warnings } = world()
    const seeds = accept(
      { url: 'https://srv2.contoso.com', server: 's2' },
      { url: 'https://srv3.contoso.com' },
      { url: 'wss://far.example' },
      { url: 'https://a365web1.contoso.com', address: '10.0.0.7' },
    )
    expect(seeds.map(({ id, rank, address }) => [id, rank, address])).toEqual([
      ['https://srv2.contoso.com', 1, undefined],
      ['https://srv3.contoso.com', 101, undefined],
      ['https://far.example', 102, undefined],
      ['https://a365web1.contoso.com#10.0.0.7', 103, '10.0.0.7'],
    ])
    expect(warnings).toEqual([])
  })
})

describe('refused', () => {
  it.each([
    [null, 'MALFORMED_ANSWER'],
    [5, 'MALFORMED_ANSWER'],
    [{}, 'MALFORMED_ANSWER'],
    [{ url: 5 }, 'MALFORMED_ANSWER'],
    [{ url: 'srv3' }, 'MALFORMED_ANSWER'],
    [{ url: 'https://a365web1.contoso.com', address: 'evil.example' }, 'MALFORMED_ANSWER'],
    [{ url: 'https://a365web1.contoso.com', address: 7 }, 'MALFORMED_ANSWER'],
    [{ url: 'https://evil.example' }, 'FOREIGN_PEER_REFUSED'],
    [{ url: 'http://srv3.contoso.com' }, 'DOWNGRADE_REFUSED'],
  ])('%o: %s, told once however often it is said', (entry, code) => {
    const { accept, warnings } = world()
    expect(accept(entry)).toEqual([])
    expect(accept(entry)).toEqual([])
    expect(warnings.map((warning) => warning.code)).toEqual([code])
  })

  it('are named by their host, and by nothing else of what was said', () => {
    const { accept, warnings } = world()
    accept({ url: 'https://user:password@evil.example:8443/path?token=abc' }, { url: 'https://evil.example/a' })
    for (const { sentence } of warnings) expect(sentence).not.toMatch(/password|token|path/)
    expect(warnings.at(-1)?.sentence).toContain('evil.example')
  })

  it('at most a few of: a hostile source can name others for ever', () => {
    const { accept, warnings } = world()
    for (let count = 0; count < 1000; count += 1) accept({ url: `https://evil${count}.example` })
    expect(warnings.length).toBeLessThanOrEqual(64)
  })

  it('are empty lists of peers', () => {
    const { resolution, warnings } = world()
    expect(resolution.acceptPeers('s1', [])).toEqual([])
    expect(warnings).toEqual([{ code: 'MALFORMED_ANSWER', sentence: 's1 (peers) named no endpoints.' }])
  })
})
