/**
 * Resolvers: sources of endpoints beside the configuration and the servers' own `peers`. The built-in one carries a
 * tagged spec, which the driver carries out with the platform's callbacks.
 */
import type { Resolver } from '../platform/platform'
import { checkKeys, checkRule, failUrl } from './options-check'
import { redact } from './redact'

export type { KnownEndpoint, ResolveContext, ResolvedEndpoint, Resolver } from '../platform/platform'

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

/** Names are the user's: two resolvers of one name must not overwrite each other. */
export function distinct(specs: readonly ResolverSpec[]): ResolverSpec[] {
  const taken = new Set<string>()
  return specs.map((spec) => {
    let { name } = spec
    for (let count = 2; taken.has(name); count += 1) name = `${spec.name} (${count})`
    taken.add(name)
    return { ...spec, name }
  })
}
