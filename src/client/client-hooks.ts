/** The user's functions that the machines ask: `canMove` and `priority`. A hook that fails is told, never obeyed. */
import { FailoverError } from '../errors'
import type { PriorityClass } from '../core/settings'
import type { SeatEffect } from '../driver/pool-driver'
import { readPriority, type ClientConfig } from './options'
import type { EndpointInfo } from './reports'

export interface ClientHooksOptions {
  readonly config: ClientConfig
  readonly describe: (endpointId: string) => EndpointInfo | undefined
  readonly answer: (question: number, allowed: boolean) => void
  readonly failed: (sentence: string, cause: unknown) => void
}

export class ClientHooks {
  constructor(private readonly options: ClientHooksOptions) {}

  /** Is this a quiet moment? The answer always comes later. */
  askCanMove({ question, kind, reason, from: fromId, to: toId }: Extract<SeatEffect, { type: 'ask-can-move' }>): void {
    const { config, describe, answer, failed } = this.options
    const { canMove } = config
    const from = describe(fromId)
    const to = describe(toId)
    if (canMove === undefined || from === undefined || to === undefined)
      return queueMicrotask(() => answer(question, true))
    void Promise.resolve()
      .then(() => canMove(Object.freeze({ kind, from, to, reason })))
      .then(
        (allowed) => answer(question, allowed === true),
        (error: unknown) => {
          // A broken hook must not keep a client on a draining server for ever: no answer is no objection.
          failed('The canMove hook failed; the move is allowed.', error)
          answer(question, true)
        },
      )
  }

  /** The spread class of this moment. */
  priority(): PriorityClass {
    const { priority } = this.options.config
    if (typeof priority !== 'function') return priority
    try {
      const answer = readPriority(priority())
      if (answer !== undefined) return answer
      const right = 'priority() must return interactive, agent, board or visitor'
      throw new FailoverError('INVALID_OPTION', right, { field: 'priority' })
    } catch (error) {
      this.options.failed('The priority function failed; "agent" is taken.', error)
      return 'agent'
    }
  }
}
