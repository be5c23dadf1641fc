/**
 * The options of `nodePlatform`, checked when it is made: a misspelt `rejectUnauthorized` or an unusable proxy must not
 * show as a pool that is down. Values are never told: they are keys and passwords.
 */
import { createSecureContext } from 'node:tls'
import { FailoverError } from '../../errors'
import type { NodeTlsOptions } from './connector'
import type { TunnelProxy } from './tunnel'

/** Options of {@link nodePlatform}. */
export interface NodePlatformOptions {
  /** For servers of a private authority and for mutual TLS. Node does not read the system's trust store by itself. */
  readonly tls?: NodeTlsOptions
  /**
   * HTTP proxy to tunnel through: an http or https URL, with its credentials if it wants any. An https proxy is checked
   * against `tls.ca` too. `tcpProbe` does not use it: it asks whether the port itself answers, as the load balancer
   * would. @default none: no environment is read
   */
  readonly proxy?: string | URL
  /**
   * Whether requests to https servers that offer HTTP/2 go over it, one request on a connection at a time. Probes and
   * WebSockets stay with HTTP/1.1. Off, because it gains little that way, and because undici gives up a request in
   * flight when a server says that it will close the connection (GOAWAY), which over HTTP/1.1 would still be answered.
   * @default false
   */
  readonly http2?: boolean
}

/** Options that are right. */
export interface CheckedPlatformOptions {
  readonly tls: NodeTlsOptions
  readonly proxy: TunnelProxy | undefined
  readonly http2: boolean
}

const TLS_VERSIONS: readonly unknown[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']

const TLS_RULES: Readonly<
  Record<keyof NodeTlsOptions, { readonly right: string; readonly isRight: (value: unknown) => boolean }>
> = {
  ca: { right: 'PEM text or bytes, or an array of them', isRight: isMaterials },
  cert: { right: 'PEM text or bytes, or an array of them', isRight: isMaterials },
  key: { right: 'PEM text or bytes', isRight: isMaterial },
  passphrase: { right: 'a text', isRight: (value) => typeof value === 'string' },
  pfx: { right: 'the bytes of a PKCS#12 file', isRight: isMaterial },
  minVersion: { right: `one of ${TLS_VERSIONS.join(', ')}`, isRight: (value) => TLS_VERSIONS.includes(value) },
  rejectUnauthorized: { right: 'true or false', isRight: (value) => typeof value === 'boolean' },
}

/** @throws FailoverError `INVALID_OPTION`, naming the option, when one is wrong or unknown. */
export function checkPlatformOptions(options: NodePlatformOptions): CheckedPlatformOptions {
  const { tls, proxy, http2 = false } = members(options, ['tls', 'proxy', 'http2'], 'options')
  if (typeof http2 !== 'boolean') return refuse('http2', 'must be true or false')
  const checked = checkTls(tls)
  return { tls: checked, proxy: proxy === undefined ? undefined : checkProxy(proxy, checked), http2 }
}

function checkTls(value: unknown): NodeTlsOptions {
  if (value === undefined) return {}
  const given = members(value, Object.keys(TLS_RULES), 'tls')
  for (const [name, { right, isRight }] of Object.entries(TLS_RULES)) {
    if (given[name] !== undefined && !isRight(given[name])) refuse(`tls.${name}`, `must be ${right}`)
  }
  const tls: NodeTlsOptions = { ...given }
  try {
    createSecureContext(tls)
  } catch (error) {
    refuse('tls', `cannot be used: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
  return tls
}

function checkProxy(value: unknown, tls: NodeTlsOptions): TunnelProxy {
  const right = 'must be an http or https URL without a path, such as "http://proxy.contoso.com:3128"'
  if (typeof value !== 'string' && !(value instanceof URL)) return refuse('proxy', right)
  let url: URL
  try {
    url = new URL(value)
  } catch {
    return refuse('proxy', right)
  }
  if (!/^https?:$/.test(url.protocol) || url.hostname === '') return refuse('proxy', right)
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return refuse('proxy', right)
  try {
    decodeURIComponent(url.username)
    decodeURIComponent(url.password)
  } catch {
    return refuse('proxy', 'has credentials that are not percent-encoded: write "%25" for "%"')
  }
  return { url, ...(tls.ca === undefined ? {} : { ca: tls.ca }) }
}

/** The own members of an options object that has no others than `known`. */
function members(value: unknown, known: readonly string[], field: string): Readonly<Record<string, unknown>> {
  // By its tag, so that objects of another realm (Electron, vm) pass.
  if (Object.prototype.toString.call(value) !== '[object Object]') return refuse(field, 'must be an object')
  const given = value as Readonly<Record<string, unknown>>
  const strange = Object.keys(given).find((name) => !known.includes(name))
  if (strange === undefined) return given
  const unknown = strange.slice(0, 80).replace(/\p{Cc}/gu, ' ')
  return refuse(
    field === 'options' ? unknown : `${field}.${unknown}`,
    `is not an option; known are ${known.join(', ')}`,
  )
}

function isMaterial(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || value instanceof Uint8Array
}

function isMaterials(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 && value.every(isMaterial) : isMaterial(value)
}

function refuse(field: string, right: string): never {
  throw new FailoverError('INVALID_OPTION', `${field} ${right}`, { field })
}
