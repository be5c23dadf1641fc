/** The server's side of the IPC channel to its cluster, and the clock of its process: what the server runs on. */
import type { Cancel, ServerHost } from '../../server/host'
import type { ExecutionAnswer, ExecutionRequest, Note } from '../../server/server-types'
import type { FromServer } from '../ipc'

export class Link implements ServerHost {
  readonly identity = { pid: process.pid }
  readonly #waiting = new Map<number, (answer: ExecutionAnswer) => void>()
  #notes: Note[] = []
  #asked = 0

  now(): number {
    return performance.now()
  }

  wallClock(): number {
    return Date.now()
  }

  after(delayMs: number, action: () => void): Cancel {
    const timer = setTimeout(action, delayMs)
    return () => clearTimeout(timer)
  }

  send(message: FromServer): void {
    // The channel closes with the parent; then this process is about to exit anyway.
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
  }

  /** Batched per turn of the event loop: a fleet makes thousands. */
  note(note: Note): void {
    if (this.#notes.push(note) > 1) return
    setImmediate(() => {
      const notes = this.#notes
      this.#notes = []
      this.send({ type: 'notes', notes })
    })
  }

  /** The ledger lives in the cluster, so that a kill between execution and result loses no record of it. */
  execute(request: ExecutionRequest, done: (answer: ExecutionAnswer) => void): void {
    const n = (this.#asked += 1)
    this.#waiting.set(n, done)
    this.send({ type: 'execute', n, request })
  }

  executed(n: number, answer: ExecutionAnswer): void {
    this.#waiting.get(n)?.(answer)
    this.#waiting.delete(n)
  }
}
