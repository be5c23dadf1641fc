/** Drives an OutboxMachine by hand: short inputs, virtual time, and what came out in few words. */
import type {
  CommandRequest,
  CommandSafety,
  OutboxConfig,
  OutboxEffect,
  OutboxInput,
} from '../../src/core/command-protocol'
import { OutboxMachine } from '../../src/core/outbox'
import type { LinkId } from '../../src/core/topic-protocol'
import type { ResultFrame } from '../../src/core/wire'

export class OutboxHarness {
  readonly machine: OutboxMachine
  now = 1000
  readonly #ids = new Map<LinkId, number>()
  /** Where each command was sent last. */
  readonly sent = new Map<number, { link: LinkId; id: number; notAfter: number | undefined }>()
  readonly log: string[] = []

  constructor(config: Partial<OutboxConfig> = {}) {
    const defaults = { maxQueued: 256, maxQueuedBytes: 1_048_576, sharedKeys: false }
    this.machine = new OutboxMachine({ ...defaults, ...config }, (link) => {
      const id = (this.#ids.get(link) ?? 0) + 1
      this.#ids.set(link, id)
      return id
    })
  }

  input(input: OutboxInput): string[] {
    const effects = this.machine.handle(this.now, input)
    for (const effect of effects) {
      if (effect.type !== 'send') continue
      this.sent.set(effect.request.command, { link: effect.link, id: effect.id, notAfter: effect.notAfter })
    }
    const words = effects.map(inWords)
    this.log.push(...words)
    return words
  }

  command(command: number, safety: CommandSafety = 'effect', more: Partial<CommandRequest> = {}): string[] {
    const base = { name: 'do', args: null, key: `key${command}`, target: 'do', deadline: this.now + 10_000, bytes: 10 }
    return this.input({ type: 'command', request: { ...base, command, safety, ...more } })
  }

  open(link: LinkId, keys?: string, running = true): string[] {
    return this.input({ type: 'link-open', link, running, ...(keys === undefined ? {} : { keys }) })
  }

  lost(link: LinkId): string[] {
    return this.input({ type: 'link-lost', link })
  }

  running(link: LinkId, running: boolean): string[] {
    return this.input({ type: 'link-running', link, running })
  }

  /** The answer to a command where it was sent last. */
  result(command: number, status: ResultFrame['status'], code?: string, data?: unknown): string[] {
    const there = this.sent.get(command)
    if (there === undefined) throw new Error(`command ${command} was never sent`)
    const error = code === undefined ? {} : { error: { code, message: `no: ${code}` } }
    const content = data === undefined ? {} : { data }
    const frame: ResultFrame = { type: 'result', id: there.id, status, ...error, ...content }
    return this.input({ type: 'result', link: there.link, id: there.id, frame })
  }

  tickAt(now: number): string[] {
    this.now = now
    return this.input({ type: 'tick' })
  }
}

export function inWords(effect: OutboxEffect): string {
  if (effect.type === 'send') return `send ${effect.request.command} on ${effect.link}`
  if (effect.type === 'done') return `done ${effect.command}${effect.duplicate ? ' duplicate' : ''}`
  return `${effect.code} ${effect.command}${effect.reason === undefined ? '' : ` ${effect.reason}`}`
}
