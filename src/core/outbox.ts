/**
 * The Outbox machine: when a command may leave, when it may leave again, and when nobody knows what became of it.
 *
 * Theory of operation. A command is held until a link is open and its UCC runs, then it is on the wire of exactly one
 * link. An answer ends it. A link that is lost leaves a *doubt* on what it had not answered: it may have been executed
 * by a server with that memory of keys. When the next link takes commands, the table in `command-safety.ts` decides
 * each doubt, oldest first, before anything newer leaves: again with the same key, or OUTCOME_UNKNOWN now.
 * `not-running` proves nothing happened on *this* send: the command is held again, with the doubt an earlier one left.
 *
 * Deadlines cancel: nothing leaves late, and each send carries `notAfter` on the server's clock, so that a server that
 * was frozen does not execute it late either.
 */
import type { CommandRequest, OutboxConfig, OutboxEffect, OutboxInput } from './command-protocol'
import { isSameMemory, mayRepeat } from './command-safety'
import { COMMAND_TRANSITIONS, type CommandEnd } from './command-transitions'
import type { Ending } from './outbox-endings'
import { expired, laneGone, late, lost, noRoom, superseded, unknown } from './outbox-endings'
import type { Entry, OnWire } from './outbox-entry'
import { doubtedAfter, isOnWire, postponed, sentOn, SetSuccession } from './outbox-entry'
import type { Link } from './outbox-links'
import { OutboxLinks } from './outbox-links'
import type { LinkId } from './topic-protocol'
import { transition } from './transitions'
import type { DurationMs, Instant } from './time'
import { NEVER } from './time'
import type { ResultFrame } from './wire'

/** After a `not-running` whose end nobody announced, a held command is tried again this often. */
export const NOT_RUNNING_RETRY_MS = 1000
/** One per session. Pure: effects are returned, time is told, ids come from the session's one series. */
export class OutboxMachine {
  readonly #config: OutboxConfig
  readonly #nextId: (link: LinkId) => number
  /** In order of the calls: a Map iterates in insertion order. */
  readonly #entries = new Map<number, Entry>()
  readonly #links = new OutboxLinks()
  readonly #sets = new SetSuccession()
  #order = 0
  #isClosed = false
  #now: Instant = 0
  #effects: OutboxEffect[] = []

  constructor(config: OutboxConfig, nextId: (link: LinkId) => number) {
    this.#config = config
    this.#nextId = nextId
  }

  /** Commands not finished yet, held or on the wire. */
  get size(): number {
    return this.#entries.size
  }

