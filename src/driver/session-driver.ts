/** Runs one Session machine on one platform: links, tokens, the restore hook, and the traffic with the pool. */
import { SessionMachine } from '../core/session'
import type { SessionConfig, SessionEffect, SessionInput } from '../core/session-protocol'
import type { DurationMs, Instant } from '../core/time'
import type { LinkId } from '../core/topic-protocol'
import type { Cancel } from '../platform/platform'
import type { LinkRequest, LiveLink, LiveTransport } from '../transports/live-transport'
import type { Loop, LoopPart } from './loop'
import type { PoolDriver } from './pool-driver'

export interface TokenAsk {
  readonly reason: 'connect' | 'expiring' | 'rejected'
  readonly endpointId: string
  readonly server: string | undefined
}

export interface RestoreAsk {
  readonly link: LinkId
  readonly endpointId: string
  readonly previous: string | undefined
  readonly server: string
  readonly term: number | undefined
}

/** What the session asks of the client layer, and tells it. Callbacks come later, never at once. */
export interface SessionHooks {
  token(ask: TokenAsk, done: (answer: { token?: string } | { error: unknown }) => void): Cancel
  restore(ask: RestoreAsk, done: (ok: boolean) => void): Cancel
  topic(effect: Extract<SessionEffect, { type: 'topic' }>): void
  command(effect: Extract<SessionEffect, { type: 'outbox' }>): void
  moved(effect: Extract<SessionEffect, { type: 'moved' }>): void
  warning(effect: Extract<SessionEffect, { type: 'warning' }>): void
  ended(): void
}

export interface SessionTransports {
  readonly websocket: LiveTransport
  readonly eventStream: LiveTransport
  readonly request: Omit<LinkRequest, 'road'>
}

export class SessionDriver implements LoopPart {
  readonly machine: SessionMachine
  readonly #links = new Map<LinkId, LiveLink>()
  readonly #restores = new Map<LinkId, Cancel>()
  readonly #tokens = new Map<LinkId, Cancel>()

  constructor(
    private readonly loop: Loop,
    private readonly pool: PoolDriver,
    config: SessionConfig,
    private readonly transports: SessionTransports,
    private readonly hooks: SessionHooks,
  ) {
    this.machine = new SessionMachine(config)
    loop.add(this)
  }

  deadline(): Instant {
    return this.machine.deadline()
  }

  tick(): void {
    this.feed({ type: 'tick' })
  }

  slept(_now: Instant, ms: DurationMs): void {
    this.feed({ type: 'slept', ms })
  }

  pause(_now: Instant, lateMs: DurationMs): void {
    this.feed({ type: 'pause', lateMs })
  }

  feed(input: SessionInput): void {
    this.loop.run((now) => {
      for (const effect of this.machine.handle(now, input)) {
        // What one effect throws must not cost the others.
        try {
          this.#carryOut(effect)
        } catch (error) {
          this.loop.failed(error)
        }
      }
    })
  }

  /** Drops what is left, at once. */
  destroy(): void {
    for (const link of this.#links.values()) link.abandon()
    for (const cancel of [...this.#restores.values(), ...this.#tokens.values()]) cancel()
    this.#links.clear()
    this.#restores.clear()
    this.#tokens.clear()
    this.loop.remove(this)
  }

  #carryOut(effect: SessionEffect): void {
    switch (effect.type) {
      case 'open-link':
        return this.#open(effect)
      case 'send':
        return this.#links.get(effect.link)?.send(effect.frame)
      case 'withdraw':
        return this.#links.get(effect.link)?.withdraw(effect.id, effect.expired)
      case 'close-link':
        return this.#links.get(effect.link)?.close(effect.code, effect.reason)
      case 'abandon-link':
        return this.#abandon(effect.link)
      case 'ask-token':
        return this.#token(effect)
      case 'restore':
        return this.#restore(effect)
      case 'cancel-restore':
        return this.#stop(this.#restores, effect.link)
      case 'peers':
        return this.pool.peers(effect.server, effect.peers)
      case 'pool':
        return this.pool.feed(effect.input)
      case 'topic':
        return this.hooks.topic(effect)
      case 'outbox':
        return this.hooks.command(effect)
      case 'moved':
        return this.hooks.moved(effect)
      case 'warning':
        return this.hooks.warning(effect)
      case 'ended':
        return this.hooks.ended()
    }
  }

  #open({ link, road, downgraded }: Extract<SessionEffect, { type: 'open-link' }>): void {
    const { websocket, eventStream, request } = this.transports
    const transport = downgraded ? eventStream : websocket
    const opened = transport.open(
      { ...request, road },
      {
        opened: () => this.feed({ type: 'link-opened', link }),
        frame: (frame) => this.feed({ type: 'link-frame', link, frame }),
        problem: (problem) => this.feed({ type: 'link-problem', link, problem }),
        closed: ({ code, failure, status }) => {
          this.#links.delete(link)
          const why = failure === undefined ? {} : { failure }
          this.feed({ type: 'link-closed', link, code, ...why, ...(status === undefined ? {} : { status }) })
          this.#forget(link)
        },
      },
    )
    this.#links.set(link, opened)
  }

  #abandon(link: LinkId): void {
    this.#links.get(link)?.abandon()
    this.#links.delete(link)
    this.#forget(link)
  }

  #forget(link: LinkId): void {
    this.#stop(this.#tokens, link)
    this.#stop(this.#restores, link)
  }

  #token({ link, endpointId, server, reason }: Extract<SessionEffect, { type: 'ask-token' }>): void {
    this.#stop(this.#tokens, link)
    const cancel = this.hooks.token({ reason, endpointId, server }, (answer) => {
      this.#tokens.delete(link)
      if ('error' in answer) this.feed({ type: 'token', link, failed: true })
      else this.feed({ type: 'token', link, ...(answer.token === undefined ? {} : { token: answer.token }) })
    })
    this.#tokens.set(link, cancel)
  }

  #restore({ link, endpointId, previous, term, server }: Extract<SessionEffect, { type: 'restore' }>): void {
    const cancel = this.hooks.restore({ link, endpointId, previous, server, term }, (ok) => {
      this.#restores.delete(link)
      this.feed({ type: 'restored', link, ok })
    })
    this.#restores.set(link, cancel)
  }

  #stop(running: Map<LinkId, Cancel>, link: LinkId): void {
    running.get(link)?.()
    running.delete(link)
  }
}
