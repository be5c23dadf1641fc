/** What one request has learnt of the endpoints it tried: where it may go, and from when on. */
import type { RequestConfig, RouteTaken } from './request-protocol'
import { isSameServer } from './request-state'
import type { Instant } from './time'

export class RequestRoads {
  readonly #tried = new Map<string, { readonly notBefore: Instant; readonly avoid: boolean }>()
  /** The first server that may have seen the request. */
  #seenBy: RouteTaken | undefined

  constructor(private readonly config: RequestConfig) {}

  get seenBy(): RouteTaken | undefined {
    return this.#seenBy
  }

  /** Only the server that may have seen the request can repeat it without executing it twice. */
  get isBound(): boolean {
    return this.#seenBy !== undefined && !this.config.safe && !this.config.sharedKeys
  }

  /** Endpoints to be named last. */
  get avoided(): string[] {
    // Bound to one server: avoiding its endpoint would make sure that it cannot be repeated.
    if (this.isBound) return []
    return [...this.#tried].filter(([, tried]) => tried.avoid).map(([endpointId]) => endpointId)
  }

  /** May it go there at all? */
  allows(route: RouteTaken): boolean {
    return !this.isBound || this.#seenBy === undefined || isSameServer(this.#seenBy, route)
  }

  notBefore(endpointId: string): Instant | undefined {
    return this.#tried.get(endpointId)?.notBefore
  }

  /** It was tried there. */
  tried(endpointId: string, notBefore: Instant, avoid: boolean): void {
    this.#tried.set(endpointId, { notBefore, avoid })
  }

  /** This server may have seen it. */
  seen(route: RouteTaken): void {
    this.#seenBy ??= route
  }
}
