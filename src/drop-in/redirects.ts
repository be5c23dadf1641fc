/**
 * Redirects, hop by hop (WHATWG Fetch 4.4), with one rule more: never out of the known hosts and never from https to
 * http, because a redirect must not carry a token or a command to a stranger.
 */
import { FailoverError } from '../errors'
import { placeHop } from './fetch-url'
import type { Route, Routing } from './routing'

/** More hops than this are a loop (WHATWG Fetch). */
export const MAX_REDIRECTS = 20

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Headers that describe a body that is no longer there (WHATWG Fetch, "request-body-header name"). */
const BODY_HEADERS = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length']

/** One answer, seen as a redirect. */
export interface Hop {
  readonly status: number
  readonly location: string | null
  /** The URL that gave this answer. */
  readonly from: URL
  readonly method: string
  /** How many redirects were followed before. */
  readonly followed: number
  readonly replayable: boolean
}

export type RedirectDecision =
  | { readonly type: 'answer' }
  | { readonly type: 'follow'; readonly url: URL; readonly method: string; readonly dropBody: boolean }
  | { readonly type: 'refuse'; readonly error: TypeError }

/** Is this status a redirect? */
export function isRedirect(status: number): boolean {
  return REDIRECT_STATUSES.has(status)
}

/** What to do with an answer when the caller wants redirects followed. */
export function decideRedirect(hop: Hop, isKnown: (url: URL) => boolean): RedirectDecision {
  if (!isRedirect(hop.status) || hop.location === null) return { type: 'answer' }
  let url: URL
  try {
    url = new URL(hop.location, hop.from)
  } catch {
    return { type: 'refuse', error: redirectRefused('its Location is no URL') }
  }
  const objection = objectionTo(url, hop.from, isKnown)
  if (objection !== undefined) return { type: 'refuse', error: redirectRefused(objection) }
  if (hop.followed >= MAX_REDIRECTS) return { type: 'refuse', error: redirectRefused('there were too many') }
  const becomesGet =
    (hop.status === 303 && hop.method !== 'GET' && hop.method !== 'HEAD') ||
    ((hop.status === 301 || hop.status === 302) && hop.method === 'POST')
  if (becomesGet) return { type: 'follow', url, method: 'GET', dropBody: true }
  if (!hop.replayable) return { type: 'refuse', error: redirectRefused('the body cannot be sent twice') }
  return { type: 'follow', url, method: hop.method, dropBody: false }
}

/**
 * Whom to ask next. A redirect that names another endpoint goes to that one, if it is a candidate; any other stays on
 * the road, as the names of the pool all mean the same service. Nothing when it would only repeat what was just asked:
 * a passive server that sends everybody to the active one would get the request again and again.
 */
export function routeHop(
  routing: Routing,
  route: Route,
  hop: { readonly from: URL; readonly to: URL; readonly isSameMethod: boolean },
): Route | undefined {
  const { from, to, isSameMethod } = hop
  const home = routing.homeOf(to)
  const { road, path } = placeHop(to, home, route.road)
  // A server that sends us to the very URL it was asked by means it: the limit of redirects ends that.
  const isBack = isSameMethod && new URL(road.url + path).href === from.href && to.href !== from.href
  const named = routing.candidateAt(to)
  // The dedicated hostname means the service, wherever that is, even if it is an endpoint too.
  const isOther = named !== undefined && named.endpointId !== route.endpointId && (home !== routing.base || isBack)
  if (isOther) return named
  return isBack ? undefined : route
}

/** Why a redirect from one URL to another is not followed, or nothing. */
export function objectionTo(to: URL, from: URL, isKnown: (url: URL) => boolean): string | undefined {
  if (to.protocol !== 'https:' && to.protocol !== 'http:') return `it leads to ${to.protocol}`
  if (from.protocol === 'https:' && to.protocol === 'http:') return 'it leads from https to http'
  if (to.origin !== from.origin && !isKnown(to)) return `it leads to ${to.host}, which is no endpoint`
  return undefined
}

/** The error of a redirect that is not followed. */
export function redirectRefused(why: string): TypeError {
  const cause = new FailoverError('PROTOCOL_ERROR', `the redirect was refused: ${why}`, { reason: 'redirect-refused' })
  return new TypeError('fetch failed', { cause })
}

/** Takes away what described a body that was dropped. */
export function dropBodyHeaders(headers: Headers): void {
  for (const name of BODY_HEADERS) headers.delete(name)
}