  /** Is a command on the wire of this link? A planned move waits for its answer before it leaves. */
  awaits(link: LinkId): boolean {
    return (this.#links.known(link)?.waiting.size ?? 0) > 0
  }

  deadline(): Instant {
    let next = NEVER
    let isHeld = false
    for (const { request, place } of this.#entries.values()) {
      next = Math.min(next, request.deadline)
      if (!isOnWire(place)) isHeld = true
    }
    return isHeld ? Math.min(next, this.#links.nextRested(this.#now)) : next
  }

  handle(now: Instant, input: OutboxInput): readonly OutboxEffect[] {
    this.#now = now
    this.#effects = []
    if (this.#isClosed) {
      if (input.type === 'command')
        this.#fail(input.request, { code: 'CLIENT_CLOSED', message: 'The client is closed.' })
      return this.#effects
    }
    if (input.type === 'slept') this.#age(input.ms)
    // What is late is late, whatever else came: an input that arrives behind its deadline must not send it.
    this.#expire()
    this.#take(input)
    this.#flush()
    return this.#effects
  }

  #take(input: OutboxInput): void {
    switch (input.type) {
      case 'command':
        return this.#submit(input.request)
      case 'abort':
        return this.#abort(input.command, input.reason)
      case 'link-open': {
        const link = this.#links.open(input.link)
        link.isOpen = !link.isLeft
        link.running = input.running
        link.keys = input.keys
        return
      }
      case 'link-lost':
        return this.#linkLost(input.link)
      case 'link-left':
        return this.#links.leave(input.link)
      case 'link-running': {
        if (this.#links.isLost(input.link)) return
        const link = this.#links.open(input.link)
        link.running = input.running
        link.restsUntil = this.#now
        return
      }
      case 'clock':
        if (!this.#links.isLost(input.link)) this.#links.open(input.link).offsetMs = input.offsetMs
        return
      case 'result':
        return this.#result(input.link, input.id, input.frame)
      case 'close':
        return this.#close()
      case 'slept':
      case 'tick':
    }
  }

  /** A deadline is a promise to a person, who does not care which clock stood still: nothing leaves hours later. */
  #age(ms: DurationMs): void {
    for (const entry of this.#entries.values()) {
      entry.request = { ...entry.request, deadline: entry.request.deadline - ms }
    }
  }

  // Links

  #linkLost(id: LinkId): void {
    const link = this.#links.lose(id)
    for (const entry of link?.waiting.values() ?? []) {
      if (entry.request.lane !== undefined) this.#endLane(entry)
      else if (isOnWire(entry.place)) entry.place = doubtedAfter(entry.place, link?.keys)
    }
  }

  // Commands

  #submit(request: CommandRequest): void {
    if (request.deadline <= this.#now) return this.#fail(request, expired(request))
    if (request.lane !== undefined) return this.#submitToLane(request, request.lane)
    const entry = this.#entry(request)
    if (this.#links.target(this.#now) === undefined && !this.#hasRoom(request)) {
      return this.#fail(request, noRoom(request, this.#config))
    }
    this.#entries.set(request.command, entry)
    this.#sets.add(entry)
  }

  #entry(request: CommandRequest): Entry {
    this.#order += 1
    return { request, order: this.#order, place: { name: 'held' } }
  }

  #hasRoom(request: CommandRequest): boolean {
    let count = 1
    let { bytes } = request
    for (const entry of this.#entries.values()) {
      if (isOnWire(entry.place)) continue
      count += 1
      bytes += entry.request.bytes
    }
    return count <= this.#config.maxQueued && bytes <= this.#config.maxQueuedBytes
  }

  #submitToLane(request: CommandRequest, lane: LinkId): void {
    if (this.#links.isOver(lane)) return this.#fail(request, laneGone(request))
    const entry = this.#entry(request)
    this.#entries.set(request.command, entry)
    this.#sets.add(entry)
    this.#send(entry, this.#links.open(lane))
  }

