/**
 * One client's connections, frame by frame: what is dialled, said and closed, and what the pool is told. Servers speak
 * the frames of PROTOCOL.md as they are written there; endpoints have the names of their servers.
 */
import { DEFAULTS } from '../../../../src/client/defaults'
import { readFrame } from '../../../../src/core/parse-frame'
import type { MovePlan, PoolInput } from '../../../../src/core/pool-protocol'
import type { FailureKind } from '../../../../src/core/road'
import { SessionMachine } from '../../../../src/core/session'
import type { SessionEffect, SessionInput } from '../../../../src/core/session-protocol'
import type { LinkId } from '../../../../src/core/topic-protocol'
import type { Fields } from '../fields'
import type { MachineKind, Subject } from '../machine'
import { Clock } from './clock'
import { ServerLinks } from './server-links'

const FAILURES = ['refused', 'reset', 'opaque'] as const satisfies readonly FailureKind[]

/**
 * | input | what happens |
 * |---|---|
 * | `go: { to, from, planned, minTerm }`, `cancel: true`, `warm: "srv2"` | what the pool wants |
 * | `open: "srv1"`, `closed: { by, code, failure, status }` | what its socket does |
 * | `token: { for, is, fails }`, `restored: { on, ok }` | what the application answers |
 * | `frame: { from, type, … }` | a frame, as PROTOCOL.md writes it |
 * | `subscribe`, `unsubscribe`, `command`: `"name"`; `close: true` | what the application does |
 * | `sleep: 60000` | we were stopped for so long |
 */
export const session: MachineKind = {
  inputs: [
    ...['go', 'cancel', 'fence', 'warm', 'open', 'token', 'frame', 'closed', 'restored', 'subscribe', 'unsubscribe'],
    ...['command', 'sleep', 'close'],
  ],
  expects: {
    ...{ dials: [], sends: [], drops: [], restores: [], warnings: [], commits: [], losses: [] },
    ...{ asks: undefined, tells: undefined, topics: undefined, ends: undefined, ended: undefined },
  },
  create: (config) => new SessionSubject(config),
}

