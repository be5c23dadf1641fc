/** May this client come in? The checks of `hello`, in the contract's order. */
import type { HelloFrame } from '../../core/wire'
import { PROTOCOL_VERSION } from '../../core/wire'
import { takeReject, tokenRefusal } from './frames'
import type { ServerState } from './server-state'
import type { UccHere } from './ucc-here'

export interface Refusal {
  readonly code: string
  readonly message: string
  readonly retryAfterMs?: number
}

/** The UCC this connection is for, or why there is none. */
export function admit(state: ServerState, frame: HelloFrame): UccHere | Refusal {
  const ordered = takeReject(state)
  if (ordered !== undefined) return { ...ordered, message: ordered.message ?? 'as ordered' }
  if (frame.version !== PROTOCOL_VERSION) {
    return { code: 'unsupported-version', message: `this server speaks version ${PROTOCOL_VERSION}` }
  }
  if (typeof frame.client?.id !== 'string') return { code: 'invalid', message: 'hello has no client.id' }
  const refusal = tokenRefusal(state.runtime, frame.token)
  if (refusal !== undefined) return { code: refusal, message: 'the token was refused' }
  const ucc = state.ucc(frame.ucc)
  const name = frame.ucc ?? '(none named)'
  return ucc ?? { code: 'unknown-ucc', message: `this server does not know the UCC ${name}` }
}
