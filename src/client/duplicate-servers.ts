/** Notices endpoints that are roads to one and the same server: with two of them there is nothing to fail over to. */
import type { EndpointInfo } from './reports'

export class DuplicateServers {
  readonly #told = new Set<string>()

  /** @param hostname base URL of the dedicated hostname: it leads to a server that has a road of its own, rightly so */
  constructor(private readonly hostname: string) {}

  /** What to tell a person, once for each server. An endpoint that is down is only remembered: it proves nothing. */
  notice(endpoints: readonly EndpointInfo[]): string | undefined {
    const first = new Map<string, EndpointInfo>()
    for (const endpoint of endpoints) {
      const { server, url } = endpoint
      if (server === undefined || url === this.hostname || !answers(endpoint) || this.#told.has(server)) continue
      const other = first.get(server)
      if (other === undefined) first.set(server, endpoint)
      else {
        this.#told.add(server)
        return `${other.name} and ${endpoint.name} are answered by the same server, ${server}.`
      }
    }
    return undefined
  }
}

/** The name may be hearsay of a peer, or that of a server that has gone. */
function answers({ breaker, rttMs, lastError }: EndpointInfo): boolean {
  return breaker === 'closed' && rttMs !== undefined && lastError === undefined
}
