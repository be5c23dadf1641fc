/**
 * The links of a session and their roles: *current* carries the client, *next* is a move under way, the *standby*
 * waits, all others are leaving. Ends links: at once, or with a goodbye that lets results in flight come home.
 */
import type { Link } from './link'
import { LINK_TRANSITIONS } from './link-transitions'
import type { SessionHost } from './session-host'
import type { DurationMs } from './time'
import type { LinkId } from './topic-protocol'
import { transition } from './transitions'
import { WarmStandby } from './warm-standby'
import { CLOSE } from './wire'

/** A left connection may still deliver results this long, then its close handshake has a second. */
const LEAVE_GRACE_MS: DurationMs = 2000
const CLOSE_GRACE_MS: DurationMs = 1000
/** When the whole client closes there is less time. */
const LAST_CLOSE_GRACE_MS: DurationMs = 250

export type LinkRole = 'current' | 'next' | 'standby' | 'leaving'

export interface LinkHost extends SessionHost {
  readonly isClosing: () => boolean
  /** Does a result of this link still have to come? */
  readonly awaits: (link: LinkId) => boolean
  /** Nothing comes from this link any more: topics and commands must know. */
  readonly lost: (link: LinkId, how: 'left' | 'gone') => void
}

export class LinkBook {
  readonly standby = new WarmStandby()
  readonly #links = new Map<LinkId, Link>()
  #current: LinkId | undefined
  #next: LinkId | undefined

  constructor(private readonly host: LinkHost) {}

  get size(): number {
    return this.#links.size
  }

  get current(): Link | undefined {
    return this.#current === undefined ? undefined : this.#links.get(this.#current)
  }

  get next(): Link | undefined {
    return this.#next === undefined ? undefined : this.#links.get(this.#next)
  }

  get(id: LinkId): Link | undefined {
    return this.#links.get(id)
  }

  all(): Link[] {
    return [...this.#links.values()]
  }

  /** Those that take subscriptions. */
  carriers(): Link[] {
    return this.all().filter((link) => link.carries)
  }

  add(link: Link): void {
    this.#links.set(link.id, link)
  }

  attempt(link: Link): void {
    this.#next = link.id
  }

  /** From now on this link is the client's. Returns the former one, if it was another. */
  commit(link: Link): Link | undefined {
    const former = this.current
    this.#current = link.id
    if (this.#next === link.id) this.#next = undefined
    return former === link ? undefined : former
  }

  roleOf({ id }: Link): LinkRole {
    if (id === this.#current) return 'current'
    if (id === this.#next) return 'next'
    return this.standby.link === id ? 'standby' : 'leaving'
  }

  /** Gives a link up at once. */
  drop(link: Link | undefined): void {
    if (link === undefined || link.phase.is === 'gone') return
    this.remove(link)
    this.host.emit({ type: 'abandon-link', link: link.id })
  }

  /** The link is gone. */
  remove(link: Link): void {
    this.#links.delete(link.id)
    if (this.standby.link === link.id) this.standby.lost(this.host.now())
    this.#unrole(link)
    link.phase = { is: transition(LINK_TRANSITIONS, link.phase.is, 'end') }
    this.host.lost(link.id, 'gone')
  }

  /** Nothing new goes there. The goodbye is said when the results in flight have come: a server may end with it. */
  leave(link: Link | undefined, reason: string): void {
    if (link === undefined || link.isLeft) return
    if (link.welcome === undefined) return this.drop(link)
    this.#unrole(link)
    this.host.lost(link.id, 'left')
    const waitMs = this.host.isClosing() ? 0 : LEAVE_GRACE_MS
    const deadline = this.host.now() + waitMs
    link.phase = { is: transition(LINK_TRANSITIONS, link.phase.is, 'leave'), deadline, reason }
    this.#hush(link)
    this.finishLeaving(link)
  }

  /**
   * While results are waited for, nothing else is sent there. An event stream is left alone: without its topics it
   * would be asked for anew, perhaps of another server.
   */
  #hush(link: Link): void {
    if (link.downgraded || !this.host.awaits(link.id)) return
    for (const id of link.topicIds.values()) this.host.send(link, { type: 'unsubscribe', id })
  }

  /**
   * Says goodbye on a left link when its results are in or its time is up, so that silence is not taken for a lost
   * agent, and closes it; drops it when the close is not answered.
   */
  finishLeaving(link: Link): void {
    const { phase } = link
    const now = this.host.now()
    if (phase.is === 'closing' && now >= phase.deadline) return this.drop(link)
    if (phase.is !== 'leaving' || (this.host.awaits(link.id) && now < phase.deadline)) return
    const graceMs = this.host.isClosing() ? LAST_CLOSE_GRACE_MS : CLOSE_GRACE_MS
    link.phase = { is: transition(LINK_TRANSITIONS, phase.is, 'close'), deadline: now + graceMs }
    this.host.send(link, { type: 'leave', reason: phase.reason })
    this.host.emit({ type: 'close-link', link: link.id, code: CLOSE.normal, reason: 'leave' })
  }

  #unrole(link: Link): void {
    if (this.#current === link.id) this.#current = undefined
    if (this.#next === link.id) this.#next = undefined
    if (link.phase.is === 'restoring') this.host.emit({ type: 'cancel-restore', link: link.id })
  }
}