class SessionSubject implements Subject {
  readonly #machine: SessionMachine
  readonly #links = new ServerLinks()
  readonly #clock = new Clock(
    () => this.#machine.deadline(),
    () => this.#feed({ type: 'tick' }),
  )
  readonly #topics: string[] = []
  #lastMove = 0
  #lastCommand = 0
  #seen = nothingSeen()
  #ended = false

  constructor(config: Fields) {
    const { detection, connect, streams, commands } = DEFAULTS
    this.#machine = new SessionMachine({
      seat: 1,
      settings: { detection, connect, streams },
      ucc: 'helpdesk',
      client: { id: 'anna' },
      warm: config.boolean('warm', false),
      hasRestore: config.boolean('restores', false),
      commands,
    })
    for (const name of config.strings('topics', [])) this.#open(name)
  }

  advance(to: number): void {
    this.#clock.advance(to)
  }

  take(word: string, row: Fields): void {
    if (word === 'subscribe') return this.#open(row.string(word))
    if (word === 'frame') return this.#frame(row.object(word))
    this.#feed(this.#input(word, row))
  }

  observe(): Readonly<Record<string, unknown>> {
    const seen = this.#seen
    this.#seen = nothingSeen()
    const topics = this.#topics.map((name) => [name, this.#machine.topics.get(name)?.state ?? 'closed'] as const)
    return { ...seen, topics: Object.fromEntries(topics), ended: this.#ended }
  }

  #input(word: string, row: Fields): SessionInput {
    switch (word) {
      case 'go':
        return this.#go(row.object(word))
      case 'cancel':
        return { type: 'cancel-move', move: this.#lastMove }
      case 'fence':
        return { type: 'fence', move: this.#lastMove, minTerm: row.number(word) }
      case 'warm':
        return { type: 'warm', road: row.raw(word) === null ? undefined : roadTo(row.string(word)) }
      case 'open':
        return { type: 'link-opened', link: this.#links.of(row, word) }
      case 'token':
        return this.#token(row.object(word))
      case 'closed':
        return this.#closed(row.object(word))
      case 'restored':
        return this.#restored(row.object(word))
      case 'unsubscribe':
        return { type: 'topic-close', topic: row.string(word) }
      case 'command':
        return this.#command(row.string(word))
      case 'sleep':
        return { type: 'pause', lateMs: row.number(word) }
      default:
        return { type: 'close' }
    }
  }

  #open(name: string): void {
    this.#topics.push(name)
    const { logKeys, staleAfterMs } = DEFAULTS.streams
    this.#feed({ type: 'topic-open', config: { name, logKeys, staleAfterMs } })
  }

  /** The pool wants the client there; `planned`: without letting go of where it is. */
  #go(given: Fields): SessionInput {
    const to = given.string('to')
    const planned = given.boolean('planned', false)
    const from = given.has('from') ? { from: given.string('from'), fromServer: given.string('from') } : {}
    const minTerm = given.has('minTerm') ? { minTerm: given.number('minTerm') } : {}
    given.done()
    const { now } = this.#clock
    this.#lastMove += 1
    const plan: MovePlan = {
      id: this.#lastMove,
      kind: planned ? 'switchover' : 'failover',
      reason: planned ? 'drain' : 'connection-lost',
      to,
      road: roadTo(to),
      evidence: [],
      makeBeforeBreak: planned,
      times: { lastProof: now, detected: now, decided: now, dialled: now },
      ...from,
      ...minTerm,
    }
    return { type: 'go', plan }
  }

  #token(given: Fields): SessionInput {
    const link = this.#links.of(given, 'for')
    const failed = given.boolean('fails', false)
    const token = given.has('is') ? { token: given.string('is') } : {}
    given.done()
    return { type: 'token', link, ...token, ...(failed ? { failed } : {}) }
  }

  #closed(given: Fields): SessionInput {
    const link = this.#links.of(given, 'by')
    const kind = given.has('failure') ? given.oneOf('failure', FAILURES) : undefined
    const failure = kind === undefined ? {} : { failure: { kind, sent: 'maybe' as const, message: kind } }
    const status = given.has('status') ? { status: given.number('status') } : {}
    const code = given.number('code', 1006)
    given.done()
    return { type: 'link-closed', link, code, ...failure, ...status }
  }

  #restored(given: Fields): SessionInput {
    const input = { type: 'restored', link: this.#links.of(given, 'on'), ok: given.boolean('ok', true) } as const
    given.done()
    return input
  }

  #command(name: string): SessionInput {
    this.#lastCommand += 1
    const deadline = this.#clock.now + DEFAULTS.commands.deadlineMs
    const more = { args: null, safety: 'effect' as const, key: `key of ${name}`, target: name, bytes: 4 }
    return { type: 'command', request: { command: this.#lastCommand, name, deadline, ...more } }
  }

  /** `from`: the server; the rest is the frame as it comes. */
  #frame(given: Fields): void {
    const link = this.#links.of(given, 'from')
    const { from: _from, ...json } = given.value
    const parsed = readFrame(json)
    if (!parsed.ok) return this.#feed({ type: 'link-problem', link, problem: parsed.problem })
    // A frame of a later version is not heard.
    if (parsed.frame !== undefined) this.#feed({ type: 'link-frame', link, frame: parsed.frame })
  }

  #feed(input: SessionInput): void {
    for (const effect of this.#machine.handle(this.#clock.now, input)) this.#note(effect)
  }

  #note(effect: SessionEffect): void {
    const seen = this.#seen
    switch (effect.type) {
      case 'open-link':
        // Links are numbered in the order in which they are dialled, here and there.
        this.#links.open(effect.road.endpointId)
        return void seen.dials.push(
          effect.downgraded ? `${effect.road.endpointId} by event stream` : effect.road.endpointId,
        )
      case 'send':
        return void seen.sends.push({ to: this.#server(effect.link), ...effect.frame })
      case 'abandon-link':
        return void seen.drops.push(`abandon ${this.#server(effect.link)}`)
      case 'close-link':
        return void seen.drops.push(`close ${this.#server(effect.link)} with ${effect.code}`)
      case 'ask-token':
        return void seen.asks.push(`${effect.reason} ${effect.endpointId}`)
      case 'restore': {
        const { server, previous, term } = effect
        return void seen.restores.push({ on: server, previous, term })
      }
      case 'warning':
        return void seen.warnings.push(effect.code)
      case 'outbox':
        return void seen.ends.push({ as: effect.effect.type === 'failed' ? effect.effect.code : effect.effect.type })
      case 'pool':
        return this.#told(effect.input)
      case 'ended':
        this.#ended = true
        return
      case 'cancel-restore':
      case 'withdraw':
      case 'peers':
      case 'topic':
      case 'moved':
    }
  }

  /** What the pool hears of: losses and commits are always compared, the rest only where a case asks for it. */
  #told(input: PoolInput): void {
    if (input.type === 'seat-lost') return void this.#seen.losses.push({ of: 'current', cause: input.cause })
    if (input.type === 'seat-failed') return void this.#seen.losses.push({ of: 'attempt', cause: input.cause })
    if (input.type === 'seat-committed') return void this.#seen.commits.push({ move: input.move, live: input.live })
    this.#seen.tells.push(input)
  }

  #server(link: LinkId): string {
    return this.#links.server(link)
  }
}

function nothingSeen() {
  const texts = { dials: [] as string[], drops: [] as string[], warnings: [] as string[], asks: [] as string[] }
  const objects = { sends: [] as object[], restores: [] as object[], commits: [] as object[], losses: [] as object[] }
  return { ...texts, ...objects, tells: [] as object[], ends: [] as object[] }
}

function roadTo(server: string): MovePlan['road'] {
  return { endpointId: server, generation: 1, url: `https://${server}.test` }
}
