/**
 * How a session dials: by which transport, and why it asks for a token. What it has learned of an endpoint outlives the
 * link that taught it.
 */
import { Link } from './link'
import type { LinkBook } from './link-book'
import type { MovePlan } from './pool-protocol'
import type { Road } from './road'
import type { SessionHost } from './session-host'
import type { SessionInput } from './session-protocol'
import type { DurationMs } from './time'
import { Upgrades } from './upgrades'

export interface DiallingHost extends SessionHost {
  readonly links: LinkBook
}

export class LinkDialling {
  #lastLink = 0
  readonly #upgrades = new Upgrades()
  /** Endpoints whose last token was refused. */
  readonly #tokenRefused = new Set<string>()

  constructor(
    private readonly timeoutMs: DurationMs,
    private readonly host: DiallingHost,
  ) {}

  /** @param plan the move it is an attempt of; none for a warm standby */
  dial(road: Road, plan: MovePlan | undefined): Link {
    const { links, emit } = this.host
    const now = this.host.now()
    const { endpointId } = road
    this.#lastLink += 1
    const downgraded = this.#upgrades.isDowngraded(now, endpointId)
    const link = new Link(this.#lastLink, road, plan, downgraded, now, this.timeoutMs)
    links.add(link)
    emit({ type: 'open-link', link: link.id, road, downgraded })
    const reason = this.#tokenRefused.has(endpointId) ? 'rejected' : 'connect'
    // Who will answer there is not known to a link before its welcome.
    emit({ type: 'ask-token', link: link.id, endpointId, server: undefined, reason })
    return link
  }

  welcomed({ downgraded, road }: Link): void {
    if (!downgraded) this.#upgrades.succeeded(road.endpointId)
    this.#tokenRefused.delete(road.endpointId)
  }

  closed(link: Link, close: Extract<SessionInput, { type: 'link-closed' }>): void {
    const downgrade = this.#upgrades.closed(this.host.now(), link, close)
    if (downgrade !== undefined) this.host.emit(downgrade)
  }

  /** May it be an old token only? True the first time: the next one is asked for with that reason. */
  mayBeOldToken(endpointId: string): boolean {
    if (this.#tokenRefused.has(endpointId)) return false
    this.#tokenRefused.add(endpointId)
    return true
  }
}
