/** Commands: judged here by the UCC's state, executed and remembered by the ledger. */
import type { ServerState } from './server-state'
import type { ExecutionAnswer } from './server-types'
import type { UccHere } from './ucc-here'

export interface CommandInput {
  readonly name: string
  readonly args: unknown
  readonly key: string
  readonly notAfter?: number
}

/** Tells the result to send; nothing where the UCC that should give it hangs silently. */
export function executeCommand(
  state: ServerState,
  ucc: UccHere,
  command: CommandInput,
  client: string,
  done: (answer: ExecutionAnswer) => void,
): void {
  const { name, args, key, notAfter } = command
  if (ucc.announce === 'silent' && !ucc.runs) return
  if (typeof name !== 'string' || typeof key !== 'string') {
    return done({ status: 'rejected', error: { code: 'invalid', message: 'a command has a name and a key' } })
  }
  const refusal = ucc.runs ? undefined : { code: 'not-running', message: `${ucc.name} is ${ucc.state} here` }
  const request = {
    kind: 'command' as const,
    ucc: ucc.name,
    name,
    args,
    key,
    client,
    ...(typeof notAfter === 'number' ? { notAfter } : {}),
    ...(refusal === undefined ? {} : { refusal }),
  }
  state.host.execute(request, done)
}
