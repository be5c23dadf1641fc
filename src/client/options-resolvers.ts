/** Checks the `resolver` option. */
import { checkRule, fail, failUrl, refuse } from './options-check'
import type { HostnameConfig } from './options-endpoints'
import { DEFAULT_POLL_MS, type Resolver, type ResolverSpec, type TopologyResolver } from './resolvers'
import { normaliseBase } from './urls'

/** `topologyDocument` names itself after its URL, redacted and cut. */
const MAX_NAME = 8192

/** Nothing when nothing was given: the entry point's default. */
export function resolveResolvers(value: unknown, hostname: HostnameConfig): readonly ResolverSpec[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value)) return Object.freeze([resolveResolver(value, hostname, 'resolver')])
  return Object.freeze(
    Array.from(value as readonly unknown[], (entry, index) => resolveResolver(entry, hostname, `resolver[${index}]`)),
  )
}

function resolveResolver(value: unknown, hostname: HostnameConfig, at: string): ResolverSpec {
  const resolver = value as Partial<Resolver> & Partial<TopologyResolver>
  const isObject = typeof value === 'object' && value !== null
  if (isObject && resolver.kind === 'topology' && typeof resolver.url === 'string') {
    return topology(resolver as TopologyResolver, hostname, at)
  }
  if (!isObject || typeof resolver.resolve !== 'function') {
    return fail(at, 'must be topologyDocument(url) or an object with name and resolve(context)', value)
  }
  const name = checkRule({ kind: 'text' }, resolver.name, `${at}.name`) as string
  const pollMs =
    resolver.pollMs === undefined
      ? DEFAULT_POLL_MS
      : (checkRule({ kind: 'ms', min: 1000 }, resolver.pollMs, `${at}.pollMs`) as number)
  return Object.freeze({ kind: 'custom', name, resolver: resolver as Resolver, pollMs })
}

function topology({ name, url, pollMs }: TopologyResolver, hostname: HostnameConfig, at: string): ResolverSpec {
  // `topologyDocument` has checked all that; what is written by hand in its form was checked by nobody.
  if (!/^(?:https?:\/)?\//i.test(url)) return failUrl(at, 'must be an http or https URL, or a path', url)
  checkRule({ kind: 'text', maxLength: MAX_NAME }, name, `${at}.name`)
  checkRule({ kind: 'ms', min: 1000 }, pollMs, `${at}.pollMs`)
  const absolute = url.startsWith('/') ? hostname.url + url : url
  // The document's own path and query stay as they are; its origin is held to the rules of any other.
  const result = normaliseBase(absolute.replace(/[?#].*$/s, ''))
  if (!result.ok) return failUrl(at, result.problem, absolute)
  if (hostname.scheme === 'https' && result.base.scheme === 'http') {
    // Whoever can change the answer on the way chooses the servers.
    refuse(at, 'must be an https document, as the dedicated hostname is https')
  }
  return Object.freeze({ kind: 'topology', name, url: new URL(absolute).href, pollMs })
}
