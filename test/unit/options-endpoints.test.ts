import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../src/client/options'
import { acceptLearnedUrl, areSiblings, normaliseAddress, normaliseBase, normaliseName } from '../../src/client/urls'
import { endpointId } from '../../src/core/endpoint-id'

const hostname = 'a365web1.contoso.com'

function urlsOf(host: string, endpoints: readonly (string | URL | { url: string })[]): string[] {
  return resolveOptions({ hostname: host, endpoints }).endpoints.map(({ url }) => url)
}

describe('the dedicated hostname', () => {
  it.each([
    ['a365web1.contoso.com', 'https://a365web1.contoso.com', 'a365web1.contoso.com', false],
    ['  A365WEB1.Contoso.com.  ', 'https://a365web1.contoso.com', 'a365web1.contoso.com', false],
    ['https://a365web1.contoso.com/', 'https://a365web1.contoso.com', 'a365web1.contoso.com', false],
    ['https://a365web1.contoso.com:443/base//', 'https://a365web1.contoso.com/base', 'a365web1.contoso.com', false],
    ['a365web1:8443/Base', 'https://a365web1:8443/Base', 'a365web1', false],
    ['http://localhost:8080', 'http://localhost:8080', 'localhost', false],
    ['localhost:8080', 'https://localhost:8080', 'localhost', false],
    ['10.0.0.1', 'https://10.0.0.1', '10.0.0.1', true],
    ['http://127.0.0.1:80', 'http://127.0.0.1', '127.0.0.1', true],
    ['::1', 'https://[::1]', '::1', true],
    ['[fe80::0001]:8443', 'https://[fe80::1]:8443', 'fe80::1', true],
    ['münchen.example.com', 'https://xn--mnchen-3ya.example.com', 'xn--mnchen-3ya.example.com', false],
    ['srv_1.corp', 'https://srv_1.corp', 'srv_1.corp', false],
  ])('%s', (input, url, name, isIp) => {
    expect(resolveOptions({ hostname: input }).hostname).toMatchObject({ id: url, url, name, isIp })
  })

  it('may be a URL object', () => {
    expect(resolveOptions({ hostname: new URL('https://h.example.com/base/') }).hostname.url).toBe(
      'https://h.example.com/base',
    )
  })
})

describe('endpoints', () => {
  it('take scheme, port and base path of the dedicated hostname when they are bare names', () => {
    expect(
      urlsOf('http://a365web1:8080/base/', ['srv1', 'srv2:9090', 'srv3/other', 'srv4:1/', 'http://srv5', '::1']),
    ).toEqual([
      'http://srv1:8080/base',
      'http://srv2:9090/base',
      'http://srv3:8080/other',
      'http://srv4:1',
      'http://srv5',
      'http://[::1]:8080/base',
    ])
  })

  it('may be https beside an http hostname', () => {
    expect(urlsOf('http://a365web1', ['https://srv1'])).toEqual(['https://srv1'])
  })

  it('come in rank order, equal ranks in the order given', () => {
    const { endpoints } = resolveOptions({
      hostname,
      endpoints: ['a', { url: 'b', rank: 9 }, { url: 'c', rank: 0 }, new URL('https://d'), { url: 'e', rank: 2 }],
    })
    expect(endpoints.map(({ name, rank }) => [name, rank])).toEqual([
      ['a', 0],
      ['c', 0],
      ['e', 2],
      ['d', 3],
      ['b', 9],
    ])
  })

  it('are told apart by address: one name, two roads', () => {
    const url = `https://${hostname}`
    const { endpoints, endpointsGiven } = resolveOptions({
      hostname,
      endpoints: [
        { url, address: '10.0.0.1' },
        { url, address: '10.0.0.2', name: 'passive', site: 'ams' },
        { url: 'https://[2001:db8::1]', address: '2001:DB8:0::2', hostname: 'A365web2.Contoso.com' },
      ],
    })
    expect(endpointsGiven).toBe(true)
    expect(endpoints).toEqual([
      {
        id: `${url}#10.0.0.1`,
        url,
        name: `${hostname} (10.0.0.1)`,
        rank: 0,
        address: '10.0.0.1',
        field: 'endpoints[0]',
      },
      { id: `${url}#10.0.0.2`, url, name: 'passive', rank: 1, site: 'ams', address: '10.0.0.2', field: 'endpoints[1]' },
      {
        id: 'https://[2001:db8::1]#2001:db8::2',
        url: 'https://[2001:db8::1]',
        name: '[2001:db8::1] (2001:db8::2)',
        rank: 2,
        address: '2001:db8::2',
        hostname: 'a365web2.contoso.com',
        field: 'endpoints[2]',
      },
    ])
  })

  it('have ids that stay', () => {
    expect(endpointId('https://srv1')).toBe('https://srv1')
    expect(endpointId('https://srv1/base', '10.0.0.2')).toBe('https://srv1/base#10.0.0.2')
  })
})

