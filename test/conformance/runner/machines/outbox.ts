/** The commands of one client, by the names a case gives them, and the connections they travel on. */
import { DEFAULTS } from '../../../../src/client/defaults'
import type { CommandRequest, OutboxEffect, OutboxInput } from '../../../../src/core/command-protocol'
import { OutboxMachine } from '../../../../src/core/outbox'
import type { LinkId } from '../../../../src/core/topic-protocol'
import type { Instant } from '../../../../src/core/time'
import type { ResultFrame } from '../../../../src/core/wire'
import type { Fields } from '../fields'
import { CaseError } from '../fields'
import type { MachineKind, Subject } from '../machine'
import { Clock } from './clock'
import { ServerLinks } from './server-links'

const CLASSES = ['read', 'set', 'keyed', 'claim', 'effect'] as const
const STATUSES = ['done', 'duplicate', 'rejected', 'expired'] as const

/**
 * | input | what happens |
 * |---|---|
 * | `command: { name, safety, target, withinMs, bytes, boundTo }` | called; `boundTo`: by a restore hook |
 * | `connect: { server, keys, running, again }` | a connection takes commands; `again`: a new one to the same server |
 * | `lose`, `leave`, `running`, `stopped`: `"srv1"` | it is lost; said goodbye; what the server says of its UCC |
 * | `clock: { server, aheadMs }` | the server's clock is so far ahead of ours |
 * | `answer: { to, by, status, code, data }` | to the last send of a command, or to that to the server `by` |
 * | `abort: "name"`, `close: true` | what the application does |
 */
export const outbox: MachineKind = {
  inputs: ['command', 'connect', 'lose', 'leave', 'running', 'stopped', 'clock', 'answer', 'abort', 'close'],
  expects: { sends: [], ends: [], unfinished: undefined },
  create: (config) => new OutboxSubject(config),
}

interface Sent {
  readonly link: LinkId
  readonly id: number
}

class OutboxSubject implements Subject {
  readonly #machine: OutboxMachine
  readonly #links = new ServerLinks()
  readonly #lastIds = new Map<LinkId, number>()
  readonly #names: string[] = []
  /** Where each command was sent last, and each time before. */
  readonly #sent = new Map<string, Sent[]>()
  readonly #clock = new Clock(
    () => this.#machine.deadline(),
    () => this.#feed({ type: 'tick' }),
  )
  #sends: object[] = []
  #ends: object[] = []

  constructor(config: Fields) {
    const { maxQueued, maxQueuedBytes, sharedKeys } = DEFAULTS.commands
    const settings = {
      maxQueued: config.number('maxQueued', maxQueued),
      maxQueuedBytes: config.number('maxQueuedBytes', maxQueuedBytes),
      sharedKeys: config.boolean('sharedKeys', sharedKeys),
    }
    this.#machine = new OutboxMachine(settings, (link) => {
      const id = (this.#lastIds.get(link) ?? 0) + 1
      this.#lastIds.set(link, id)
      return id
    })
  }

  advance(to: Instant): void {
    this.#clock.advance(to)
  }

  take(word: string, row: Fields): void {
    this.#feed(this.#input(word, row))
  }

  observe(): Readonly<Record<string, unknown>> {
    const seen = { sends: this.#sends, ends: this.#ends, unfinished: this.#machine.size }
    this.#sends = []
    this.#ends = []
    return seen
  }

  #feed(input: OutboxInput): void {
    for (const effect of this.#machine.handle(this.#clock.now, input)) this.#note(effect)
  }

  #input(word: string, row: Fields): OutboxInput {
    switch (word) {
      case 'command':
        return { type: 'command', request: this.#request(row.object(word)) }
      case 'connect':
        return this.#connect(row.object(word))
      case 'lose':
        return { type: 'link-lost', link: this.#links.of(row, word) }
      case 'leave':
        return { type: 'link-left', link: this.#links.of(row, word) }
      case 'running':
      case 'stopped':
        return { type: 'link-running', link: this.#links.of(row, word), running: word === 'running' }
      case 'clock':
        return this.#readClock(row.object(word))
      case 'answer':
        return this.#answer(row.object(word))
      case 'abort':
        return { type: 'abort', command: this.#number(row, word), reason: 'aborted by the caller' }
      default:
        return { type: 'close' }
    }
  }

  #request(given: Fields): CommandRequest {
    const name = given.string('name')
    this.#names.push(name)
    const request = {
      command: this.#names.length,
      name,
      args: null,
      safety: given.oneOf('safety', CLASSES, 'effect'),
      key: `key of ${name}`,
      target: given.string('target', name),
      deadline: this.#clock.now + given.number('withinMs', DEFAULTS.commands.deadlineMs),
      bytes: given.number('bytes', 10),
      ...(given.has('boundTo') ? { lane: this.#links.ensure(given.string('boundTo')) } : {}),
    }
    given.done()
    return request
  }

  /** `keys`: the name of the server's memory of executed commands. `again`: a new connection to the same server. */
  #connect(given: Fields): OutboxInput {
    const server = given.string('server')
    const link = given.boolean('again', false) ? this.#links.open(server) : this.#links.ensure(server)
    const keys = given.has('keys') ? { keys: given.string('keys') } : {}
    const running = given.boolean('running', true)
    given.done()
    return { type: 'link-open', link, running, ...keys }
  }

  #readClock(given: Fields): OutboxInput {
    const input = { type: 'clock', link: this.#links.of(given, 'server'), offsetMs: given.number('aheadMs') } as const
    given.done()
    return input
  }

  /** To the last send of the command, or to that to the server that `by` names. */
  #answer(given: Fields): OutboxInput {
    const name = given.string('to')
    const by = given.has('by') ? this.#links.of(given, 'by') : undefined
    const sent = this.#sent.get(name)?.findLast(({ link }) => by === undefined || link === by)
    if (sent === undefined) throw new CaseError(`${given.path}.to`, `${name} was not sent there`)
    const error = given.has('code') ? { error: { code: given.string('code'), message: 'no' } } : {}
    const status = given.oneOf('status', STATUSES)
    const frame: ResultFrame = { type: 'result', id: sent.id, status, data: given.raw('data'), ...error }
    given.done()
    return { type: 'result', ...sent, frame }
  }

  #number(row: Fields, name: string): number {
    const index = this.#names.indexOf(row.string(name))
    if (index < 0) throw new CaseError(`${row.path}.${name}`, 'no such command')
    return index + 1
  }

  #note(effect: OutboxEffect): void {
    if (effect.type === 'send') {
      const { link, id, request, notAfter } = effect
      this.#sent.set(request.name, [...(this.#sent.get(request.name) ?? []), { link, id }])
      const limit = notAfter === undefined ? {} : { notAfter }
      this.#sends.push({ command: request.name, to: this.#links.server(link), key: request.key, ...limit })
      return
    }
    const command = this.#names[effect.command - 1]
    if (effect.type === 'done') {
      this.#ends.push({ command, as: effect.duplicate ? 'duplicate' : 'done', data: effect.data })
      return
    }
    const { code, reason, abortReason } = effect
    this.#ends.push({ command, as: code, reason, abortReason })
  }
}
