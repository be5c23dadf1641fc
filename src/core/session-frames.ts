/** What the frames of a live link mean, one function for each kind. Topic and command frames go to their machines. */
import type { Link } from './link'
import type { FrameProblem } from './parse-frame'
import type { LossCause, MoveId, MovePlan, PoolInput, SeatId } from './pool-protocol'
import type { SessionHost } from './session-host'
import type { SessionEffect } from './session-protocol'
import type { TopicSet } from './session-topics'
import type { DurationMs } from './time'
import type { Load, ReadinessState, ServerFrame, WelcomeFrame } from './wire'

export interface FrameContext extends SessionHost {
  readonly seat: SeatId
  readonly ucc: string | undefined
  readonly isCurrent: (link: Link) => boolean
  readonly topics: TopicSet
  /** The server ends this connection with these words. */
  readonly refused: (link: Link, cause: LossCause) => void
}

/** Events prove readiness; telling the pool of each one would be waste. */
const PROOF_EVERY_MS = 500
const CLOCK_EVERY_MS = 1000

/** Facts of a welcome that concern everybody: readiness, term, load, peers, clock. */
export function hearWelcome(link: Link, frame: WelcomeFrame, context: FrameContext): void {
  sayReadiness(link, 'welcome', frame, context)
  tellClock(link, frame.ts, context, 0)
  if (frame.peers !== undefined) context.emit({ type: 'peers', server: frame.server, peers: frame.peers })
}

/** The new side has said who it is. */
export function welcomedInput(seat: SeatId, move: MoveId, { server, spreadMs }: WelcomeFrame): PoolInput {
  return { type: 'seat-welcomed', seat, move, server, ...(spreadMs === undefined ? {} : { spreadMs }) }
}

/** The application re-establishes its session there before anything else. */
export function restoreEffect(link: Link, plan: MovePlan): SessionEffect {
  const { server, term } = link
  return {
    type: 'restore',
    link: link.id,
    endpointId: link.road.endpointId,
    server,
    ...(plan.fromServer === undefined ? {} : { previous: plan.fromServer }),
    ...(term === undefined ? {} : { term }),
  }
}

export function hearFrame(link: Link, frame: ServerFrame, context: FrameContext): void {
  switch (frame.type) {
    case 'welcome':
      return hearWelcome(link, frame, context)
    case 'subscribed':
    case 'snapshot':
    case 'event':
      return topicFrame(link, frame, context)
    case 'result': {
      context.outbox({ type: 'result', link: link.id, id: frame.id, frame })
      if (frame.status === 'done' || frame.status === 'duplicate') proveRunning(link, context)
      return
    }
    case 'heartbeat':
    case 'status':
      return beat(link, frame, context)
    case 'pong':
      return tellClock(link, frame.ts, context, CLOCK_EVERY_MS)
    case 'goaway': {
      link.drainsUntil = context.now() + frame.leaveWithinMs
      if (!context.isCurrent(link)) return
      const spread = frame.spreadMs === undefined ? {} : { spreadMs: frame.spreadMs }
      return context.pool({ type: 'goaway', seat: context.seat, leaveWithinMs: frame.leaveWithinMs, ...spread })
    }
    case 'reject':
      return rejected(link, frame, context)
  }
}

/** A frame that could not be read: with a known id only that topic is concerned. */
export function hearProblem(link: Link, problem: FrameProblem, context: FrameContext): void {
  const topic = problem.id === undefined ? undefined : link.ids.get(problem.id)
  if (topic !== undefined) {
    context.topics.handle(context.now(), topic, { type: 'problem', link: link.id, detail: problem.detail })
  }
  if (!link.tellsProblem(problem.detail)) return
  const sentence = `${link.server} sent a frame that was refused: ${problem.detail}.`
  context.emit({ type: 'warning', code: 'FRAME_REFUSED', sentence, endpointId: link.road.endpointId })
}

