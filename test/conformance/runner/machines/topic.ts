/**
 * One topic, and the servers that it is read from. Positions are written `epoch:seq`, changes as one would say them:
 * `upsert anna={"state":"busy"} (live)`; an item of a log that is named only is its own content.
 */
import { DEFAULTS } from '../../../../src/client/defaults'
import { TopicMachine } from '../../../../src/core/topic'
import type { LinkId, TopicConfig, TopicEffect, TopicInput } from '../../../../src/core/topic-protocol'
import type { Instant } from '../../../../src/core/time'
import type { EventFrame, SnapshotItem, TopicKind } from '../../../../src/core/wire'
import type { Fields } from '../fields'
import type { MachineKind, Subject } from '../machine'
import { inWords, readPosition, sentence } from './changes'
import { Clock } from './clock'
import { ServerLinks } from './server-links'

const KINDS = ['state', 'log', 'ephemeral'] as const
const OPS = ['upsert', 'remove', 'append', 'unknown'] as const

/**
 * | input | what happens |
 * |---|---|
 * | `connect: "srv1"`, or `{ server, heartbeatMs }` | a connection to it takes subscriptions |
 * | `lose`, `garble`, `running`, `stopped`: `"srv1"` | it is lost; a frame cannot be read; what beats say |
 * | `subscribed: { from, recovered, at, kind }` | the frame; `kind` is that of the topic unless said |
 * | `snapshot: { from, at, items, more }` | `items`: keys of a log, or content by key |
 * | `event: { from, seq, op, key, data }` | `data` of an `append` is its key unless said |
 * | `refuse: { from, code }` | the subscription is refused |
 * | `consumer: "full"`, `"half empty"`; `close: true` | what the application does |
 */
export const topic: MachineKind = {
  inputs: [
    ...['connect', 'lose', 'subscribed', 'snapshot', 'event', 'refuse', 'garble', 'running', 'stopped'],
    ...['consumer', 'close'],
  ],
  expects: {
    ...{ sends: [], delivers: [], adopts: [], errors: [], reports: [] },
    ...{ answered: undefined, state: undefined, position: undefined, view: undefined, ageMs: undefined },
  },
  create: (config) => new TopicSubject(config),
}