describe('names and addresses', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['010.0.0.1', undefined],
    ['10.0.0.1.', undefined],
    ['10.0.0.256', undefined],
    ['10.0.0', undefined],
    ['[::1]', undefined],
    ['fe80::1%eth0', undefined],
    ['1:2:3', undefined],
    ['', undefined],
  ])('address %s is %s', (text, address) => {
    expect(normaliseAddress(text)).toBe(address)
  })

  it.each([
    ['SRV1.contoso.com.', 'srv1.contoso.com'],
    ['10.0.0.1', '10.0.0.1'],
    ['::1', '::1'],
    ['srv1', 'srv1'],
    ['srv1:443', undefined],
    ['https://srv1', undefined],
    ['srv1/x', undefined],
    ['*.contoso.com', undefined],
    ['a@b', undefined],
    ['7', undefined],
    ['', undefined],
  ])('name %s is %s', (text, name) => {
    expect(normaliseName(text)).toBe(name)
  })

  it('allowedHosts are normalised, once each', () => {
    const { allowedHosts } = resolveOptions({
      hostname,
      allowedHosts: ['SRV9.Fabrikam.com', 'srv9.fabrikam.com.', '::1'],
    })
    expect(allowedHosts).toEqual(['srv9.fabrikam.com', '::1'])
  })
})

