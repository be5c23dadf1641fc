/** The server's side of the IPC channel to its cluster. */
import type { ExecutionAnswer, ExecutionRequest, FromServer, Note } from '../ipc'

export class Link {
  readonly #waiting = new Map<number, (answer: ExecutionAnswer) => void>()
  #notes: Note[] = []
  #asked = 0

  send(message: FromServer): void {
    // The channel closes with the parent; then this process is about to exit anyway.
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
  }

  /** Records what was seen. Batched per turn of the event loop: a fleet makes thousands. */
  note(note: Note): void {
    if (this.#notes.push(note) > 1) return
    setImmediate(() => {
      const notes = this.#notes
      this.#notes = []
      this.send({ type: 'notes', notes })
    })
  }

  /** Asks the cluster's ledger to execute, so that a kill between execution and result loses no record of it. */
  execute(request: ExecutionRequest): Promise<ExecutionAnswer> {
    const n = (this.#asked += 1)
    const answered = new Promise<ExecutionAnswer>((resolve) => this.#waiting.set(n, resolve))
    this.send({ type: 'execute', n, request })
    return answered
  }

  executed(n: number, answer: ExecutionAnswer): void {
    this.#waiting.get(n)?.(answer)
    this.#waiting.delete(n)
  }
}
