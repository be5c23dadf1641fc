/** How a command can end without a result, in words. */
import type { FailoverErrorCode } from '../errors'
import type { CommandRequest, OutboxConfig } from './command-protocol'

export interface Ending {
  readonly code: FailoverErrorCode
  readonly message: string
  readonly reason?: string
  /** For aborts: what the caller's signal carried. */
  readonly abortReason?: unknown
}

export function expired(request: CommandRequest, why = 'its deadline passed before it left'): Ending {
  return { code: 'COMMAND_EXPIRED', message: `Command "${request.name}" was not executed: ${why}.` }
}

export function unknown(request: CommandRequest, why: string, reason: string): Ending {
  const message = `Nobody knows whether command "${request.name}" was executed: ${why}.`
  return { code: 'OUTCOME_UNKNOWN', message, reason }
}

/** The server received it behind its deadline. */
export function late(request: CommandRequest, isRepeated: boolean): Ending {
  return isRepeated
    ? unknown(request, 'it was sent twice and the second one came too late', 'expired')
    : expired(request, 'the server received it too late')
}

export function lost(request: CommandRequest, isSuperseded: boolean): Ending {
  return isSuperseded
    ? unknown(request, 'its connection was lost and a newer value was set meanwhile', 'superseded')
    : unknown(
        request,
        `its connection was lost, and a "${request.safety}" is not repeated on a server with other keys`,
        'keys-differ',
      )
}

/** Refused as not running, then overtaken: it would undo the newer value. */
export function superseded(request: CommandRequest): Ending {
  const message = `Command "${request.name}" was not executed: a newer value for "${request.target}" went ahead.`
  return { code: 'COMMAND_REJECTED', message, reason: 'superseded' }
}

/** A read that was bound to a lost link changed nothing, so its outcome is not in doubt: nobody could serve it. */
export function laneGone(request: CommandRequest): Ending {
  const message = `Command "${request.name}" was bound to a connection that was lost.`
  return { code: 'NO_ENDPOINT_AVAILABLE', message, reason: 'link-lost' }
}

export function noRoom(request: CommandRequest, { maxQueued, maxQueuedBytes }: OutboxConfig): Ending {
  const limits = `${maxQueued} commands or ${maxQueuedBytes} bytes`
  return { code: 'BUFFER_FULL', message: `Command "${request.name}" was not queued: ${limits} wait already.` }
}
