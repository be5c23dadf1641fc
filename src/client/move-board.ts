/** Calls of `switchover()` and `failback()` that wait for their report. */
import { FailoverError } from '../errors'
import type { MoveReport } from './reports'

interface Call {
  readonly resolve: (report: MoveReport) => void
  readonly reject: (error: unknown) => void
  move?: number
}

export class MoveBoard {
  readonly #calls = new Map<number, Call>()
  #lastCall = 0

  open(ask: (call: number) => void): Promise<MoveReport> {
    this.#lastCall += 1
    const call = this.#lastCall
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject })
      ask(call)
    })
  }

  accept(call: number, move: number): void {
    const waiting = this.#calls.get(call)
    if (waiting !== undefined) waiting.move = move
  }

  refuse(call: number, message: string): void {
    this.#calls.get(call)?.reject(new FailoverError('MOVE_FAILED', message))
    this.#calls.delete(call)
  }

  /** @param report nothing when the new side broke and the client is back where it was. */
  done(move: number, report: MoveReport | undefined): void {
    for (const [call, waiting] of this.#calls) {
      if (waiting.move !== move) continue
      if (report !== undefined) waiting.resolve(report)
      else waiting.reject(new FailoverError('MOVE_FAILED', 'the new side failed: the client is back where it was'))
      this.#calls.delete(call)
    }
  }

  close(): void {
    for (const waiting of this.#calls.values())
      waiting.reject(new FailoverError('CLIENT_CLOSED', 'the client was closed'))
    this.#calls.clear()
  }
}
