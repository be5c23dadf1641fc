/** URLs: written by users, learned from servers and documents, named by callers and redirects. */
import fc from 'fast-check'
import { readSocketUrl } from '../../../src/drop-in/web-socket-checks'
import { foreignRoad, nearestHome, originOf, placeHop, placeOnRoad, resolveUrl } from '../../../src/drop-in/fetch-url'
import { decideRedirect } from '../../../src/drop-in/redirects'
import {
  acceptLearnedUrl,
  areSiblings,
  normaliseAddress,
  normaliseBase,
  normaliseName,
  type Base,
} from '../../../src/client/urls'
import { bool, broken, choice, must, orThrown, shape, text } from '../expect'
import { bentTexts } from '../generators'
import type { FuzzTarget } from '../target'

const SEEDS = [
  'a365web1.contoso.com',
  'https://srv1.contoso.com',
  'http://srv2.contoso.com',
  'https://srv1.contoso.com:8443/base/',
  'http://10.0.0.2:8080',
  'https://[2001:db8::1]:8443/base',
  '2001:db8::1',
  'wss://srv2.contoso.com/failover/stream',
  'https://user:word@srv1.contoso.com/?token=x#y',
  '/api/ucc/helpdesk?x=1#y',
  'api',
  '//srv2.contoso.com/x',
  'data:text/event-stream,x',
  'blob:https://srv1.contoso.com/1',
]
const PIECES = [
  ...['://', ':', '//', '/', '\\', '@', '?', '#', '.', '..', '%2e%2e', '%00', '[', ']', ':0', ':65536', ':443', '*'],
  ...['0x7f.1', '127.1', '2130706433', '１２７', '。', 'xn--', 'ß', '\t', '\n', ' ', 'ws', 'https://', 'javascript:'],
  ...['.contoso.com', '.contoso.com.evil.example', 'evil.example', '@evil.example/', 'a365web1.contoso.com'],
]
const urls = bentTexts(SEEDS, PIECES)

const baseShape = shape({
  url: text(Number.POSITIVE_INFINITY, 8),
  name: text(253, 1),
  isIp: bool,
  scheme: choice('http', 'https'),
  port: text(5),
  path: text(Number.POSITIVE_INFINITY),
})

function mustBeBase(base: Base): void {
  baseShape(base, 'base')
  const again = normaliseBase(base.url)
  if (!again.ok) return broken(`${base.url} was made and is refused: ${again.problem}`)
  must(JSON.stringify(again.base) === JSON.stringify(base), `${base.url} became ${again.base.url}`)
  const url = new URL(base.url)
  must(url.username === '' && url.password === '' && url.search === '' && url.hash === '', `${base.url} is no base`)
  must(url.hostname.replace(/^\[|\]$/g, '') === base.name, `${base.url} is not on ${base.name}`)
}

