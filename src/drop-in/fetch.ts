/** WHATWG `fetch` on the client's verdict: what goes to the dedicated hostname goes to the server that is running. */
import { isRequest, readCall } from './fetch-call'
import { clientClosed } from './fetch-errors'
import { runCall } from './fetch-run'
import { AbortWatch } from './fetch-signal'
import { resolveUrl } from './fetch-url'
import type { Routing } from './routing'

/** The shape of `globalThis.fetch`. */
export type FetchFunction = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>

/**
 * Makes a `fetch`. Relative URLs and URLs known to the client are routed; every other call goes to `globalThis.fetch`
 * as it is.
 *
 * The promise rejects with the signal's reason when the caller aborted, with a {@link FailoverError} `CLIENT_CLOSED`
 * when the client is closed, and else with a `TypeError`; the `cause` of one that tells of the network is a
 * {@link FailoverError}: `NO_ENDPOINT_AVAILABLE`, `CONNECT_TIMEOUT`, `REQUEST_TIMEOUT`, `OUTCOME_UNKNOWN`,
 * `UNAUTHORIZED` or `PROTOCOL_ERROR`.
 */
export function createFetch(routing: Routing): FetchFunction {
  const aborts = new AbortWatch()
  return async (input, init) => {
    if (routing.closed) throw clientClosed()
    const url = resolveUrl(isRequest(input) ? input.url : input, routing.base)
    if (!/^https?:$/.test(url.protocol) || !routing.knows(url)) return globalThis.fetch(input, init)
    const call = await readCall(url, input, init)
    // Reading the call took a turn or more; an abort in between has fired its event already.
    call.signal?.throwIfAborted()
    if (routing.closed) throw clientClosed()
    return runCall(routing, call, aborts)
  }
}
