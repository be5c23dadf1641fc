/**
 * Resolvers: sources of endpoints beside the configuration and the servers' own `peers`. The built-in one carries a
 * tagged spec, which the driver carries out with the platform's callbacks.
 */
import { checkKeys, checkRule, failUrl } from './options-check'
import { redact } from './redact'

/** One endpoint as a resolver names it. Subject to the rules for learned names (`allowedHosts`, no downgrade). */
export interface ResolvedEndpoint {
  /** Base URL. The dedicated hostname's own URL together with `address`: that name at this address. */
  readonly url: string
  /** Dial this IP address (Node). */
  readonly address?: string
  /** Name of the server, where the source knows it. */
  readonly server?: string
  /** Lower is preferred. Default: the place in the list. */
  readonly rank?: number
  /** The dedicated hostname points here now. */
  readonly designated?: boolean
}

/** What a resolver is asked for. */
export interface ResolveContext {
  /** Name of the dedicated hostname, without scheme and port. */
  readonly hostname: string
  /** Its normalised base URL. */
  readonly url: string
  /** The UCC of the client, where it names one. */
  readonly ucc?: string
  /** Aborted when the answer is not wanted any more. */
  readonly signal: AbortSignal
}

/** A source of endpoints. An empty answer is refused and the last good one stays; a rejection is a warning. */
export interface Resolver {
  /** For events and the decision log. */
  readonly name: string
  /**
   * Milliseconds between two questions, ±10 %.
   * @default 10000
   */
  readonly pollMs?: number
  /** All endpoints known now, best first. */
  resolve(context: ResolveContext): Promise<readonly ResolvedEndpoint[]>
}

/** The built-in topology document, as {@link topologyDocument} makes it. Only the client can carry it out. */
export interface TopologyResolver {
  /** For events and the decision log. */
  readonly name: string
  /** Tells it from a resolver of your own. */
  readonly kind: 'topology'
  /** As given: absolute, or a path under the dedicated hostname. */
  readonly url: string
  /** Milliseconds between two questions, ±10 %. */
  readonly pollMs: number
}

/** A resolver as the driver reads it. */
export type ResolverSpec =
  | { readonly kind: 'topology'; readonly name: string; readonly url: string; readonly pollMs: number }
  | { readonly kind: 'custom'; readonly name: string; readonly resolver: Resolver; readonly pollMs: number }

/** Milliseconds between two questions to a resolver (behaviour "Resolve": poll every 10 s). */
export const DEFAULT_POLL_MS = 10_000

/**
 * A topology document: any URL that answers JSON with `peers` in rank order, as readiness does.
 * @param url `https://config.contoso.com/topology.json`, or a path under the dedicated hostname: `/topology`.
 * @param options.pollMs Milliseconds between two questions, ±10 %. `@default 60000`
 * @throws FailoverError `INVALID_OPTION`
 */
export function topologyDocument(url: string | URL, options: { readonly pollMs?: number } = {}): TopologyResolver {
  const text = typeof url === 'string' ? url.trim() : url instanceof URL ? url.href : ''
  if (!/^https?:\/\/[^\s]+$/i.test(text) && !/^\/[^\s]*$/.test(text)) {
    failUrl('url', 'must be an absolute http or https URL, or a path such as "/topology"', url)
  }
  checkKeys(options, ['pollMs'], 'options')
  const pollMs = options.pollMs === undefined ? 60_000 : checkRule({ kind: 'ms', min: 1000 }, options.pollMs, 'pollMs')
  return Object.freeze({
    name: `topology document ${redact(text)}`,
    kind: 'topology',
    url: text,
    pollMs: pollMs as number,
  })
}
