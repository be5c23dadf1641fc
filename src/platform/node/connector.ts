/**
 * Dials a road: the one place where an address is pinned and a TLS name chosen, for HTTP and WebSocket alike.
 *
 * The URL keeps the name, so Host, SNI and the certificate check see it; only the address dialled is replaced. (A
 * `fetch` of the IP with a Host header does not do: fetch drops Host. Measured, Node 20.)
 */
import { isIP, type LookupFunction, type Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { buildConnector } from 'undici'
import type { Cancel } from '../platform'
import type { Road } from '../../core/road'
import { tellRefusedCertificate } from './certificate'
import { openTunnel, type TunnelProxy } from './tunnel'

/** TLS options for servers of a private authority and for mutual TLS. */
export interface NodeTlsOptions {
  /** Certificates to trust instead of the built-in ones; PEM. */
  readonly ca?: string | Buffer | (string | Buffer)[]
  /** Certificate of this client; PEM. */
  readonly cert?: string | Buffer | (string | Buffer)[]
  /** Private key of this client; PEM. */
  readonly key?: string | Buffer
  /** Passphrase of the key. */
  readonly passphrase?: string
  /** Certificate and key together, PKCS#12. */
  readonly pfx?: string | Buffer
  /** Oldest TLS version taken. @default Node's own (TLSv1.2) */
  readonly minVersion?: SecureContextOptions['minVersion']
  /** Whether a certificate that fails its checks ends the connection. @default true */
  readonly rejectUnauthorized?: boolean
}

/** What is dialled: the URL's parts, as undici gives them. */
export interface DialTarget {
  readonly hostname: string
  readonly host?: string
  readonly protocol: string
  readonly port: string
  readonly servername?: string
}

/** Called once with an error or a connected (for https: secured) socket. */
export type DialCallback = (error: Error | null, socket: Socket | null) => void

/** Starts to dial. The result ends an attempt under way and leaves a handed-over socket alone. */
export type Dial = (target: DialTarget, callback: DialCallback) => { readonly socket?: Socket; readonly cancel: Cancel }

/** A guard only: callers have shorter deadlines of their own. */
const CONNECT_TIMEOUT_MS = 30_000
/** A dual-stack name: time for the first family. Node's 250 ms aborts slow but live servers (nodejs/node#54359). */
const FAMILY_ATTEMPT_MS = 1000

/** The name a URL of this road carries. */
export function roadHostname(road: Road): string {
  return unbracket(new URL(road.url).hostname)
}

/** `[::1]` as sockets want it. */
function unbracket(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

/** Rewrites a URL of the road to the name that Host and SNI shall carry. */
export function dialUrl(road: Road, url: string): string {
  if (road.hostname === undefined) return url
  const rewritten = new URL(url)
  if (unbracket(rewritten.hostname) !== roadHostname(road)) return url
  rewritten.hostname = road.hostname
  return rewritten.href
}

/** The host to dial for a target: the pinned address, or the road's own name under its `hostname`. */
function addressOf(road: Road, hostname: string): string {
  const own = roadHostname(road)
  // A redirect may have led elsewhere: only the road's own names are pinned.
  if (hostname !== own && hostname !== road.hostname) return hostname
  return road.address ?? own
}

/** How a platform dials, whatever the road. */
export interface DialOptions {
  readonly tls: NodeTlsOptions
  readonly proxy: TunnelProxy | undefined
  readonly lookup: LookupFunction
  /** Offer HTTP/2 beside HTTP/1.1; never for WebSockets, whose handshake is one of HTTP/1.1. @default false */
  readonly http2?: boolean
}

/** Makes the dialler of one road. */
export function createDial(road: Road, { tls, proxy, lookup, http2 = false }: DialOptions): Dial {
  const connect = buildConnector({
    ...tls,
    lookup,
    allowH2: http2,
    timeout: CONNECT_TIMEOUT_MS,
    ...(road.address === undefined
      ? { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: FAMILY_ATTEMPT_MS }
      : { autoSelectFamily: false }),
  } as buildConnector.BuildOptions)
  return (target, callback) => {
    const hostname = unbracket(target.hostname)
    const address = addressOf(road, hostname)
    // An IP address is no server name (RFC 6066 3).
    const servername = target.servername || (isIP(hostname) === 0 ? hostname : undefined)
    const start = (httpSocket?: Socket): Socket => {
      const finish: buildConnector.Callback = (...[error, socket]) => callback(error, socket)
      const parts = { ...target, hostname: address, ...(servername === undefined ? {} : { servername }) }
      // The declared type is void; it returns the socket it opens.
      const dialled = { ...parts, ...(httpSocket === undefined ? {} : { httpSocket }) }
      const socket = connect(dialled, finish) as unknown as Socket
      tellRefusedCertificate(socket)
      return socket
    }
    if (proxy === undefined) {
      const socket = start()
      return { socket, cancel: () => void socket.destroy() }
    }
    return dialThrough(proxy, { address, target }, start, callback)
  }
}

function dialThrough(
  proxy: TunnelProxy,
  { address, target }: { readonly address: string; readonly target: DialTarget },
  start: (httpSocket: Socket) => Socket,
  callback: DialCallback,
): { readonly cancel: Cancel } {
  const secure = target.protocol === 'https:'
  const port = Number(target.port) || (secure ? 443 : 80)
  let cancel = openTunnel(proxy, { host: address, port, timeoutMs: CONNECT_TIMEOUT_MS }, (error, socket) => {
    if (error !== null || socket === null) return callback(error, null)
    if (!secure) return callback(null, socket)
    const secured = start(socket)
    cancel = () => {
      secured.destroy()
      // The tunnel is a socket of its own.
      socket.destroy()
    }
  })
  return { cancel: () => cancel() }
}
