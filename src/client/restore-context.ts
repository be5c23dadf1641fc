/** What a restore hook may use: commands and requests bound to the one new server, never queued, never elsewhere. */
import { FailoverError } from '../errors'
import { parseFrame } from '../core/parse-frame'
import type { Road } from '../core/road'
import { PROTOCOL_VERSION, type ClientIdentity } from '../core/wire'
import type { Cancel, Platform } from '../platform/platform'
import { checkCommandArguments } from './options-arguments'
import type { RestoreCommand } from './option-types'

export interface BoundServer {
  readonly platform: Platform
  readonly road: Road
  readonly token: () => Promise<string | undefined>
  readonly ucc: string | undefined
  readonly client: ClientIdentity
  readonly commandPath: string
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/** `fetch` on this server only. URLs are paths below it, or its own. */
export function boundFetch(
  bound: BoundServer,
): (input: string | URL | Request, init?: RequestInit) => Promise<Response> {
  return async (input, init = {}) => {
    const given = typeof input === 'object' && 'url' in input ? input : undefined
    const url = boundUrl(given?.url ?? String(input), bound.road.url)
    const headers = new Headers(init.headers ?? given?.headers)
    const token = await bound.token()
    if (token !== undefined && !headers.has('authorization')) headers.set('authorization', `Bearer ${token}`)
    const signal = init.signal == null ? bound.signal : AbortSignal.any([bound.signal, init.signal])
    const body = given?.body == null ? {} : { body: await given.arrayBuffer() }
    const request: RequestInit = {
      method: given?.method ?? 'GET',
      ...body,
      ...init,
      headers,
      signal,
      redirect: 'error',
    }
    return new Promise<Response>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error)
      bound.platform.fetch({ road: bound.road, url: url.href, init: request }, (outcome) => {
        if (outcome.ok) resolve(outcome.response)
        else if (signal.aborted) reject(signal.reason as Error)
        else
          reject(
            new TypeError('fetch failed', {
              cause: networkError(outcome.failure.message, bound.road, outcome.failure.cause),
            }),
          )
      })
    })
  }
}

/** Commands by POST, for a server that this client has no live connection to. */
export function postedCommand(bound: BoundServer): RestoreCommand {
  let lastId = 0
  return async <R>(name: string, args?: unknown, options?: Parameters<RestoreCommand>[2]): Promise<R> => {
    const checked = checkCommandArguments(name, args, options)
    const token = await bound.token()
    lastId += 1
    const key = checked.key ?? bound.platform.randomId()
    const frame = {
      type: 'command',
      version: PROTOCOL_VERSION,
      id: lastId,
      name: checked.name,
      args: checked.args,
      key,
    }
    const query = bound.ucc === undefined ? '' : `?ucc=${encodeURIComponent(bound.ucc)}`
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return new Promise<R>((resolve, reject) => {
      let cancel: Cancel = () => undefined
      const abort = (): void => {
        cancel()
        reject(bound.signal.reason as Error)
      }
      if (bound.signal.aborted) return abort()
      bound.signal.addEventListener('abort', abort, { once: true })
      cancel = bound.platform.exchange(
        {
          road: bound.road,
          path: bound.commandPath + query,
          method: 'POST',
          headers: { 'content-type': 'application/json', ...authorization },
          body: JSON.stringify({ ...frame, client: bound.client }),
          timeoutMs: checked.deadlineMs ?? bound.timeoutMs,
          maxBytes: bound.maxBytes,
        },
        (outcome) => {
          bound.signal.removeEventListener('abort', abort)
          if (!outcome.ok) return reject(networkError(outcome.failure.message, bound.road, outcome.failure.cause))
          const parsed = parseFrame(outcome.body)
          const answer = parsed.ok ? parsed.frame : undefined
          if (answer?.type === 'result' && (answer.status === 'done' || answer.status === 'duplicate'))
            return resolve(answer.data as R)
          const reason =
            answer?.type === 'result'
              ? (answer.error?.code ?? answer.status)
              : answer?.type === 'reject'
                ? answer.code
                : `HTTP ${outcome.status}`
          reject(new FailoverError('COMMAND_REJECTED', `${name} was refused: ${reason}`, { subject: name, reason }))
        },
      )
    })
  }
}

function boundUrl(text: string, base: string): URL {
  const url = new URL(text, `${base}/`)
  const home = new URL(base)
  if (url.origin === home.origin) return /^\/(?!\/)/.test(text) ? new URL(base + text) : url
  throw new FailoverError('INVALID_OPTION', 'fetch of a restore hook reaches the new server only: give a path', {
    field: 'input',
  })
}

function networkError(message: string, road: Road, cause: unknown): FailoverError {
  return new FailoverError('NO_ENDPOINT_AVAILABLE', message, Object.assign({ endpoint: road.endpointId }, { cause }))
}
