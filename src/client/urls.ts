/**
 * URLs of endpoints: written by the user (errors say what is right) or learned from servers, documents and DNS
 * (refused with a reason). Normalised base URLs are http or https, without credentials, query, fragment and trailing
 * slash; the host is lower case, punycode, without a trailing dot.
 */

/** Scheme, port and base path for names that carry none: those of the dedicated hostname. */
export interface BaseDefaults {
  readonly scheme: 'http' | 'https'
  /** As in a URL: empty for the scheme's own. */
  readonly port: string
  /** `/base`, or empty. */
  readonly path: string
}

/** A normalised base URL and its parts. */
export interface Base extends BaseDefaults {
  /** `https://srv1.contoso.com:8443/base` */
  readonly url: string
  /** Host without port; IPv6 without brackets. */
  readonly name: string
  readonly isIp: boolean
}

export type BaseResult = { readonly ok: true; readonly base: Base } | { readonly ok: false; readonly problem: string }

const WITH_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
const NO_DEFAULTS: BaseDefaults = { scheme: 'https', port: '', path: '' }

/** IPv4 in its ordinary dotted form, or IPv6 without brackets and zone. */
export function isIpAddress(text: string): boolean {
  return normaliseAddress(text) !== undefined
}

/** The address in its canonical form (RFC 5952 for IPv6), or nothing. */
export function normaliseAddress(text: string): string | undefined {
  const v4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
  if (v4.test(text)) return text
  if (!/^[0-9a-f:.]+$/i.test(text) || !text.includes(':')) return undefined
  return parse(`http://[${text}]`)?.hostname.slice(1, -1)
}

