/**
 * The guide's virtual service, on a real HAProxy: TCP through a virtual address to the active server, and to the
 * passive one while the check of the UCC's port fails there. In the foreground, ended by its own process id.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onCleanup } from '../../support/harness'
import { addressOf, within, type LabHost } from './network'

export interface HaproxyOptions {
  /** Where it runs: its address is the virtual one. */
  readonly on: LabHost
  /** Real servers, the active one first; the others are used in this order while it fails its check. */
  readonly servers: readonly LabHost[]
}

export interface Haproxy {
  /** SIGKILL: the virtual address refuses. Idempotent. */
  kill(): Promise<void>
}

const PORT = 80
/** Of the trusted application, as the guide has it. */
const CHECK = 'check port 6001 inter 1000ms fall 2 rise 2'
const START_WITHIN_MS = 10_000

/** Starts it, and resolves when it takes connections; ended after the test at the latest. */
export async function startHaproxy(options: HaproxyOptions): Promise<Haproxy> {
  const { on } = options
  const folder = await mkdtemp(join(tmpdir(), 'failover-haproxy-'))
  const file = join(folder, 'haproxy.cfg')
  await writeFile(file, configuration(options))
  const [program = '', ...parameters] = [...within(on), 'haproxy', '-db', '-f', file]
  const child = spawn(program, parameters, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(-4096)))
  const ended = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  onCleanup(async () => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  })
  const startedAt = performance.now()
  while (!(await takes(addressOf(on), PORT))) {
    const isLate = performance.now() - startedAt > START_WITHIN_MS
    if (isLate || child.exitCode !== null) throw new Error(`haproxy does not take connections: ${said}`)
  }
  return { kill }
}

function configuration({ on, servers }: HaproxyOptions): string {
  const lines = servers.map((name, index) => `  server ${name} ${addressOf(name)}:${PORT}${index > 0 ? ' backup' : ''}`)
  return `
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen web
  bind ${addressOf(on)}:${PORT}
  option redispatch
  default-server ${CHECK} on-marked-down shutdown-sessions
${lines.join('\n')}
`
}

function takes(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 })
    const end = (isTaken: boolean): void => {
      socket.destroy()
      resolve(isTaken)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}
