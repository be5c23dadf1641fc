import { describe, expect, it } from 'vitest'
import type { Road } from '../../src/core/road'
import { isStream, prepareBody } from '../../src/drop-in/body'
import { readRetryAfter } from '../../src/drop-in/fetch-errors'
import { nearestHome, placeHop, placeOnRoad, resolveUrl } from '../../src/drop-in/fetch-url'
import { decideRedirect, dropBodyHeaders } from '../../src/drop-in/redirects'
import { findFailoverError } from '../../src/errors'

const ROOT = new URL('https://a365web1.contoso.test')
const BASED = new URL('https://a365web1.contoso.test:8443/base/')

describe('resolveUrl', () => {
  it.each([
    ['/api/x?y=1', ROOT, 'https://a365web1.contoso.test/api/x?y=1'],
    ['api/x', ROOT, 'https://a365web1.contoso.test/api/x'],
    ['', ROOT, 'https://a365web1.contoso.test/'],
    ['/api/x', BASED, 'https://a365web1.contoso.test:8443/base/api/x'],
    ['api/x', BASED, 'https://a365web1.contoso.test:8443/base/api/x'],
    ['?q=1', BASED, 'https://a365web1.contoso.test:8443/base/?q=1'],
    ['../x', BASED, 'https://a365web1.contoso.test:8443/x'],
    ['//other.test/x', BASED, 'https://other.test/x'],
    ['/\\other.test/x', BASED, 'https://other.test/x'],
    ['https://other.test/x', BASED, 'https://other.test/x'],
    ['  /api ', ROOT, 'https://a365web1.contoso.test/api'],
    ['data:text/plain,hi', ROOT, 'data:text/plain,hi'],
    [new URL('wss://other.test/x'), ROOT, 'wss://other.test/x'],
  ])('%s', (input, base, expected) => {
    expect(resolveUrl(input, base).href).toBe(expected)
  })

  it('refuses what is no URL', () => {
    expect(() => resolveUrl('https://', ROOT)).toThrow(TypeError)
  })
})

describe('placeOnRoad', () => {
  const road = (url: string): Road => ({ endpointId: 'a', generation: 1, url })

  it.each([
    ['https://a365web1.contoso.test/api?x=1#f', ROOT, 'https://srv1.contoso.test', 'https://srv1.contoso.test/api?x=1'],
    ['https://a365web1.contoso.test:8443/base/api', BASED, 'https://srv1.test/base', 'https://srv1.test/base/api'],
    ['https://a365web1.contoso.test:8443/base/api', BASED, 'https://srv1.test/other', 'https://srv1.test/other/api'],
    ['https://a365web1.contoso.test:8443/base/api', BASED, 'https://srv1.test', 'https://srv1.test/api'],
    ['https://a365web1.contoso.test:8443/base', BASED, 'https://srv1.test/other', 'https://srv1.test/other'],
    // Outside of the base path, and a folder that only begins like it.
    ['https://a365web1.contoso.test:8443/else', BASED, 'https://srv1.test/base', 'https://srv1.test/else'],
    ['https://a365web1.contoso.test:8443/baseless', BASED, 'https://srv1.test/b', 'https://srv1.test/baseless'],
    // The endpoint's own URL stays as it is; another endpoint's is moved.
    ['https://srv1.test/other/api', BASED, 'https://srv1.test/other', 'https://srv1.test/other/api'],
    ['https://srv2.test/base/api', BASED, 'https://srv1.test/other', 'https://srv1.test/other/api'],
    ['wss://a365web1.contoso.test/ws', ROOT, 'https://srv1.contoso.test', 'https://srv1.contoso.test/ws'],
    // Endpoints that are paths of the dedicated hostname's own origin.
    ['https://h.test/api/x', new URL('https://h.test/'), 'https://h.test/srv2', 'https://h.test/srv2/api/x'],
    ['https://h.test/srv1/api/x', new URL('https://h.test/srv1'), 'https://h.test/srv2', 'https://h.test/srv2/api/x'],
    ['https://h.test/srv2/api/x', new URL('https://h.test/srv2'), 'https://h.test/srv2', 'https://h.test/srv2/api/x'],
  ])('%s', (url, base, roadUrl, expected) => {
    const place = placeOnRoad(new URL(url), base, road(roadUrl))
    expect(place.road.url + place.path).toBe(expected)
    expect(place.road).toMatchObject({ endpointId: 'a', generation: 1 })
  })
})

describe('placeHop', () => {
  const road: Road = { endpointId: 'a', generation: 1, url: 'https://h.test/srv1' }

  it.each([
    // What a server says of its own origin is taken as it is.
    ['https://h.test/srv1/next', 'https://h.test/', 'https://h.test/srv1/next'],
    ['https://h.test/login', 'https://h.test/', 'https://h.test/login'],
    ['https://www.test/base/next', 'https://www.test/base', 'https://h.test/srv1/next'],
  ])('%s', (url, home, expected) => {
    const place = placeHop(new URL(url), new URL(home), road)
    expect(place.road.url + place.path).toBe(expected)
  })
})

describe('nearestHome', () => {
  const homes = ['https://h.test/', 'https://h.test/srv1', 'https://h.test/srv1/deep', 'https://other.test'].map(
    (url) => new URL(url),
  )

  it.each([
    ['https://h.test/x', 0],
    ['https://h.test/srv1/x', 1],
    ['wss://h.test/srv1', 1],
    ['https://h.test/srv10/x', 0],
    ['https://h.test/srv1/deep/x', 2],
    ['https://other.test/srv1/x', 3],
    ['https://foreign.test/x', undefined],
  ])('of %s', (url, index) => {
    expect(nearestHome(new URL(url), homes)).toBe(index === undefined ? undefined : homes[index])
  })
})

