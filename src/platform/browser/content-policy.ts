/**
 * Content-Security-Policy is the one wall a page can tell from a dead server: the browser fires an event that names
 * what it blocked. It is kept here for the moment it takes the request to fail.
 */
import type { Cancel } from '../platform'
import { pageScope } from './page-events'

interface ViolationLike {
  readonly type: string
  readonly blockedURI?: string
  readonly effectiveDirective?: string
  readonly disposition?: string
}

/** Older violations belong to other requests. */
const REMEMBER_MS = 1000
const MAX_REMEMBERED = 20

/** Recent violations of `connect-src`. */
export interface ContentPolicyWatch {
  /** The directive that blocked a request to this URL just now, if one did. */
  blocked(url: string): string | undefined
  readonly stop: Cancel
}

/** Origin with the HTTP scheme: a blocked WebSocket is reported as wss, ws, https or http, by browser. */
function originOf(url: string): string | undefined {
  try {
    return new URL(url.replace(/^ws/, 'http')).origin
  } catch {
    return undefined
  }
}

/** Starts to listen; where no such event exists nothing is ever found blocked. */
export function watchContentPolicy(now: () => number): ContentPolicyWatch {
  let recent: { readonly origin: string; readonly directive: string; readonly at: number }[] = []
  const scope = pageScope()
  const onViolation = (event: ViolationLike): void => {
    const origin = originOf(event.blockedURI ?? '')
    // A report-only policy blocks nothing.
    if (origin === undefined || event.disposition === 'report') return
    recent = [...recent, { origin, directive: event.effectiveDirective ?? 'connect-src', at: now() }].slice(
      -MAX_REMEMBERED,
    )
  }
  scope.addEventListener?.('securitypolicyviolation', onViolation)
  return {
    blocked(url) {
      const origin = originOf(url)
      return recent.find((violation) => violation.origin === origin && now() - violation.at <= REMEMBER_MS)?.directive
    },
    stop: () => scope.removeEventListener?.('securitypolicyviolation', onViolation),
  }
}
