/** The checks of the WebSocket standard: arguments, sizes. */
import { resolveUrl } from './fetch-url'

export type SocketPayload = string | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Blob

/** RFC 6455 5.5: a close frame carries 125 bytes, two of them the code. */
const MAX_REASON_BYTES = 123
/** RFC 6455 4.1, item 10. */
const PROTOCOL_TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/

/** The ws or wss URL that the caller means. */
export function readSocketUrl(input: string | URL, base: URL): URL {
  let url: URL
  try {
    url = resolveUrl(input, base)
  } catch {
    throw new DOMException(`'${String(input)}' is no URL`, 'SyntaxError')
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') url = new URL(`ws${url.href.slice(4)}`)
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new DOMException(`a WebSocket URL cannot begin with '${url.protocol}'`, 'SyntaxError')
  }
  if (url.href.includes('#')) throw new DOMException('a WebSocket URL cannot have a fragment', 'SyntaxError')
  return url
}

/** The subprotocols, checked. */
export function readProtocols(protocols: string | readonly string[]): readonly string[] {
  const list = typeof protocols === 'string' ? [protocols] : [...protocols].map(String)
  const distinct = new Set(list.map((name) => name.toLowerCase()))
  if (distinct.size !== list.length || !list.every((name) => PROTOCOL_TOKEN.test(name))) {
    throw new DOMException(`'${list.join(', ')}' is no list of distinct subprotocols`, 'SyntaxError')
  }
  return list
}

/** @throws DOMException when `close()` may not be called with these. */
export function checkClose(code: number | undefined, reason: string): void {
  if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
    throw new DOMException(`the close code is 1000 or 3000 to 4999, not ${code}`, 'InvalidAccessError')
  }
  if (byteLength(reason) > MAX_REASON_BYTES) {
    throw new DOMException(`the close reason is longer than ${MAX_REASON_BYTES} bytes`, 'SyntaxError')
  }
}

/** Payloads as the standard takes them; anything else becomes text. */
export function readPayload(data: unknown): SocketPayload {
  if (data instanceof Blob || data instanceof ArrayBuffer) return data
  return ArrayBuffer.isView(data) ? (data as ArrayBufferView<ArrayBuffer>) : String(data)
}

/** Bytes on the wire. */
export function payloadSize(data: SocketPayload): number {
  if (typeof data === 'string') return byteLength(data)
  return data instanceof Blob ? data.size : data.byteLength
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength
}