/** The slow decay of a standby is told before it is needed. */
export function refusedByStandby(link: Link): SessionEffect {
  const { endpointId } = link.road
  const sentence = `The standby ${endpointId} refuses the token: a failover there would not be served.`
  return { type: 'warning', code: 'TOKEN_REFUSED_BY_STANDBY', sentence, endpointId }
}

function topicFrame(
  link: Link,
  frame: Extract<ServerFrame, { type: 'subscribed' | 'snapshot' | 'event' }>,
  context: FrameContext,
): void {
  const topic = link.ids.get(frame.id)
  // Frames of an id that was given up are dropped (rule 5 of the contract).
  if (topic === undefined) return
  context.topics.handle(context.now(), topic, { type: 'frame', link: link.id, frame })
  if (frame.type !== 'event') return tellSpace(link, topic, frame, context)
  proveRunning(link, context)
  tellClock(link, frame.ts, context, CLOCK_EVERY_MS)
}

/** Told once for each subscription: by its answer, or by the last part of its snapshot. */
function tellSpace(
  { server }: Link,
  topic: string,
  frame: Extract<ServerFrame, { type: 'subscribed' | 'snapshot' }>,
  { ucc, pool }: FrameContext,
): void {
  if (frame.cursor === undefined || (frame.type === 'snapshot' && frame.more === true)) return
  pool({ type: 'sequence-space', ucc, topic, server, epoch: frame.cursor.epoch })
}

function beat(link: Link, frame: Extract<ServerFrame, { type: 'heartbeat' | 'status' }>, context: FrameContext): void {
  if (frame.type === 'heartbeat') tellClock(link, frame.ts, context, CLOCK_EVERY_MS)
  link.term = frame.term ?? link.term
  sayReadiness(link, frame.type === 'heartbeat' ? 'beat' : 'status', frame, context)
  // A beat without a state is life, not readiness.
  if (frame.state === 'unknown' && context.ucc !== undefined) return
  const running = frame.state === 'running' || frame.state === 'unknown'
  context.topics.running(context.now(), link.id, running)
  if (running === link.running) return
  link.running = running
  context.outbox({ type: 'link-running', link: link.id, running })
}

function rejected(link: Link, frame: Extract<ServerFrame, { type: 'reject' }>, context: FrameContext): void {
  const { code, message, id, retryAfterMs } = frame
  if (id === undefined) {
    if (code === 'unauthorized') return context.refused(link, { type: 'unauthorized' })
    return context.refused(link, { type: 'refused', code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
  }
  const topic = link.ids.get(id)
  if (topic !== undefined) {
    context.topics.handle(context.now(), topic, { type: 'rejected', link: link.id, code, message })
    if (context.topics.get(topic) === undefined) link.forget(topic)
    return
  }
  const result = { type: 'result' as const, id, status: 'rejected' as const, error: { code, message } }
  context.outbox({ type: 'result', link: link.id, id, frame: result })
}

/** Also for the other topics: a server that is busy with one of them sends no beats, and those are no less current. */
function proveRunning(link: Link, context: FrameContext): void {
  if (!link.tellsProof(context.now(), PROOF_EVERY_MS)) return
  sayReadiness(link, 'traffic', { state: 'running' }, context)
  context.topics.running(context.now(), link.id, true)
}

function sayReadiness(
  link: Link,
  via: 'welcome' | 'status' | 'beat' | 'traffic',
  saying: { readonly state: ReadinessState; readonly term?: number; readonly load?: Load },
  context: FrameContext,
): void {
  if (saying.state === 'unknown' && context.ucc !== undefined && via !== 'welcome') return
  const { state, term, load } = saying
  context.pool({
    type: 'readiness',
    endpointId: link.road.endpointId,
    server: link.server,
    ucc: context.ucc,
    state,
    via,
    ...(term === undefined ? {} : { term }),
    ...(load === undefined ? {} : { load }),
  })
}

function tellClock(link: Link, ts: number | undefined, context: FrameContext, everyMs: DurationMs): void {
  if (ts === undefined || !link.tellsClock(context.now(), everyMs)) return
  context.outbox({ type: 'clock', link: link.id, offsetMs: ts - context.now() })
}