class TopicSubject implements Subject {
  readonly #machine: TopicMachine
  readonly #kind: TopicKind
  readonly #links = new ServerLinks()
  readonly #clock = new Clock(
    () => this.#machine.deadline(),
    () => this.#feed({ type: 'tick' }),
  )
  #seen = nothingSeen()

  constructor(config: Fields) {
    const settings = readConfig(config)
    this.#kind = settings.kind ?? config.oneOf('servedAs', KINDS)
    this.#machine = new TopicMachine(settings)
  }

  advance(to: Instant): void {
    this.#clock.advance(to)
  }

  take(word: string, row: Fields): void {
    this.#feed(this.#input(word, row))
  }

  observe(): Readonly<Record<string, unknown>> {
    const seen = this.#seen
    this.#seen = nothingSeen()
    const { state, received, view, currentAt } = this.#machine
    return {
      ...seen,
      state,
      position: received === undefined ? 'none' : inWords(received),
      view: Object.fromEntries(view),
      ageMs: currentAt === undefined ? 'never current' : this.#clock.now - currentAt,
    }
  }

  #feed(input: TopicInput): void {
    for (const effect of this.#machine.handle(this.#clock.now, input)) this.#note(effect)
  }

  #input(word: string, row: Fields): TopicInput {
    switch (word) {
      case 'connect':
        return this.#connect(row)
      case 'lose':
        return { type: 'link-lost', link: this.#links.of(row, word) }
      case 'garble':
        return { type: 'problem', link: this.#links.of(row, word), detail: 'unreadable' }
      case 'running':
        return { type: 'proof', link: this.#links.of(row, word) }
      case 'stopped':
        return { type: 'not-running', link: this.#links.of(row, word) }
      case 'consumer':
        return { type: 'pressure', full: row.oneOf(word, ['full', 'half empty']) === 'full' }
      case 'close':
        return { type: 'close' }
      default:
        return this.#spoken(word, row.object(word))
    }
  }

  #connect(row: Fields): TopicInput {
    const isNamed = typeof row.raw('connect') === 'string'
    const given = isNamed ? undefined : row.object('connect')
    const server = given === undefined ? row.string('connect') : given.string('server')
    const heartbeatMs = given?.number('heartbeatMs') ?? DEFAULTS.detection.heartbeatMs
    given?.done()
    return { type: 'link-ready', link: this.#links.open(server), server, heartbeatMs }
  }

  /** What a server says on its connection; `from` names the server. */
  #spoken(word: string, given: Fields): TopicInput {
    const link = this.#links.of(given, 'from')
    const input = this.#frame(word, link, given)
    given.done()
    return input
  }

  #frame(word: string, link: LinkId, given: Fields): TopicInput {
    if (word === 'refuse') return { type: 'rejected', link, code: given.string('code'), message: 'no' }
    if (word === 'event') return { type: 'frame', link, frame: event(given) }
    const cursor = given.has('at') ? { cursor: readPosition(given, 'at') } : {}
    if (word === 'subscribed') {
      const kind = given.oneOf('kind', KINDS, this.#kind)
      const recovered = given.boolean('recovered')
      return { type: 'frame', link, frame: { type: 'subscribed', id: 1, kind, recovered, ...cursor } }
    }
    const more = given.boolean('more', false)
    const at = readPosition(given, 'at')
    return { type: 'frame', link, frame: { type: 'snapshot', id: 1, cursor: at, items: items(given), more } }
  }

  #note(effect: TopicEffect): void {
    const seen = this.#seen
    switch (effect.type) {
      case 'subscribe': {
        const from = effect.cursor === undefined ? '' : ` from ${inWords(effect.cursor)}`
        return void seen.sends.push(`subscribe ${this.#links.server(effect.link)}${from}`)
      }
      case 'unsubscribe':
        return void seen.sends.push(`unsubscribe ${this.#links.server(effect.link)}`)
      case 'batch':
        return void seen.delivers.push(...effect.changes.map(sentence))
      case 'adopted': {
        const { link, how, changes, gap } = effect
        return void seen.adopts.push({ server: this.#links.server(link), how, changes, gap })
      }
      case 'answered':
        return void seen.answered.push(this.#links.server(effect.link))
      case 'error': {
        const { code, fatal, reason } = effect
        return void seen.errors.push({ code, fatal, ...(reason === undefined ? {} : { reason }) })
      }
      case 'silent':
        return void seen.reports.push(`silent for ${effect.sinceMs} ms`)
      case 'heard':
        return void seen.reports.push('heard again')
      case 'state':
    }
  }
}

function nothingSeen() {
  const adopts: { server: string; how: string; changes: number; gap: boolean }[] = []
  const errors: { code: string; fatal: boolean; reason?: string }[] = []
  return {
    sends: [] as string[],
    delivers: [] as string[],
    adopts,
    answered: [] as string[],
    errors,
    reports: [] as string[],
  }
}

function readConfig(config: Fields): TopicConfig {
  const { staleAfterMs, logKeys } = DEFAULTS.streams
  return {
    name: 'topic',
    logKeys: config.number('logKeys', logKeys),
    staleAfterMs: config.number('staleAfterMs', staleAfterMs),
    ...(config.has('kind') ? { kind: config.oneOf('kind', KINDS) } : {}),
    ...(config.has('cursor') ? { cursor: readPosition(config, 'cursor') } : {}),
    ...(config.has('freshWithinMs') ? { freshWithinMs: config.number('freshWithinMs') } : {}),
    ...(config.boolean('numbersOnly', false) ? { parse: numberOnly } : {}),
  }
}

function numberOnly(data: unknown): unknown {
  if (typeof data !== 'number') throw new TypeError('no number')
  return data
}

function event(given: Fields): EventFrame {
  const op = given.oneOf('op', OPS)
  const key = given.string('key')
  const data = op === 'append' && !given.has('data') ? key : given.raw('data')
  const seq = given.has('seq') ? { seq: given.number('seq') } : {}
  return { type: 'event', id: 1, op, key, ...seq, ...(data === undefined ? {} : { data }) }
}

/** A list of keys (a log whose messages say their own name), or an object of key and content. */
function items(given: Fields): SnapshotItem[] {
  if (Array.isArray(given.raw('items'))) return given.strings('items').map((key) => ({ key, data: key }))
  const content = given.object('items')
  return Object.keys(content.value).map((key) => ({ key, data: content.raw(key) }))
}