  #send(entry: Entry, link: Link): void {
    const { request } = entry
    const id = this.#nextId(link.link)
    entry.place = sentOn(entry.place, link.link, id)
    link.waiting.set(id, entry)
    const { offsetMs } = link
    // Rounded down: a command a fraction of a millisecond early is refused, never executed late.
    const limit = offsetMs === undefined ? {} : { notAfter: Math.floor(request.deadline + offsetMs) }
    this.#effects.push({ type: 'send', link: link.link, id, request, ...limit })
  }

  /** Unacknowledged before newer, each doubt decided by where it would go now. */
  #flush(): void {
    const link = this.#links.target(this.#now)
    if (link === undefined) return
    for (const entry of [...this.#entries.values()]) {
      const { place } = entry
      if (isOnWire(place)) continue
      const succession = this.#sets.of(entry)
      if (place.name === 'held') {
        if (succession.overtaken) this.#end(entry, 'overtake', superseded(entry.request))
        else this.#send(entry, link)
        continue
      }
      const sameKeys = isSameMemory(place.doubt.keys, link.keys)
      const { sharedKeys } = this.#config
      if (mayRepeat(entry.request.safety, { ...succession, sameKeys, sharedKeys })) this.#send(entry, link)
      else this.#end(entry, 'abandon', lost(entry.request, sameKeys || succession.superseded))
    }
  }

  // Endings

  #result(linkId: LinkId, id: number, frame: ResultFrame): void {
    const link = this.#links.known(linkId)
    const entry = link?.waiting.get(id)
    if (link === undefined || entry === undefined || !isOnWire(entry.place)) return
    link.waiting.delete(id)
    const { request, place } = entry
    const isRefused = frame.status === 'rejected' || (frame.status === 'duplicate' && frame.error !== undefined)
    if (frame.status === 'expired') return this.#end(entry, 'late', late(request, place.name === 'repeated'))
    if (!isRefused) {
      this.#finish(entry, transition(COMMAND_TRANSITIONS, place.name, 'answer'))
      const duplicate = frame.status === 'duplicate'
      this.#effects.push({ type: 'done', command: request.command, data: frame.data, duplicate })
      return
    }
    if (frame.error?.code === 'not-running' && request.lane === undefined) {
      entry.place = postponed(place)
      link.restsUntil = this.#now + NOT_RUNNING_RETRY_MS
      return
    }
    this.#refused(entry, link, place, frame)
  }

  /** A refusal by a server that cannot know what another one did leaves the doubt as it was. */
  #refused(entry: Entry, link: Link, place: OnWire, frame: ResultFrame): void {
    const { request } = entry
    const reason = frame.error?.code ?? 'unknown'
    const why = frame.error?.message === undefined || frame.error.message === '' ? reason : frame.error.message
    const isDoubtful =
      place.name === 'repeated' && request.safety !== 'read' && !isSameMemory(place.doubt.keys, link.keys)
    if (!isDoubtful) {
      const message = `Command "${request.name}" was refused: ${why}.`
      return this.#end(entry, 'refuse', { code: 'COMMAND_REJECTED', message, reason })
    }
    const message = `Command "${request.name}" was refused (${why}), but a server used before may have executed it.`
    this.#end(entry, 'abandon', { code: 'OUTCOME_UNKNOWN', message, reason })
  }

  #expire(): void {
    for (const entry of [...this.#entries.values()]) {
      const { request } = entry
      if (request.deadline > this.#now) continue
      const inDoubt = unknown(request, 'no answer came before its deadline', 'deadline')
      this.#end(entry, 'stop', entry.place.name === 'held' ? expired(request) : inDoubt)
    }
  }

  #abort(command: number, reason: unknown): void {
    const entry = this.#entries.get(command)
    if (entry === undefined) return
    const { request } = entry
    const message = `Command "${request.name}" was aborted before it left.`
    const ending: Ending =
      entry.place.name === 'held'
        ? { code: 'COMMAND_EXPIRED', message, reason: 'aborted' }
        : unknown(request, 'it was aborted after it had left', 'aborted')
    this.#end(entry, 'stop', { ...ending, abortReason: reason })
  }

  /** Bound to a link that was lost. */
  #endLane(entry: Entry): void {
    const { request } = entry
    if (request.safety === 'read') this.#end(entry, 'drop', laneGone(request))
    else this.#end(entry, 'abandon', unknown(request, 'the connection it was bound to was lost', 'link-lost'))
  }

  #close(): void {
    for (const entry of [...this.#entries.values()]) {
      const { request } = entry
      const message = `Command "${request.name}" was queued when the client closed; it never left.`
      const inDoubt = unknown(request, 'the client closed before the answer', 'closed')
      this.#end(entry, 'stop', entry.place.name === 'held' ? { code: 'CLIENT_CLOSED', message } : inDoubt)
    }
    this.#links.clear()
    this.#isClosed = true
  }

  #end(entry: Entry, event: 'overtake' | 'abandon' | 'drop' | 'late' | 'refuse' | 'stop', ending: Ending): void {
    this.#finish(entry, transition(COMMAND_TRANSITIONS, entry.place.name, event))
    this.#fail(entry.request, ending)
  }

  /** Unless it certainly was not executed, it supersedes those before it. */
  #finish(entry: Entry, end: CommandEnd): void {
    this.#entries.delete(entry.request.command)
    this.#sets.end(entry, end !== 'failed')
    if (isOnWire(entry.place)) this.#links.known(entry.place.link)?.waiting.delete(entry.place.id)
  }

  #fail(request: CommandRequest, ending: Ending): void {
    this.#effects.push({ type: 'failed', command: request.command, ...ending })
  }
}
