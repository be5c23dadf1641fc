/** One server process, seen from the cluster. */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { FailoverError } from '../../errors'
import type { CallMessage, CallName, FromServer, ProcessConfig, ServerCalls, ToServer } from './ipc'

/** Processes that must not outlive this one. */
const alive = new Set<ChildProcess>()
let isHooked = false

const MAX_STDERR = 8192

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** What is run. */
export interface ServerProgram {
  readonly file: string
  /** What comes before its command line, and becomes it. */
  readonly within: readonly string[]
}

export interface ProcessEvents {
  readonly message: (message: FromServer, process: ServerProcess) => void
  readonly gone: (process: ServerProcess, isExpected: boolean) => void
}

export class ServerProcess {
  readonly incarnation: number
  readonly name: string
  readonly gone: Promise<void>
  readonly #child: ChildProcess
  readonly #calls = new Map<number, Waiting>()
  readonly #listening: Promise<void>
  #settleListening: Waiting | undefined
  #stderr = ''
  #isGone = false
  #isExpected = false
  #isFrozen = false
  #wake: (() => void)[] = []
  #called = 0

  constructor({ file, within }: ServerProgram, config: ProcessConfig, incarnation: number, events: ProcessEvents) {
    this.name = config.name
    this.incarnation = incarnation
    // Options of the parent (a debugger's port, a loader) are not the servers'.
    const { NODE_OPTIONS: _ignored, ...env } = process.env
    const [execPath = process.execPath, ...execArgv] = [...within, process.execPath]
    this.#child = fork(file, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execPath, execArgv, env })
    // One listener for each delayed command: many at once are no leak.
    this.#child.setMaxListeners(0)
    hookExit()
    alive.add(this.#child)
    this.#listening = new Promise((resolve, reject) => (this.#settleListening = { resolve, reject }))
    // Whoever starts it awaits it; a kill before that is no unhandled rejection.
    this.#listening.catch(() => undefined)
    this.#child.stderr?.setEncoding('utf8')
    this.#child.stderr?.on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-MAX_STDERR)))
    this.#child.on('message', (message: FromServer) => this.#take(message, events))
    this.#child.on('error', (error) => this.#settleListening?.reject(error))
    this.gone = new Promise((resolve) => {
      this.#child.once('exit', () => {
        this.#exited()
        events.gone(this, this.#isExpected)
        resolve()
      })
    })
    this.post({ type: 'init', config })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get isAlive(): boolean {
    return !this.#isGone && !this.#isExpected
  }

  get isFrozen(): boolean {
    return this.#isFrozen && !this.#isGone
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Resolves when it listens. */
  async listening(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      const error = new FailoverError('CONNECT_TIMEOUT', `${this.name} did not listen within ${timeoutMs} ms`, {
        server: this.name,
      })
      timer = setTimeout(() => reject(error), timeoutMs)
    })
    try {
      await Promise.race([this.#listening, late])
    } finally {
      clearTimeout(timer)
    }
  }

  post(message: ToServer): void {
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  /** Gives an order; resolves when it was carried out. A frozen server does it later: that is not waited for. */
  call<Name extends CallName>(name: Name, args: ServerCalls[Name]): Promise<void> {
    const n = (this.#called += 1)
    const done = new Promise<void>((resolve, reject) => this.#calls.set(n, { resolve, reject }))
    this.post({ type: 'call', n, name, args } as CallMessage)
    if (!this.#isFrozen) return done
    done.catch(() => undefined)
    return Promise.resolve()
  }

  freeze(): void {
    this.#isFrozen = true
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#isFrozen = false
    this.#child.kill('SIGCONT')
    this.#wakeAll()
  }

  /** Calls back when the process can run: at once, or when it is thawed or gone. */
  whenAwake(action: () => void): void {
    if (this.isFrozen) this.#wake.push(action)
    else action()
  }

  /** Calls back when the process is gone. */
  whenGone(action: () => void): () => void {
    this.#child.once('exit', action)
    return () => void this.#child.off('exit', action)
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#isExpected = true
    this.#child.kill('SIGKILL')
    await this.gone
  }

  #take(message: FromServer, events: ProcessEvents): void {
    if (message.type === 'listening') this.#settleListening?.resolve()
    else if (message.type === 'failed') {
      const { code, message: why } = message
      this.#settleListening?.reject(Object.assign(new Error(`${this.name} cannot listen: ${why}`), { code }))
    } else if (message.type === 'reply') {
      const waiting = this.#calls.get(message.n)
      this.#calls.delete(message.n)
      if (message.error === undefined) waiting?.resolve()
      else waiting?.reject(new Error(`${this.name}: ${message.error}`))
    } else {
      events.message(message, this)
    }
  }

  #exited(): void {
    this.#isGone = true
    alive.delete(this.#child)
    this.#wakeAll()
    this.#settleListening?.reject(new Error(`${this.name} ended before it listened\n${this.#stderr}`))
    // An order to a process that died is moot, not wrong.
    for (const { resolve } of this.#calls.values()) resolve()
    this.#calls.clear()
  }

  #wakeAll(): void {
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }
}

/** A stopped process cannot notice that its parent ended; so the parent takes all of them along. */
function hookExit(): void {
  if (isHooked) return
  isHooked = true
  process.on('exit', () => {
    for (const child of alive) child.kill('SIGKILL')
  })
}
