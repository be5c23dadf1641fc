/** The warm standby of a session: a welcomed, idle connection to the next server, not restored; redialled when lost. */
import type { Road } from './road'
import { NEVER, type DurationMs, type Instant } from './time'
import type { LinkId } from './topic-protocol'

/** How long after a loss it is tried again. */
const AGAIN_MS: DurationMs = 5000

export class WarmStandby {
  #road: Road | undefined
  #link: LinkId | undefined
  #retryAt: Instant = NEVER

  get road(): Road | undefined {
    return this.#road
  }

  get link(): LinkId | undefined {
    return this.#link
  }

  /** Another place to wait at, or none. Returns the connection that is no longer wanted. */
  aim(now: Instant, road: Road | undefined): LinkId | undefined {
    if (this.#road?.endpointId === road?.endpointId) return undefined
    const left = this.#link
    this.#road = road
    this.#link = undefined
    this.#retryAt = road === undefined ? NEVER : now
    return left
  }

  /** Where to dial now, if it is time. */
  due(now: Instant): Road | undefined {
    return this.#link === undefined && now >= this.#retryAt ? this.#road : undefined
  }

  dialled(link: LinkId): void {
    this.#link = link
  }

  /** It was lost, or given up. */
  lost(now: Instant): void {
    this.#link = undefined
    this.#retryAt = now + AGAIN_MS
  }

  /** It becomes the connection in use: nothing is wanted until the next aim. */
  taken(): void {
    this.#road = undefined
    this.#link = undefined
    this.#retryAt = NEVER
  }

  deadline(): Instant {
    return this.#road !== undefined && this.#link === undefined ? this.#retryAt : NEVER
  }
}