const baseUrl: FuzzTarget<string> = {
  name: 'base-url',
  reads: 'base URLs, host names and addresses of users',
  inputs: urls,
  check(input) {
    const defaults = { scheme: 'https', port: '8443', path: '/base' } as const
    for (const result of [normaliseBase(input), normaliseBase(input, defaults)]) {
      if (result.ok) {
        mustBeBase(result.base)
        const rest = input.trim().replace(/^https?:\/\//i, '')
        const isScheme = /^(?:https?|wss?):[/\\]/i.test(rest)
        must(!isScheme || !/^(?:https?|wss?)$/.test(result.base.name), `${input} became ${result.base.url}`)
      } else text(200, 1)(result.problem, 'problem')
    }
    const address = normaliseAddress(input)
    must(address === undefined || normaliseAddress(address) === address, `${address} is not canonical`)
    const name = normaliseName(input)
    must(name === undefined || normaliseName(name) === name, `${name} is not canonical`)
    must(name === undefined || !/[^\w.:-]/.test(name), `${name} is no name`)
  },
}

function baseOf(input: string): Base {
  const result = normaliseBase(input)
  return result.ok ? result.base : broken(`${input} must be right`)
}

const HOSTNAMES = ['https://a365web1.contoso.com', 'http://a365web1.contoso.com', 'https://10.0.0.1', 'https://contoso']
const ALLOWED = ['srv9.fabrikam.example']

/** Written anew and simply, from the rule: same parent, and that parent has two labels or more. */
function mayBeLearned(host: string, hostname: Base): boolean {
  if (host === hostname.name || ALLOWED.includes(host)) return true
  const parent = hostname.name.split('.').slice(1)
  return !hostname.isIp && parent.length >= 2 && host.split('.').slice(1).join('.') === parent.join('.')
}

const learnedUrl: FuzzTarget<[string, string]> = {
  name: 'learned-url',
  reads: 'URLs of peers, documents and DNS',
  inputs: fc.tuple(urls, fc.constantFrom(...HOSTNAMES)),
  check([input, dedicated]) {
    const hostname = baseOf(dedicated)
    const accepted = acceptLearnedUrl(input, { hostname, allowedHosts: ALLOWED, configured: [] })
    if (!accepted.ok) return choice('foreign', 'downgrade', 'malformed')(accepted.reason, 'reason')
    const url = new URL(accepted.url)
    must(mayBeLearned(url.hostname, hostname), `${accepted.url} is a stranger to ${dedicated}`)
    must(hostname.scheme === 'http' || url.protocol === 'https:', `${accepted.url} is a downgrade`)
    const again = acceptLearnedUrl(accepted.url, { hostname, allowedHosts: ALLOWED, configured: [] })
    must(again.ok && again.url === accepted.url, `${accepted.url} must stay accepted`)
    must(areSiblings(url.hostname, hostname.name) === areSiblings(hostname.name, url.hostname), 'siblings are mutual')
  },
}

const HOMES = ['https://a365web1.contoso.com/', 'https://srv1.contoso.com/base/', 'https://srv2.contoso.com:8443/']
const ROADS = ['https://srv1.contoso.com/base', 'https://srv2.contoso.com:8443', 'http://10.0.0.2/a/b']

const requestUrl: FuzzTarget<[string, string, string]> = {
  name: 'request-url',
  reads: 'URLs of fetch, WebSocket and EventSource, and their place on a road',
  inputs: fc.tuple(urls, fc.constantFrom(...HOMES), fc.constantFrom(...ROADS)),
  check([input, home, road]) {
    const base = new URL(home)
    orThrown(() => readSocketUrl(input, base), DOMException)
    const url = orThrown(() => resolveUrl(input, base), TypeError)
    // Others go to the platform's own fetch, untouched.
    if (url === undefined || !/^(https?|wss?):$/.test(url.protocol)) return
    const homes = HOMES.map((one) => new URL(one))
    const nearest = nearestHome(url, homes)
    must(nearest === undefined || originOf(url) === nearest.origin, 'a home is of the same origin')
    const target = { endpointId: 'e', generation: 1, url: road }
    for (const place of [placeOnRoad(url, nearest ?? base, target), placeHop(url, nearest ?? base, target)]) {
      const whole = new URL(place.road.url + place.path)
      must(whole.origin === new URL(road).origin, `${input} left its road for ${whole.href}`)
      must(whole.username === '' && whole.password === '', `${input} brought credentials: ${whole.href}`)
      must(whole.search === url.search, `${input} lost its query: ${whole.href}`)
    }
    must(new URL(foreignRoad(url).url).origin === originOf(url), `${input} is asked elsewhere`)
  },
}

const redirect: FuzzTarget<[string, number, string, boolean]> = {
  name: 'redirect',
  reads: 'the Location of a redirect',
  inputs: fc.tuple(
    urls,
    fc.constantFrom(301, 302, 303, 307, 308),
    fc.constantFrom('GET', 'HEAD', 'POST', 'PUT'),
    fc.boolean(),
  ),
  check([location, status, method, replayable]) {
    const from = new URL('https://srv1.contoso.com/base/a')
    const isKnown = (url: URL): boolean => url.hostname.endsWith('.contoso.com')
    const decision = decideRedirect({ status, location, from, method, followed: 0, replayable }, isKnown)
    if (decision.type === 'refuse') return must(decision.error instanceof TypeError, 'refused with a TypeError')
    if (decision.type === 'answer') return broken('a redirect is followed or refused')
    must(decision.url.protocol === 'https:', `${decision.url.href} is no https`)
    must(isKnown(decision.url), `${decision.url.href} is a stranger`)
    must(decision.dropBody || replayable, 'a body that cannot be sent twice')
  },
}

export const urlTargets: readonly FuzzTarget[] = [baseUrl, learnedUrl, requestUrl, redirect]