/** A host name (or address) alone, normalised, or nothing: no scheme, port, path, wildcard. */
export function normaliseName(text: string): string | undefined {
  const address = normaliseAddress(text)
  if (address !== undefined) return address
  if (text === '' || /[/:?#@\\\s%[\]*]/.test(text)) return undefined
  const result = normaliseBase(text)
  return result.ok && !result.base.isIp ? result.base.name : undefined
}

/**
 * Normalises a base URL or bare name (`srv1`, `srv1:8443`, `srv1/base`, `::1`).
 * @param defaults For what a bare name lacks.
 */
export function normaliseBase(input: string | URL, defaults: BaseDefaults = NO_DEFAULTS): BaseResult {
  const text = typeof input === 'string' ? input.trim() : input.href
  if (text === '') return bad('must not be empty')
  if (text.startsWith('/')) return bad('must be a host name or a URL with its scheme')
  const bare = !WITH_SCHEME.test(text)
  const url = isMistyped(text) ? undefined : parse(bare ? withDefaults(text, defaults) : text)
  if (url === undefined)
    return bad(
      'must be a host name or an http or https URL, such as "srv1.contoso.com" or "https://srv1.contoso.com/base"',
    )
  const scheme = url.protocol.slice(0, -1)
  if (scheme === 'ws' || scheme === 'wss') {
    return bad(
      `must be an http or https URL (WebSocket URLs are made from it): write ${scheme === 'ws' ? 'http' : 'https'}://`,
    )
  }
  if (scheme !== 'http' && scheme !== 'https') return bad('must be an http or https URL')
  // An empty user name before "@" parses to nothing, and is an accident all the same.
  if (url.username !== '' || url.password !== '' || /^[a-z]+:\/\/[^/]*@/i.test(text)) {
    return bad('must not contain credentials; use the token option')
  }
  if (/[?#]/.test(text)) return bad('must not contain a query or fragment')
  return readBase(url, scheme, text)
}

function readBase(url: URL, scheme: 'http' | 'https', text: string): BaseResult {
  const host = url.hostname.replace(/\.$/, '')
  const isV6 = host.startsWith('[')
  const name = isV6 ? host.slice(1, -1) : host
  const isIp = isV6 || /^\d+\.\d+\.\d+\.\d+$/.test(name)
  // The URL standard reads "10.1" and "2130706433" as addresses; nobody means that.
  if (isIp && !isV6 && !text.includes(name)) return bad('must be a host name or a complete IP address')
  if (!isIp && (name.length > 253 || !name.split('.').every((label) => LABEL.test(label)))) {
    return bad('must have a valid host name (letters, digits, "-" and dots; no wildcard)')
  }
  const path = url.pathname.replace(/\/+$/, '')
  const port = url.port
  return {
    ok: true,
    base: { url: `${scheme}://${host}${port === '' ? '' : `:${port}`}${path}`, name, isIp, scheme, port, path },
  }
}

/** `https:/srv1`, `https:\\srv1`, `https://https://srv1`: the URL standard takes "https" for the host. */
function isMistyped(text: string): boolean {
  const [authority = ''] = text.replace(WITH_SCHEME, '').split('/', 1)
  return authority.includes('\\') || (authority.endsWith(':') && normaliseAddress(authority) === undefined)
}

function withDefaults(text: string, defaults: BaseDefaults): string {
  const slash = text.indexOf('/')
  const authority = slash === -1 ? text : text.slice(0, slash)
  const path = slash === -1 ? defaults.path : text.slice(slash)
  const host = authority.includes(':') && normaliseAddress(authority) !== undefined ? `[${authority}]` : authority
  const hasPort = /:\d*$/.test(host.replace(/^\[[^\]]*\]/, ''))
  return `${defaults.scheme}://${host}${hasPort || defaults.port === '' ? '' : `:${defaults.port}`}${path}`
}

function parse(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

function bad(problem: string): BaseResult {
  return { ok: false, problem }
}

/** What learned endpoints are measured against. */
export interface LearnedRules {
  readonly hostname: Base
  /** Normalised names. */
  readonly allowedHosts: readonly string[]
  /** Normalised base URLs of the configured endpoints. */
  readonly configured: readonly string[]
}

export type LearnedUrl =
  | { readonly ok: true; readonly url: string }
  | { readonly ok: false; readonly reason: 'foreign' | 'downgrade' | 'malformed' }

/**
 * May this learned URL become an endpoint (behaviour "Resolve")? Yes for the dedicated hostname itself, configured
 * endpoints, siblings of the dedicated hostname (same parent of at least two labels) and `allowedHosts`. An IP address
 * as dedicated hostname has no siblings. Never from https to http.
 */
export function acceptLearnedUrl(text: string, rules: LearnedRules): LearnedUrl {
  if (!WITH_SCHEME.test(text)) return { ok: false, reason: 'malformed' }
  // Servers may name their WebSocket URL; it is the same road.
  const result = normaliseBase(text.replace(/^ws(s?):/i, 'http$1:'))
  if (!result.ok) return { ok: false, reason: 'malformed' }
  const { base } = result
  // Configured as http on purpose, beside an http hostname: options refuse it beside an https one.
  if (rules.configured.includes(base.url) || base.url === rules.hostname.url) return { ok: true, url: base.url }
  if (!isAllowedName(base.name, base.isIp, rules)) return { ok: false, reason: 'foreign' }
  if (rules.hostname.scheme === 'https' && base.scheme === 'http') return { ok: false, reason: 'downgrade' }
  return { ok: true, url: base.url }
}

function isAllowedName(name: string, isIp: boolean, rules: LearnedRules): boolean {
  if (rules.allowedHosts.includes(name)) return true
  if (rules.hostname.isIp || isIp) return false
  return name === rules.hostname.name || areSiblings(name, rules.hostname.name)
}

/**
 * Second levels under which anybody registers names (`contoso.co.uk` and `fabrikam.co.uk` are strangers). Not the
 * public suffix list, which is too large for a page: names under a shared parent that this misses need a hostname
 * one level deeper.
 */
const SHARED_PARENT = /^(?:ac|co|com|edu|gob|gouv|gov|govt|gv|mil|ne|net|or|org)\.[a-z]{2}$/

/** Parents of hosting providers, where the next name is another customer's. The well-known ones; see SECURITY.md. */
const HOSTING_PARENT = new RegExp(
  '^(?:' +
    '(?:azurewebsites|azurefd|azurestaticapps|cloudapp|trafficmanager|cloudfront)\\.net|' +
    '(?:herokuapp|appspot|onrender)\\.com|(?:web|vercel|netlify)\\.app|(?:workers|pages|fly)\\.dev|github\\.io|' +
    // With a region or a service before.
    '(?:.+\\.)?(?:cloudapp\\.azure|amazonaws|elasticbeanstalk)\\.com|.+\\.run\\.app' +
    ')$',
)

/** `srv1.contoso.com` and `a365web1.contoso.com`. */
export function areSiblings(left: string, right: string): boolean {
  const parent = left.slice(left.indexOf('.') + 1)
  if (!left.includes('.') || parent !== right.slice(right.indexOf('.') + 1) || !right.includes('.')) return false
  return parent.includes('.') && !SHARED_PARENT.test(parent) && !HOSTING_PARENT.test(parent)
}
