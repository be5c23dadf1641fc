/** What the parts of a session share: the instant of this turn, its links by id, and the four ways to say something. */
import type { OutboxInput } from './command-protocol'
import type { Link } from './link'
import type { PoolInput } from './pool-protocol'
import type { SessionEffect } from './session-protocol'
import type { Instant } from './time'
import type { LinkId } from './topic-protocol'
import type { ClientFrame } from './wire'

export interface SessionHost {
  readonly now: () => Instant
  /** Nothing when it was given up. */
  readonly link: (id: LinkId) => Link | undefined
  /** To the server, by this link. */
  readonly send: (link: Link, frame: ClientFrame) => void
  readonly pool: (input: PoolInput) => void
  readonly outbox: (input: OutboxInput) => void
  /** To the driver. */
  readonly emit: (effect: SessionEffect) => void
}
