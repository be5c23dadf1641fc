/**
 * Request bodies. Those of a known, finite kind are copied when the call is made, as the standard says, and can be
 * sent again; anything else is a stream of some kind and is sent once.
 */

/** A body ready to be sent. */
export interface PreparedBody {
  readonly body: BodyInit | null
  /** Can be sent again. True for no body. */
  readonly replayable: boolean
}

/** No body. */
export const NO_BODY: PreparedBody = { body: null, replayable: true }

/** Takes a body as the caller gave it. Later changes to the caller's own object do not reach the wire. */
export function prepareBody(body: BodyInit | null | undefined): PreparedBody {
  if (body === null || body === undefined) return NO_BODY
  if (typeof body === 'string' || body instanceof Blob) return { body, replayable: true }
  if (body instanceof ArrayBuffer) return { body: body.slice(0), replayable: true }
  if (ArrayBuffer.isView(body)) {
    return { body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice(), replayable: true }
  }
  if (body instanceof URLSearchParams) return { body: new URLSearchParams(body), replayable: true }
  if (body instanceof FormData) return { body: copyForm(body), replayable: true }
  return { body, replayable: false }
}

function copyForm(form: FormData): FormData {
  const copy = new FormData()
  for (const [name, value] of form) copy.append(name, value)
  return copy
}

/** Does `fetch` ask for `duplex: 'half'` with this body? */
export function isStream(body: BodyInit | null): boolean {
  if (typeof body !== 'object' || body === null) return false
  return body instanceof ReadableStream || (Symbol.asyncIterator in body && !(body instanceof Blob))
}
