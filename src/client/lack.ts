/** Why nobody can serve, as the code of the error that says so. */
import type { Endpoint } from '../core/endpoint'
import type { FailoverErrorCode } from '../errors'
import type { ClientState, OfflineReason } from './reports'

export interface Lack {
  readonly code: FailoverErrorCode
  /** In words, to be put behind what was waited for. */
  readonly why: string
}

export function lackOf(
  endpoints: readonly Endpoint[],
  state: ClientState,
  offlineReason: OfflineReason | undefined,
): Lack {
  if (endpoints.length === 0)
    return { code: 'RESOLVE_FAILED', why: 'no source names an endpoint of the dedicated hostname' }
  if (offlineReason !== 'unauthorized')
    return { code: 'NO_ENDPOINT_AVAILABLE', why: offlineReason === undefined ? state : `${state}: ${offlineReason}` }
  // The same token is refused everywhere: where one says that it does not hold, that is what is to be mended first.
  return endpoints.some(({ refusal }) => refusal === 'unauthorized')
    ? { code: 'UNAUTHORIZED', why: 'every server that runs the UCC refuses the token' }
    : { code: 'FORBIDDEN', why: 'every server that runs the UCC says that the token is not allowed there' }
}
