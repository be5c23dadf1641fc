/** The links a session has, as the Outbox sees them. */
import type { Entry } from './outbox-entry'
import type { LinkId } from './topic-protocol'
import type { DurationMs, Instant } from './time'
import { NEVER } from './time'

/** Links remembered as lost, so that a restore hook's late command fails at once. */
const MAX_LOST_LINKS = 32

export interface Link {
  readonly link: LinkId
  /** Takes queued commands: its subscribes are answered. */
  isOpen: boolean
  /** Said goodbye: only answers may still come. */
  isLeft: boolean
  running: boolean
  /** Name of the server's command memory. */
  keys: string | undefined
  /** Server's Unix clock minus the local monotonic one; nothing: not known yet. */
  offsetMs: DurationMs | undefined
  /** Nothing is sent before: it just refused a command as not running. */
  restsUntil: Instant
  /** Commands on its wire, by id. */
  readonly waiting: Map<number, Entry>
}

export class OutboxLinks {
  readonly #links = new Map<LinkId, Link>()
  readonly #lost = new Set<LinkId>()

  known(link: LinkId): Link | undefined {
    return this.#links.get(link)
  }

  isLost(link: LinkId): boolean {
    return this.#lost.has(link)
  }

  /** Can a command still be sent there? */
  isOver(link: LinkId): boolean {
    return this.#lost.has(link) || this.#links.get(link)?.isLeft === true
  }

  /** As known, else a new one that takes nothing yet but what is bound to it. */
  open(link: LinkId): Link {
    const known = this.#links.get(link)
    if (known !== undefined) return known
    const nothing = { keys: undefined, offsetMs: undefined, restsUntil: 0 }
    const opened: Link = { link, isOpen: false, isLeft: false, running: true, ...nothing, waiting: new Map() }
    this.#links.set(link, opened)
    return opened
  }

  /** Takes nothing new from now on. */
  leave(link: LinkId): void {
    if (this.isLost(link)) return
    const left = this.open(link)
    left.isOpen = false
    left.isLeft = true
  }

  lose(link: LinkId): Link | undefined {
    const lost = this.#links.get(link)
    this.#links.delete(link)
    this.#lost.add(link)
    for (const oldest of this.#lost) {
      if (this.#lost.size <= MAX_LOST_LINKS) break
      this.#lost.delete(oldest)
    }
    return lost
  }

  /** New commands go to the newest open link that runs; during a planned move the old one only awaits its results. */
  target(now: Instant): Link | undefined {
    let newest: Link | undefined
    for (const link of this.#links.values()) {
      const isUsable = link.isOpen && link.running && link.restsUntil <= now
      if (isUsable && (newest === undefined || link.link > newest.link)) newest = link
    }
    return newest
  }

  /** When the next resting link may be tried again. */
  nextRested(now: Instant): Instant {
    let next = NEVER
    for (const link of this.#links.values()) {
      if (link.isOpen && link.running && link.restsUntil > now) next = Math.min(next, link.restsUntil)
    }
    return next
  }

  clear(): void {
    this.#links.clear()
  }
}
