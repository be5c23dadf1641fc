/** A server of a test cluster: a process of its own, steered by its parent over the IPC channel. */
import { ServerState } from '../../server/server-state'
import type { CallMessage, ProcessConfig, ToServer } from '../ipc'
import { createHandlers } from './calls'
import { Gate } from './gate'
import { Link } from './link'
import { UccPorts } from './ucc-ports'

const link = new Link()
let state: ServerState | undefined
let handlers: ReturnType<typeof createHandlers> | undefined
let frozenSiblings: readonly number[] = []

async function start(config: ProcessConfig): Promise<void> {
  state = new ServerState(config, link)
  const gate = new Gate(state, config)
  const uccPorts = new UccPorts(state, config)
  handlers = createHandlers(state, gate, uccPorts)
  try {
    await gate.listen()
    await uccPorts.follow()
    link.send({ type: 'listening' })
  } catch (error) {
    const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException
    link.send({ type: 'failed', code, message })
  }
}

async function call(message: CallMessage): Promise<void> {
  try {
    // Name and arguments belong together by the message's own type; the lookup loses that.
    const handler = handlers?.[message.name] as ((args: unknown) => void | Promise<void>) | undefined
    await handler?.(message.args)
    link.send({ type: 'reply', n: message.n })
  } catch (error) {
    link.send({ type: 'reply', n: message.n, error: String(error) })
  }
}

process.on('message', (message: ToServer) => {
  if (message.type === 'init') void start(message.config)
  else if (message.type === 'event') state?.takeEvent(message.event)
  else if (message.type === 'topics') state?.takeTopics(message.content, message.only)
  else if (message.type === 'executed') link.executed(message.n, message.answer)
  else if (message.type === 'frozen') frozenSiblings = message.pids
  else void call(message)
})

// The parent is gone: nothing may outlive it, a sibling that is stopped and cannot notice included.
process.on('disconnect', () => {
  for (const pid of frozenSiblings) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Gone already.
    }
  }
  process.exit(0)
})

// Ctrl+C in a terminal reaches the whole process group; the parent decides what ends.
process.on('SIGINT', () => undefined)
