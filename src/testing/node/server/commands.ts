/** Commands: judged here by the UCC's state, executed and remembered by the cluster's ledger. */
import type { ExecutionAnswer } from '../ipc'
import type { UccHere, World } from './world'

export interface CommandInput {
  readonly name: string
  readonly args: unknown
  readonly key: string
  readonly notAfter?: number
}

/** The result to send, or undefined where the UCC that should give it hangs silently. */
export async function executeCommand(
  world: World,
  ucc: UccHere,
  command: CommandInput,
  client: string,
): Promise<ExecutionAnswer | undefined> {
  const { name, args, key, notAfter } = command
  if (ucc.announce === 'silent' && !ucc.runs) return undefined
  if (typeof name !== 'string' || typeof key !== 'string') {
    return { status: 'rejected', error: { code: 'invalid', message: 'a command has a name and a key' } }
  }
  const refusal = ucc.runs ? undefined : { code: 'not-running', message: `${ucc.name} is ${ucc.state} here` }
  return world.link.execute({
    kind: 'command',
    ucc: ucc.name,
    name,
    args,
    key,
    client,
    ...(typeof notAfter === 'number' ? { notAfter } : {}),
    ...(refusal === undefined ? {} : { refusal }),
  })
}
