/** One lane: a topic on one live link. Its phases carry only what that phase needs. */
import type { LinkId, TopicEffect } from './topic-protocol'
import { LANE_TRANSITIONS } from './topic-transitions'
import type { DurationMs, Instant } from './time'
import { transition } from './transitions'
import type { Cursor, SnapshotItem } from './wire'

export type LanePhase =
  /** `subscribe` is sent, `subscribed` is not here yet. */
  | { readonly name: 'subscribing'; readonly asked: Cursor | undefined }
  /** `reject not-running`: asked again when it runs, unless the server repeats `subscribed` before. */
  | { readonly name: 'refused'; readonly asked: Cursor | undefined }
  /** `recovered:false`: parts are gathered and mean nothing before the last one. */
  | { readonly name: 'snapshotting'; readonly cursor: Cursor | undefined; readonly items: SnapshotItem[] }
  /** `recovered:true`: replaying up to `target`, and up to `goal`, what another lane had delivered before. */
  | { readonly name: 'resuming'; readonly seq: number; readonly target: number; readonly goal: number }
  | { readonly name: 'live' }
  /** Unsubscribed because the consumer's buffer is full. */
  | { readonly name: 'paused' }
  /** Left for a newer lane, link still up: its frames mean nothing, but it is the way back if the newer one dies. */
  | { readonly name: 'retired' }

/** How a lane came to carry the topic. */
export type Adoption = Extract<TopicEffect, { type: 'adopted' }>['how']

/** What a topic whose frames cannot be used gets next: its position again, then a snapshot, then nothing any more. */
export type Patience = 'whole' | 'resumed' | 'resynced'

export interface Lane {
  readonly link: LinkId
  readonly server: string
  readonly heartbeatMs: DurationMs
  phase: LanePhase
  /** False after `not-running`, until a proof or a frame of this topic. */
  running: boolean
  /** Last proof or frame of this topic. */
  heardAt: Instant
  /** Changes delivered by the resume under way. */
  changes: number
  /** The pause was the consumer's own wish: coming out of it is no recovery. */
  quiet: boolean
}

export function openLane(link: LinkId, server: string, heartbeatMs: DurationMs, now: Instant): Lane {
  const phase = { name: 'subscribing', asked: undefined } as const
  return { link, server, heartbeatMs, phase, running: true, heardAt: now, changes: 0, quiet: false }
}

/** Does this lane carry the topic now? A pause by our own wish does not count as an interruption. */
export function carries(lane: Lane): boolean {
  return lane.phase.name === 'live' || lane.phase.name === 'paused' || (lane.quiet && lane.phase.name !== 'retired')
}

/** Asked by position, and not there yet. */
export function isOpening(lane: Lane): boolean {
  return lane.phase.name === 'subscribing' || lane.phase.name === 'resuming'
}

/** A newer lane carries the topic. */
export function retire(lane: Lane): void {
  if (lane.phase.name === 'retired') return
  lane.phase = { name: transition(LANE_TRANSITIONS, lane.phase.name, 'retire') }
}