describe('decideRedirect', () => {
  const hop = {
    status: 302,
    location: '/next',
    from: new URL('https://srv1.contoso.test/a'),
    method: 'GET',
    followed: 0,
    replayable: true,
  }
  const isKnown = (url: URL): boolean => url.hostname.endsWith('.contoso.test')
  const decide = (change: Partial<typeof hop>): unknown => decideRedirect({ ...hop, ...change }, isKnown)

  it.each([200, 300, 304, 305, 306, 404])('%i is an answer', (status) => {
    expect(decide({ status })).toEqual({ type: 'answer' })
  })

  it('without Location it is an answer', () => {
    expect(decideRedirect({ ...hop, location: null }, isKnown)).toEqual({ type: 'answer' })
  })

  it.each([
    [301, 'POST', 'GET', true],
    [302, 'POST', 'GET', true],
    [303, 'POST', 'GET', true],
    [303, 'PUT', 'GET', true],
    [303, 'HEAD', 'HEAD', false],
    [301, 'PUT', 'PUT', false],
    [307, 'POST', 'POST', false],
    [308, 'POST', 'POST', false],
    [302, 'GET', 'GET', false],
  ])('%i of %s becomes %s', (status, method, next, dropBody) => {
    expect(decide({ status, method })).toMatchObject({ type: 'follow', method: next, dropBody })
  })

  it.each([
    ['a stranger', { location: 'https://evil.example/' }],
    ['http', { location: 'http://srv1.contoso.test/' }],
    ['another scheme', { location: 'data:text/plain,x' }],
    ['no URL', { location: 'https://' }],
    ['one too many', { followed: 20 }],
    ['a stream again', { status: 307, method: 'POST', replayable: false }],
  ])('to %s is refused', (_name, change) => {
    const decision = decideRedirect({ ...hop, ...change }, isKnown)
    expect(decision.type).toBe('refuse')
    const error = decision.type === 'refuse' ? decision.error : undefined
    expect(error).toBeInstanceOf(TypeError)
    expect(findFailoverError(error, 'PROTOCOL_ERROR')?.fields.reason).toBe('redirect-refused')
  })

  it('follows to known hosts, relative and absolute, and its own whatever that is', () => {
    expect(decide({})).toMatchObject({ url: new URL('https://srv1.contoso.test/next') })
    expect(decide({ location: 'https://srv2.contoso.test/x' })).toMatchObject({ type: 'follow' })
    expect(decide({ from: new URL('http://10.0.0.1/a') })).toMatchObject({ type: 'follow' })
    expect(
      decide({ from: new URL('http://srv1.contoso.test/a'), location: 'https://srv1.contoso.test/' }),
    ).toMatchObject({ type: 'follow' })
  })

  it('a stream may be redirected when its body is dropped', () => {
    expect(decide({ status: 303, method: 'POST', replayable: false })).toMatchObject({ type: 'follow', dropBody: true })
  })

  it('drops what described the body', () => {
    const headers = new Headers({ 'Content-Type': 'text/plain', 'Content-Language': 'de', 'X-Mine': '1' })
    dropBodyHeaders(headers)
    expect([...headers]).toEqual([['x-mine', '1']])
  })
})

describe('prepareBody', () => {
  it.each([
    ['null', null],
    ['undefined', undefined],
    ['a string', 'text'],
    ['a Blob', new Blob(['x'])],
    ['an ArrayBuffer', new ArrayBuffer(3)],
    ['a view', new Uint8Array(3)],
    ['a DataView', new DataView(new ArrayBuffer(8), 2, 3)],
    ['URLSearchParams', new URLSearchParams('a=1')],
    ['FormData', new FormData()],
  ])('%s can be sent again', (_name, body) => {
    const prepared = prepareBody(body)
    expect(prepared.replayable).toBe(true)
    expect(isStream(prepared.body)).toBe(false)
  })

  it('a stream is sent once', () => {
    const prepared = prepareBody(new ReadableStream())
    expect(prepared.replayable).toBe(false)
    expect(isStream(prepared.body)).toBe(true)
  })

  it('is a copy of that moment', async () => {
    const bytes = new Uint8Array([1, 2, 3, 4]).subarray(1, 3)
    const buffer = new Uint8Array([5, 6]).buffer
    const parameters = new URLSearchParams('a=1')
    const form = new FormData()
    form.append('file', new File(['x'], 'name.txt', { type: 'text/plain' }))
    const prepared = [bytes, buffer, parameters, form].map((body) => prepareBody(body).body)
    bytes.fill(0)
    new Uint8Array(buffer).fill(0)
    parameters.append('b', '2')
    form.append('late', 'y')
    expect(prepared[0]).toEqual(new Uint8Array([2, 3]))
    expect(new Uint8Array(prepared[1] as ArrayBuffer)).toEqual(new Uint8Array([5, 6]))
    expect(String(prepared[2])).toBe('a=1')
    const copy = prepared[3] as FormData
    expect([...copy.keys()]).toEqual(['file'])
    expect((copy.get('file') as File).name).toBe('name.txt')
    expect(await (copy.get('file') as File).text()).toBe('x')
  })
})

describe('readRetryAfter', () => {
  const NOW = Date.parse('Wed, 21 Oct 2015 07:28:00 GMT')
  it.each([
    [null, undefined],
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7000],
    ['Wed, 21 Oct 2015 07:28:10 GMT', 10_000],
    ['Wed, 21 Oct 2015 07:27:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['a1', undefined],
    ['3601', 3_600_000],
    ['9'.repeat(400), 3_600_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 3_600_000],
    ['', undefined],
  ])('%s', (value, expected) => {
    expect(readRetryAfter(value, NOW)).toBe(expected)
  })
})
