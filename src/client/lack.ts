/** Why nobody can serve, as the code of the error that says so. */
import type { Endpoint } from '../core/endpoint'
import type { FailoverErrorCode } from '../errors'
import type { ClientState, OfflineReason } from './reports'

const NO_SUCH_NAME = 'ENOTFOUND'

export interface Lack {
  readonly code: FailoverErrorCode
  /** In words, to be put behind what was waited for. */
  readonly why: string
  /** Waiting mends nothing: somebody must. */
  readonly isLasting: boolean
}

/** @param nowhere No source of endpoints has answered, and the dedicated hostname leads to no address. */
export function lackOf(
  endpoints: readonly Endpoint[],
  state: ClientState,
  offlineReason: OfflineReason | undefined,
  nowhere: boolean,
): Lack {
  if (nowhere && endpoints.every(({ sources, liveness }) => isHostnameAlone(sources) && liveness.is === 'down')) {
    // "No such name" is an answer; a name server that does not answer may come back.
    const isLasting = endpoints.every(({ lastError }) => lastError === NO_SUCH_NAME)
    return { code: 'RESOLVE_FAILED', why: 'no source names an endpoint of the dedicated hostname', isLasting }
  }
  if (offlineReason !== 'unauthorized') {
    const why = offlineReason === undefined ? state : `${state}: ${offlineReason}`
    return { code: 'NO_ENDPOINT_AVAILABLE', why, isLasting: false }
  }
  // The same token is refused everywhere: where one says that it does not hold, that is what is to be mended first.
  return endpoints.some(({ refusal }) => refusal === 'unauthorized')
    ? { code: 'UNAUTHORIZED', why: 'every server that runs the UCC refuses the token', isLasting: true }
    : {
        code: 'FORBIDDEN',
        why: 'every server that runs the UCC says that the token is not allowed there',
        isLasting: true,
      }
}

function isHostnameAlone(sources: Endpoint['sources']): boolean {
  return [...sources.values()].every((source) => source === 'hostname')
}
