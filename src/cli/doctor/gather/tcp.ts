/** Does the port open? */
import { connect } from 'node:net'
import type { TcpFacts } from '../facts'

const TCP_MS = 2500

export async function gatherTcp(host: string, port: number): Promise<TcpFacts> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (facts: TcpFacts): void => {
      socket.destroy()
      resolve(facts)
    }
    socket.setTimeout(TCP_MS, () => end({ kind: 'failure', code: 'ETIMEDOUT' }))
    socket.on('connect', () => end({ kind: 'open', tookMs: Math.round(performance.now() - startedAt) }))
    socket.on('error', (error: NodeJS.ErrnoException) => end({ kind: 'failure', code: error.code ?? 'EUNKNOWN' }))
  })
}
