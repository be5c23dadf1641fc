/** What a Dispatcher asks of the client: the one interface between a platform's dispatcher and the drop-in routing. */
import type { NetworkFailure, Road } from '../core/road'
import type { Cancel } from './platform'

/** Where one request goes, and whom to tell how it went. */
export interface DispatchRoute {
  readonly road: Road
  /** Path and query below the road's URL. */
  readonly path: string
  readonly token?: string
  readonly answered: (status: number, retryAfter: boolean) => void
  readonly failed: (failure: NetworkFailure) => void
}

/** The client, as far as a Dispatcher needs it. */
export interface DispatchRouter {
  /** Does this URL belong to the dedicated hostname or an endpoint? */
  knows(url: URL): boolean
  /** Calls back once, later, unless cancelled: as soon as a candidate exists, or with the error of having none. */
  route(url: URL, wantsToken: boolean, done: (route: DispatchRoute | { readonly error: Error }) => void): Cancel
  /** The error of every call after the end. */
  closedError(): Error
  onClose(listener: () => void): Cancel
}
