/** A road: how to dial one endpoint. The generation changes when nothing of the old connections may be reused. */
export interface Road {
  readonly endpointId: string
  readonly generation: number
  /** Base URL, http or https, without a trailing slash: `https://srv1.contoso.com` or `https://h:8443/base`. */
  readonly url: string
  /** Dial this IP address instead of the name in `url` (Node only). */
  readonly address?: string
  /** Name for Host and SNI where it differs from the name in `url` (Node only). */
  readonly hostname?: string
}

/** How a network operation failed, in the words the judge understands. */
export type FailureKind =
  | 'refused'
  | 'reset'
  | 'unreachable'
  | 'connect-timeout'
  | 'timeout'
  | 'certificate'
  | 'dns'
  | 'blocked'
  | 'too-large'
  | 'aborted'
  | 'opaque'

/**
 * A failure of the network, never of the application. `sent` is knowledge only the platform has: `no` means provably
 * nothing of the request reached a server; a page can never know, so there it is always `maybe`.
 */
export interface NetworkFailure {
  readonly kind: FailureKind
  readonly sent: 'no' | 'maybe'
  /** The platform's own code (`ECONNREFUSED`, `ERR_TLS_CERT_ALTNAME_INVALID`), for people. */
  readonly code?: string
  readonly message: string
  readonly cause?: unknown
}
