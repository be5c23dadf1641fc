/**
 * The token, per server: asked for once at a time, kept until it is refused or about to expire. A provider that fails
 * is a failed attempt against nobody.
 */
import type { TokenAsk } from '../driver/session-driver'
import type { Cancel, Platform } from '../platform/platform'
import type { TokenProvider } from './option-types'

export type TokenAnswer = { readonly token?: string } | { readonly error: unknown }

/** A provider that never settles is given up after this. */
const PROVIDER_TIMEOUT_MS = 30_000
/** A token that was replaced may still be good, and still be echoed by a server: that many are kept out of texts. */
const MAX_SECRETS = 32

interface Asking {
  readonly waiters: Set<(answer: TokenAnswer) => void>
  readonly controller: AbortController
  readonly cancelTimer: Cancel
}

export class TokenKeeper {
  /** The last token of each endpoint; one that is no longer good there is kept to tell a new one. */
  readonly #kept = new Map<string, { readonly token: string; readonly isGood: boolean }>()
  /** The last tokens, the newest last. */
  readonly #secrets = new Set<string>()
  readonly #asking = new Map<string, Asking>()

  constructor(
    private readonly platform: Platform,
    private readonly provider: TokenProvider | undefined,
    private readonly failed: (error: unknown) => void,
    /** The provider gave another token for this endpoint than before. */
    private readonly renewed: (endpointId: string) => void = () => undefined,
  ) {}

  /** What must never appear in a text. */
  secrets(): string[] {
    return typeof this.provider === 'string' ? [this.provider] : [...this.#secrets]
  }

  /** Calls back later, once, unless cancelled. */
  ask({ reason, endpointId, server }: TokenAsk, done: (answer: TokenAnswer) => void): Cancel {
    const { provider } = this
    const known = this.#kept.get(endpointId)
    const kept = typeof provider === 'string' ? provider : known?.isGood === true ? known.token : undefined
    if (provider === undefined || typeof provider === 'string' || (kept !== undefined && reason === 'connect')) {
      return this.#later(() => done(kept === undefined ? {} : { token: kept }))
    }
    const asking = this.#asking.get(endpointId) ?? this.#call(provider, { reason, endpointId, server })
    asking.waiters.add(done)
    return () => void asking.waiters.delete(done)
  }

  /** The token is no longer good there. */
  forget(endpointId: string): void {
    const known = this.#kept.get(endpointId)
    if (known !== undefined) this.#kept.set(endpointId, { ...known, isGood: false })
  }

  close(): void {
    for (const { controller, cancelTimer, waiters } of this.#asking.values()) {
      waiters.clear()
      cancelTimer()
      controller.abort()
    }
    this.#asking.clear()
    this.#kept.clear()
  }

  #call(provider: Exclude<TokenProvider, string>, { reason, endpointId, server }: TokenAsk): Asking {
    const controller = new AbortController()
    const waiters = new Set<(answer: TokenAnswer) => void>()
    const settle = (answer: TokenAnswer): void => {
      if (this.#asking.get(endpointId) !== asking) return
      this.#asking.delete(endpointId)
      cancelTimer()
      if ('error' in answer) this.failed(answer.error)
      else if (answer.token !== undefined) this.#keep(endpointId, answer.token)
      for (const waiter of waiters) waiter(answer)
    }
    const cancelTimer = this.platform.setTimer(PROVIDER_TIMEOUT_MS, () => {
      controller.abort()
      settle({ error: new Error('the token provider did not answer within 30 s') })
    })
    const asking: Asking = { waiters, controller, cancelTimer }
    this.#asking.set(endpointId, asking)
    void Promise.resolve()
      .then(() => provider({ reason, server, signal: controller.signal }))
      .then(
        (token) => settle(isToken(token) ? { token } : { error: new TypeError('the token provider must give a text') }),
        (error: unknown) => settle({ error }),
      )
    return asking
  }

  #keep(endpointId: string, token: string): void {
    const before = this.#kept.get(endpointId)
    this.#kept.set(endpointId, { token, isGood: true })
    this.#secrets.delete(token)
    this.#secrets.add(token)
    for (const oldest of this.#secrets) {
      if (this.#secrets.size > MAX_SECRETS) this.#secrets.delete(oldest)
    }
    if (before !== undefined && before.token !== token) this.renewed(endpointId)
  }

  #later(call: () => void): Cancel {
    let isCancelled = false
    queueMicrotask(() => {
      if (!isCancelled) call()
    })
    return () => void (isCancelled = true)
  }
}

function isToken(token: unknown): token is string {
  return typeof token === 'string' && token !== ''
}
