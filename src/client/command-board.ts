/** Commands the user waits for: promises on one side, the Outbox machine's inputs and effects on the other. */
import type { CommandRequest, OutboxEffect } from '../core/command-protocol'
import type { SessionInput } from '../core/session-protocol'
import type { LinkId } from '../core/topic-protocol'
import { FailoverError } from '../errors'
import type { Platform } from '../platform/platform'
import type { CommandOptions, RestoreCommand } from './option-types'
import { checkCommandArguments } from './options-arguments'

interface Pending {
  readonly request: CommandRequest
  readonly resolve: (data: unknown) => void
  readonly reject: (reason: unknown) => void
  readonly release: () => void
}

export class CommandBoard {
  readonly #pending = new Map<number, Pending>()
  #lastCommand = 0
  #isOpen = true

  constructor(
    private readonly platform: Platform,
    private readonly deadlineMs: number,
    private readonly feed: (input: SessionInput) => void,
  ) {}

  get size(): number {
    return this.#pending.size
  }

  /** After this, new commands are refused; pending ones are settled by the machine. */
  stopIntake(): void {
    this.#isOpen = false
  }

  async send<R>(
    name: string,
    args?: unknown,
    options?: CommandOptions,
    lane?: { link: LinkId; signal: AbortSignal },
  ): Promise<R> {
    const { bytes, safety, target, key, deadlineMs, signal, ...checked } = checkCommandArguments(name, args, options)
    if (!this.#isOpen) throw new FailoverError('CLIENT_CLOSED', 'the client is closed')
    if (signal?.aborted === true) throw signal.reason
    if (lane?.signal.aborted === true) throw lane.signal.reason
    this.#lastCommand += 1
    const request: CommandRequest = {
      command: this.#lastCommand,
      name: checked.name,
      args: checked.args,
      safety,
      target,
      bytes,
      key: key ?? this.platform.randomId(),
      deadline: this.platform.now() + (deadlineMs ?? this.deadlineMs),
      ...(lane === undefined ? {} : { lane: lane.link }),
    }
    return new Promise<R>((resolve, reject) => {
      const release = this.#watchAborts(request.command, [signal, lane?.signal])
      this.#pending.set(request.command, { request, resolve: (data) => resolve(data as R), reject, release })
      this.feed({ type: 'command', request })
    })
  }

  /** The `command` of a restore hook: sent on its own link at once, or not at all. */
  lane(link: LinkId, signal: AbortSignal): RestoreCommand {
    return (name, args, options) => this.send(name, args, options, { link, signal })
  }

  /** Settles the promise. Tells whether the outcome is unknown. */
  settle(
    effect: Exclude<OutboxEffect, { type: 'send' }>,
  ): { unknown: boolean; subject: string; key: string } | undefined {
    const pending = this.#pending.get(effect.command)
    if (pending === undefined) return undefined
    this.#pending.delete(effect.command)
    pending.release()
    const { name: subject, key } = pending.request
    if (effect.type === 'done') {
      pending.resolve(effect.data)
      return { unknown: false, subject, key }
    }
    const { code, message, reason, abortReason } = effect
    if (code !== 'OUTCOME_UNKNOWN' && abortReason !== undefined) pending.reject(abortReason)
    else {
      const fields = { subject, key, ...(reason === undefined ? {} : { reason }) }
      pending.reject(
        new FailoverError(
          code,
          message,
          Object.assign(fields, abortReason === undefined ? {} : { cause: abortReason }),
        ),
      )
    }
    return { unknown: code === 'OUTCOME_UNKNOWN', subject, key }
  }

  #watchAborts(command: number, signals: readonly (AbortSignal | undefined)[]): () => void {
    const releases = signals.flatMap((signal) => {
      if (signal === undefined) return []
      const abort = (): void => this.feed({ type: 'command-abort', command, reason: signal.reason as unknown })
      signal.addEventListener('abort', abort, { once: true })
      return [() => signal.removeEventListener('abort', abort)]
    })
    return () => {
      for (const release of releases) release()
    }
  }
}
