/** Checks the dedicated hostname and the configured endpoints. */
import { endpointId } from '../core/endpoint-id'
import { checkKeys, checkRule, fail, failUrl, given, isGiven, join, refuse, type Given } from './options-check'
import { normaliseAddress, normaliseBase, normaliseName, type Base, type BaseDefaults } from './urls'

/** The dedicated hostname: its base URL and parts, and its id as an endpoint. */
export interface HostnameConfig extends Base {
  readonly id: string
}

/** One endpoint as configured; without any, the dedicated hostname is the one. */
export interface ConfiguredEndpoint {
  readonly id: string
  /** Where it is written: `endpoints[1]`, `hostname`. The list is sorted, so its place no longer tells. */
  readonly field: string
  /** Normalised base URL. */
  readonly url: string
  readonly name: string
  readonly rank: number
  readonly site?: string
  /** Dial this IP address (Node). */
  readonly address?: string
  /** Name for Host and SNI (Node). */
  readonly hostname?: string
}

const ENDPOINT_OPTIONS = ['url', 'name', 'rank', 'site', 'address', 'hostname']

/** @param at Dotted path, `hostname` or `pools[0].hostname`. */
export function resolveHostname(value: unknown, at: string): HostnameConfig {
  if (value === undefined) refuse(at, 'is required: the dedicated hostname, such as "a365web1.contoso.com"')
  const base = checkBase(value, at)
  return Object.freeze({ ...base, id: endpointId(base.url) })
}

function checkBase(value: unknown, field: string, defaults?: BaseDefaults): Base {
  if (typeof value !== 'string' && !(value instanceof URL)) {
    return fail(field, 'must be a host name or an http or https URL', value)
  }
  const result = normaliseBase(value, defaults)
  return result.ok ? result.base : failUrl(field, result.problem, value)
}

/** In rank order; equal ranks in the order given. @param at `endpoints` or `pools[0].endpoints`. */
export function resolveEndpoints(value: unknown, hostname: HostnameConfig, at: string): readonly ConfiguredEndpoint[] {
  if (value === undefined) return Object.freeze([hostnameEndpoint(hostname, at.replace(/endpoints$/, 'hostname'))])
  if (!Array.isArray(value))
    fail(at, 'must be an array of names, URLs or { url, name, rank, site, address, hostname }', value)
  const inputs = value as readonly unknown[]
  // An empty list is a mistake in a configuration file more often than a wish.
  if (inputs.length === 0) refuse(at, 'must not be empty; leave it out to use the dedicated hostname alone')
  // Array.from, not map: a hole is a missing endpoint and must be seen.
  const endpoints = Array.from(inputs, (input, index) => resolveEndpoint(input, index, hostname, `${at}[${index}]`))
  checkUnique(endpoints, at)
  return Object.freeze(endpoints.sort((left, right) => left.rank - right.rank))
}

function hostnameEndpoint({ id, url }: HostnameConfig, field: string): ConfiguredEndpoint {
  return Object.freeze({ id, field, url, name: defaultName(url, undefined), rank: 0 })
}

function resolveEndpoint(input: unknown, index: number, hostname: HostnameConfig, at: string): ConfiguredEndpoint {
  const isObject = isGiven(input)
  if (!isObject && typeof input !== 'string' && !(input instanceof URL)) {
    return fail(at, 'must be a name, a URL or { url, name, rank, site, address, hostname }', input)
  }
  const options: Given = isObject ? checkKeys(input, ENDPOINT_OPTIONS, at) : { url: input }
  const urlField = isObject ? join(at, 'url') : at
  if (given(options, 'url') === undefined) refuse(urlField, 'is required: a host name or URL')
  const { url, scheme } = checkBase(given(options, 'url'), urlField, hostname)
  if (hostname.scheme === 'https' && scheme === 'http') {
    // Routed requests would carry the token in the clear, though the application asked for https.
    refuse(
      urlField,
      'must be https like the dedicated hostname; where plain http is meant, write hostname as "http://…"',
    )
  }
  const optional = {
    site: optionalText(options, 'site', at),
    address: optionalAddress(given(options, 'address'), join(at, 'address')),
    hostname: optionalName(given(options, 'hostname'), join(at, 'hostname')),
  }
  const rank = given(options, 'rank')
  return Object.freeze({
    id: endpointId(url, optional.address),
    field: at,
    url,
    name: optionalText(options, 'name', at) ?? defaultName(url, optional.address),
    rank: rank === undefined ? index : (checkRule({ kind: 'integer', min: 0 }, rank, join(at, 'rank')) as number),
    ...(optional.site === undefined ? {} : { site: optional.site }),
    ...(optional.address === undefined ? {} : { address: optional.address }),
    ...(optional.hostname === undefined ? {} : { hostname: optional.hostname }),
  })
}

/** `srv1.contoso.com`, `a365web1.contoso.com (10.0.0.2)`: for people. */
export function defaultName(url: string, address: string | undefined): string {
  const name = url.replace(/^https?:\/\//, '')
  return address === undefined ? name : `${name} (${address})`
}

function optionalText(options: Given, name: string, at: string): string | undefined {
  const value = given(options, name)
  return value === undefined ? undefined : (checkRule({ kind: 'text' }, value, join(at, name)) as string)
}

function optionalAddress(value: unknown, field: string): string | undefined {
  if (value === undefined) return undefined
  const address = typeof value === 'string' ? normaliseAddress(value) : undefined
  return (
    address ?? failUrl(field, 'must be an IP address without port, such as "10.0.0.2"; names belong into url', value)
  )
}

function optionalName(value: unknown, field: string): string | undefined {
  if (value === undefined) return undefined
  const name = typeof value === 'string' ? normaliseName(value) : undefined
  // SNI carries names only (RFC 6066 3).
  if (name !== undefined && normaliseAddress(name) === undefined) return name
  return failUrl(field, 'must be a host name without scheme, port or path, such as "a365web2.contoso.com"', value)
}

function checkUnique(endpoints: readonly ConfiguredEndpoint[], at: string): void {
  endpoints.forEach((endpoint, index) => {
    const first = endpoints.findIndex((other) => other.id === endpoint.id)
    if (first !== index)
      refuse(`${at}[${index}]`, `is the same endpoint as ${at}[${first}] (${endpoint.id}); list each once`)
    const namesake = endpoints.findIndex((other) => other.name === endpoint.name)
    if (namesake !== index) {
      refuse(
        `${at}[${index}].name`,
        `must be unique; ${at}[${namesake}] is called ${JSON.stringify(endpoint.name)} too`,
      )
    }
  })
}

/** Normalised names. @param at `allowedHosts` or `pools[0].allowedHosts`. */
export function resolveAllowedHosts(value: unknown, at: string): readonly string[] {
  if (value === undefined) return Object.freeze([])
  if (!Array.isArray(value)) fail(at, 'must be an array of host names', value)
  const names = Array.from(value as readonly unknown[], (entry, index) => {
    const name = typeof entry === 'string' ? normaliseName(entry) : undefined
    return (
      name ??
      failUrl(
        `${at}[${index}]`,
        'must be a host name without scheme, port, path or wildcard, such as "srv1.contoso.net"',
        entry,
      )
    )
  })
  return Object.freeze([...new Set(names)])
}
