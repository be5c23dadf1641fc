/**
 * Runs the user's restore hook: on every new live connection before its subscriptions and commands, and, where there is
 * no live connection, before the first routed request to a server and term. The hook's tools are bound to that server.
 */
import type { Endpoint } from '../core/endpoint'
import type { LinkId } from '../core/topic-protocol'
import type { ClientIdentity } from '../core/wire'
import type { RestoreAsk } from '../driver/session-driver'
import type { Cancel, Platform } from '../platform/platform'
import type { RestoreCommand } from './option-types'
import type { ClientConfig } from './options'
import type { EndpointInfo } from './reports'
import { boundFetch, postedCommand, type BoundServer } from './restore-context'
import type { TokenKeeper } from './token-keeper'

export interface RestorerOptions {
  readonly config: ClientConfig
  readonly platform: Platform
  readonly client: ClientIdentity
  readonly tokens: TokenKeeper
  readonly endpoint: (id: string) => Endpoint | undefined
  readonly describe: (endpoint: Endpoint) => EndpointInfo
  readonly describeServer: (server: string) => EndpointInfo | undefined
  /** A command in the lane of this link. */
  readonly laneCommand: (link: LinkId, signal: AbortSignal) => RestoreCommand
  readonly failed: (error: unknown) => void
  /** Something may be routed now. */
  readonly changed: () => void
}

/** After a hook failed for a routed request, the next try waits this long. */
const AGAIN_MS = 1000

export class Restorer {
  readonly #routed = new Map<string, 'running' | 'done' | 'failed'>()
  /** Ends a call of the hook that is under way. */
  readonly #running = new Set<Cancel>()
  readonly #timers = new Set<Cancel>()

  constructor(private readonly options: RestorerOptions) {}

  get isConfigured(): boolean {
    return this.options.config.restoreSession !== undefined
  }

  /** For a live connection. */
  run(ask: RestoreAsk, done: (ok: boolean) => void): Cancel {
    const endpoint = this.options.endpoint(ask.endpointId)
    const controller = new AbortController()
    const command = this.options.laneCommand(ask.link, controller.signal)
    return this.#call(endpoint, ask.previous, command, controller, (ok) => {
      if (ok) this.#routed.set(`${ask.server} ${ask.term ?? ''}`, 'done')
      done(ok)
      if (ok) this.options.changed()
    })
  }

  /**
   * May requests go to this server? Starts the hook where it has not run for this server and term, unless a live
   * connection that is on its way there runs it.
   */
  isRestored(endpoint: Endpoint, term: number | undefined, goesLive: boolean): boolean {
    if (!this.isConfigured) return true
    const key = `${endpoint.server ?? endpoint.id} ${term ?? ''}`
    const known = this.#routed.get(key)
    if (known !== undefined) return known === 'done'
    if (goesLive) return false
    this.#routed.set(key, 'running')
    const controller = new AbortController()
    const bound = this.#bind(endpoint, controller.signal)
    this.#call(endpoint, undefined, postedCommand(bound), controller, (ok) => {
      this.#routed.set(key, ok ? 'done' : 'failed')
      if (!ok) this.#forgetLater(key)
      this.options.changed()
    })
    return false
  }

  close(): void {
    // What the hooks make of it comes too late to be told, or to be tried again.
    for (const stop of [...this.#running]) stop()
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }

  #forgetLater(key: string): void {
    const cancel = this.options.platform.setTimer(AGAIN_MS, () => {
      this.#timers.delete(cancel)
      this.#routed.delete(key)
      this.options.changed()
    })
    this.#timers.add(cancel)
  }

  #call(
    endpoint: Endpoint | undefined,
    previous: string | undefined,
    command: RestoreCommand,
    controller: AbortController,
    done: (ok: boolean) => void,
  ): Cancel {
    const { restoreSession } = this.options.config
    let isOver = false
    const end = (ok: boolean | undefined): void => {
      if (isOver) return
      isOver = true
      this.#running.delete(stop)
      if (ok === undefined) controller.abort()
      else done(ok)
    }
    const cancelTimer = this.options.platform.setTimer(this.options.config.connect.restoreTimeoutMs, () => {
      end(false)
      controller.abort()
    })
    const stop = (): void => {
      cancelTimer()
      end(undefined)
    }
    this.#running.add(stop)
    const before = previous === undefined ? undefined : this.options.describeServer(previous)
    void Promise.resolve()
      .then(() => {
        if (restoreSession === undefined || endpoint === undefined) throw new Error('the endpoint is gone')
        const fetch = boundFetch(this.#bind(endpoint, controller.signal))
        const info = this.options.describe(endpoint)
        return restoreSession({
          endpoint: info,
          command,
          fetch,
          signal: controller.signal,
          ...(before === undefined ? {} : { previous: before }),
        })
      })
      .then(
        () => end(true),
        (error: unknown) => {
          if (!isOver) this.options.failed(error)
          end(false)
        },
      )
      .finally(cancelTimer)
    return stop
  }

  #bind(endpoint: Endpoint, signal: AbortSignal): BoundServer {
    const { platform, config, client, tokens } = this.options
    const { id: endpointId, server, road } = endpoint
    return {
      platform,
      road,
      ucc: config.ucc,
      client,
      commandPath: config.commands.path,
      timeoutMs: config.commands.deadlineMs,
      maxBytes: config.streams.maxFrameBytes,
      signal,
      token: () =>
        new Promise((resolve, reject) => {
          tokens.ask({ reason: 'connect', endpointId, server }, (answer) => {
            if ('error' in answer)
              reject(answer.error instanceof Error ? answer.error : new Error('the token provider failed'))
            else resolve(answer.token)
          })
        }),
    }
  }
}
