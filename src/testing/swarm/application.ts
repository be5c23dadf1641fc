/** The application behind the simulated servers: what the workload's commands and requests do, and who is told. */
import type { SimulatedCommand, SimulatedHttp } from '../world-types'
import type { ServerSighting } from './sighting'
import { CALL_HEADER } from './watched-platform'

export interface ApplicationOptions {
  /** All servers remember the idempotency keys of requests together. */
  readonly sharesKeys: boolean
  readonly answerAfterMs: number
  readonly tell: (client: number, sighting: ServerSighting) => void
}

/** Commands of the application, by name. */
export function applicationCommands({ tell }: ApplicationOptions): Readonly<Record<string, SimulatedCommand>> {
  return {
    work: (args, { server }) => {
      const key = memberOf(args, 'key')
      tell(clientOf(key), { is: 'executed', server, key })
      return { server }
    },
    login: () => ({}),
  }
}

/** Its web services, which know only the UCC on their own server: without it they answer 200 and nothing. */
export function applicationHttp({ sharesKeys, answerAfterMs, tell }: ApplicationOptions): SimulatedHttp {
  const done = new Set<string>()
  return ({ method, headers, server, state }) => {
    const call = headers[CALL_HEADER] ?? ''
    const key = headers['idempotency-key']
    const memory = key === undefined ? undefined : `${sharesKeys ? '' : server} ${key}`
    if (method === 'POST' && (memory === undefined || !done.has(memory))) {
      if (memory !== undefined) done.add(memory)
      tell(clientOf(call), { is: 'effected', server, call })
    }
    const items = state === 'running' ? [1, 2, 3] : []
    return { headers: { 'x-answered-by': server, 'x-state': state }, body: { server, items }, afterMs: answerAfterMs }
  }
}

function memberOf(args: unknown, name: string): string {
  const value = typeof args === 'object' && args !== null ? (args as Record<string, unknown>)[name] : undefined
  return typeof value === 'string' ? value : ''
}

/** Calls and keys begin with the number of their client. */
function clientOf(call: string): number {
  return Number.parseInt(call, 10)
}
