/** What the machines know of an endpoint, as users see it: a frozen copy of the moment. */
import type { Endpoint } from '../core/endpoint'
import type { Judge } from '../core/judge'
import type { EndpointInfo, EndpointVerdict } from './reports'

export function describeEndpoint(
  judge: Judge,
  endpoint: Endpoint,
  ucc: string | undefined,
  suspect: boolean,
): EndpointInfo {
  const word = judge.word(endpoint, ucc)
  const { id, url, name, address, rank, site } = endpoint.seed
  const info = {
    id,
    url,
    name,
    ...(address === undefined ? {} : { address }),
    server: endpoint.server,
    rank,
    site,
    breaker: endpoint.breaker.state.is,
    readiness: word?.state ?? 'unknown',
    term: word?.term,
    draining: word?.draining ?? false,
    suspect,
    rttMs: endpoint.rttMs,
    lastError: endpoint.lastError,
  } as const
  return Object.freeze({ ...info, verdict: verdictOf(info, endpoint) })
}

/** The derived label. First that matches. */
function verdictOf(info: Omit<EndpointInfo, 'verdict'>, endpoint: Endpoint): EndpointVerdict {
  if (info.draining) return 'draining'
  if (info.breaker !== 'closed') return 'unhealthy'
  if (info.suspect) return 'suspect'
  if (info.readiness === 'starting') return 'starting'
  if (info.readiness === 'stopped') return 'unhealthy'
  if (info.readiness === 'running') return 'healthy'
  return endpoint.contract === 'absent' && endpoint.liveness.is === 'up' ? 'healthy' : 'unknown'
}
