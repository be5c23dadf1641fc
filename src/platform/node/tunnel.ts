/**
 * A CONNECT tunnel through an HTTP proxy, for HTTP and WebSocket alike. Our own, and not undici's ProxyAgent, because
 * its errors must say that the *proxy* failed: a refused proxy is no evidence against the server behind it.
 */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import type { Cancel } from '../platform'

/** A proxy, its credentials in the URL if it wants any. */
export interface TunnelProxy {
  readonly url: URL
  readonly ca?: string | Buffer | (string | Buffer)[]
}

/** How the proxy refused or failed. */
class ProxyError extends Error {
  readonly code: string

  constructor(code: 'FAILOVER_PROXY_REFUSED' | 'FAILOVER_PROXY_UNREACHABLE', message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ProxyError'
    this.code = code
  }
}

function authorization(url: URL): Record<string, string> {
  if (url.username === '') return {}
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return { 'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
}

/** 502 to 504: the proxy could not reach the server. Anything else is the proxy's own refusal (403, 407). */
function refusal(status: number): ProxyError {
  const code = status >= 502 && status <= 504 ? 'FAILOVER_PROXY_UNREACHABLE' : 'FAILOVER_PROXY_REFUSED'
  return new ProxyError(code, `the proxy answered CONNECT with ${status}`)
}

/** Opens a tunnel to `to`; calls back once, at the latest after `timeoutMs`. */
export function openTunnel(
  proxy: TunnelProxy,
  to: { readonly host: string; readonly port: number; readonly timeoutMs: number },
  callback: (error: Error | null, socket: Socket | null) => void,
): Cancel {
  const { url } = proxy
  const authority = `${to.host.includes(':') ? `[${to.host}]` : to.host}:${to.port}`
  const secure = url.protocol === 'https:'
  const connect = (secure ? httpsRequest : httpRequest)({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    method: 'CONNECT',
    path: authority,
    headers: { Host: authority, ...authorization(url) },
    agent: false,
    ...(proxy.ca === undefined ? {} : { ca: proxy.ca }),
  })
  let over = false
  const finish = (error: Error | null, socket: Socket | null): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    callback(error, socket)
  }
  const timer = setTimeout(() => {
    const message = `the proxy ${url.host} did not answer CONNECT within ${to.timeoutMs} ms`
    finish(new ProxyError('FAILOVER_PROXY_REFUSED', message), null)
    connect.destroy()
  }, to.timeoutMs)
  connect.once('connect', (response, socket, head) => {
    const status = response.statusCode ?? 0
    if (over || status !== 200) {
      socket.on('error', () => undefined).destroy()
      return finish(refusal(status), null)
    }
    if (head.length > 0) socket.unshift(head)
    finish(null, socket as Socket)
  })
  connect.once('response', (response) => {
    connect.destroy()
    finish(refusal(response.statusCode ?? 0), null)
  })
  connect.on('error', (error) => {
    finish(new ProxyError('FAILOVER_PROXY_REFUSED', `the proxy ${url.host} failed: ${error.message}`, error), null)
  })
  connect.end()
  return () => {
    over = true
    clearTimeout(timer)
    connect.destroy()
  }
}
