/**
 * The outbox on the links of a session: which command was last sent where, so that a doubt can be told with its server,
 * and a command that is given up can be withdrawn where it still waits.
 */
import { commandFrameOf } from './client-frames'
import type { OutboxConfig, OutboxEffect, OutboxInput } from './command-protocol'
import { OutboxMachine } from './outbox'
import type { SessionHost } from './session-host'
import type { Instant } from './time'
import type { LinkId } from './topic-protocol'

interface Sent {
  readonly server: string
  readonly link: LinkId
  readonly id: number
  readonly deadline: Instant
}

export class SessionCommands {
  readonly #outbox: OutboxMachine
  /** Where pending commands were last sent. */
  readonly #sentTo = new Map<number, Sent>()

  constructor(
    config: OutboxConfig,
    private readonly host: SessionHost,
  ) {
    this.#outbox = new OutboxMachine(config, (link) => host.link(link)?.nextId() ?? 0)
  }

  get size(): number {
    return this.#outbox.size
  }

  /** Is an answer still to come by this link? */
  awaits(link: LinkId): boolean {
    return this.#outbox.awaits(link)
  }

  deadline(): Instant {
    return this.#outbox.deadline()
  }

  handle(input: OutboxInput): void {
    for (const effect of this.#outbox.handle(this.host.now(), input)) {
      if (effect.type === 'send') this.#send(effect)
      else this.#settle(effect)
    }
  }

  #send(effect: Extract<OutboxEffect, { type: 'send' }>): void {
    const link = this.host.link(effect.link)
    if (link === undefined) return
    const { command, deadline } = effect.request
    this.#sentTo.set(command, { server: link.server, link: link.id, id: effect.id, deadline })
    this.host.send(link, commandFrameOf(effect))
  }

  #settle(effect: Exclude<OutboxEffect, { type: 'send' }>): void {
    const sent = this.#sentTo.get(effect.command)
    this.#sentTo.delete(effect.command)
    if (effect.type === 'failed' && sent !== undefined && this.host.link(sent.link) !== undefined) {
      const expired = this.host.now() >= sent.deadline
      this.host.emit({ type: 'withdraw', link: sent.link, id: sent.id, expired })
    }
    this.host.emit({ type: 'outbox', effect, ...(sent === undefined ? {} : { server: sent.server }) })
  }
}