describe('learned URLs', () => {
  function accept(
    text: string,
    host = hostname,
    allowedHosts: readonly string[] = [],
    endpoints?: readonly string[],
  ): string {
    const config = resolveOptions({ hostname: host, allowedHosts, endpoints })
    const configured = config.endpointsGiven ? config.endpoints.map(({ url }) => url) : []
    const result = acceptLearnedUrl(text, { hostname: config.hostname, allowedHosts: config.allowedHosts, configured })
    return result.ok ? result.url : result.reason
  }

  it.each([
    // siblings: the same parent, at least two labels
    ['https://srv1.contoso.com', hostname, 'https://srv1.contoso.com'],
    ['https://SRV1.contoso.com.:443/', hostname, 'https://srv1.contoso.com'],
    ['https://srv1.contoso.com:8443/base', hostname, 'https://srv1.contoso.com:8443/base'],
    ['wss://srv1.contoso.com', hostname, 'https://srv1.contoso.com'],
    [`https://${hostname}:9000`, hostname, `https://${hostname}:9000`],
    ['https://srv1.fabrikam.com', hostname, 'foreign'],
    ['https://a.srv1.contoso.com', hostname, 'foreign'],
    ['https://contoso.com', hostname, 'foreign'],
    ['https://evilcontoso.com', hostname, 'foreign'],
    ['https://srv1.contoso.com.evil.com', hostname, 'foreign'],
    ['https://10.0.0.1', hostname, 'foreign'],
    ['https://fabrikam.com', 'contoso.com', 'foreign'],
    ['https://contoso.com', 'contoso.com', 'https://contoso.com'],
    ['https://fabrikam.co.uk', 'contoso.co.uk', 'foreign'],
    ['https://srv1.contoso.co.uk', 'web.contoso.co.uk', 'https://srv1.contoso.co.uk'],
    ['https://srv2', 'srv1', 'foreign'],
    ['https://srv1', 'srv1', 'https://srv1'],
    // never down from https
    ['http://srv1.contoso.com', hostname, 'downgrade'],
    ['ws://srv1.contoso.com', hostname, 'downgrade'],
    [`http://${hostname}`, hostname, 'downgrade'],
    ['http://srv1.contoso.com', `http://${hostname}`, 'http://srv1.contoso.com'],
    ['https://srv1.contoso.com', `http://${hostname}`, 'https://srv1.contoso.com'],
    ['http://srv1.fabrikam.com', hostname, 'foreign'],
    // an address has no siblings
    ['https://10.0.0.2', '10.0.0.1', 'foreign'],
    ['https://10.0.0.1', '10.0.0.1', 'https://10.0.0.1'],
    ['https://10.0.0.1:9999', '10.0.0.1', 'foreign'],
    ['https://srv1.contoso.com', '10.0.0.1', 'foreign'],
    // not a base URL
    ['srv1.contoso.com', hostname, 'malformed'],
    ['', hostname, 'malformed'],
    ['https://', hostname, 'malformed'],
    ['javascript://srv1.contoso.com/%0aalert(1)', hostname, 'malformed'],
    ['https://me@srv1.contoso.com', hostname, 'malformed'],
    ['https://srv1.contoso.com?token=1', hostname, 'malformed'],
    ['https://srv1.contoso.com#x', hostname, 'malformed'],
    ['https://srv1.contoso.com:99999', hostname, 'malformed'],
    ['https://evil.com\\@srv1.contoso.com', hostname, 'malformed'],
  ])('%s beside %s: %s', (text, host, outcome) => {
    expect(accept(text, host)).toBe(outcome)
  })

  it('may have an allowed name, https only', () => {
    expect(accept('https://srv9.fabrikam.com', hostname, ['SRV9.fabrikam.com'])).toBe('https://srv9.fabrikam.com')
    expect(accept('http://srv9.fabrikam.com', hostname, ['srv9.fabrikam.com'])).toBe('downgrade')
    expect(accept('https://10.0.0.2', '10.0.0.1', ['10.0.0.2'])).toBe('https://10.0.0.2')
  })

  it('may be a configured endpoint, exactly', () => {
    const endpoints = ['https://10.0.0.2', 'https://srv1.fabrikam.com/base']
    expect(accept('https://10.0.0.2/', '10.0.0.1', [], endpoints)).toBe('https://10.0.0.2')
    expect(accept('https://10.0.0.2:8443', '10.0.0.1', [], endpoints)).toBe('foreign')
    expect(accept('https://srv1.fabrikam.com/base', hostname, [], endpoints)).toBe('https://srv1.fabrikam.com/base')
    expect(accept('https://srv1.fabrikam.com', hostname, [], endpoints)).toBe('foreign')
  })

  it.each([
    'azurewebsites.net',
    'trafficmanager.net',
    'westeurope.cloudapp.azure.com',
    'eu-west-1.elb.amazonaws.com',
    'herokuapp.com',
    'a.run.app',
    'github.io',
    'co.uk',
  ])('knows no siblings below %s, where the next name is a stranger’s', (parent) => {
    expect(areSiblings(`srv1.${parent}`, `srv2.${parent}`)).toBe(false)
    const base = normaliseBase(`https://srv1.${parent}`)
    if (!base.ok) throw new Error(base.problem)
    const rules = { hostname: base.base, allowedHosts: [`srv3.${parent}`], configured: [] }
    expect(acceptLearnedUrl(`https://srv2.${parent}`, rules)).toEqual({ ok: false, reason: 'foreign' })
    // Named on purpose, and the hostname itself.
    for (const name of ['srv1', 'srv3'])
      expect(acceptLearnedUrl(`https://${name}.${parent}`, rules)).toMatchObject({ ok: true })
  })

  it('knows siblings where only the name resembles a hosting parent, and one level below it', () => {
    for (const parent of ['myazurewebsites.net', 'azurewebsites.net.contoso.com', 'pool.herokuapp.com', 'run.app.io'])
      expect(areSiblings(`srv1.${parent}`, `srv2.${parent}`), parent).toBe(true)
  })

  it('knows siblings', () => {
    expect(areSiblings('a.b.c', 'd.b.c')).toBe(true)
    expect(areSiblings('a.c', 'd.c')).toBe(false)
    expect(areSiblings('a', 'b')).toBe(false)
    expect(areSiblings('c.b', 'b')).toBe(false)
  })

  it('never throws and never yields anything but a clean base URL', () => {
    const texts = [
      '\u0000',
      'https://\ud800',
      'https://[::1',
      'http:////',
      'https://a/%',
      'HTTPS://A.contoso.com/../..',
    ]
    for (const text of texts) {
      const result = normaliseBase(text)
      if (result.ok) expect(normaliseBase(result.base.url)).toEqual(result)
    }
  })
})
