/** One process of a simulated server: it can hang, and it can be killed at any moment. */
import type { Cancel, ServerHost } from './server/host'
import { ServerFaults } from './server/faults'
import { ServerState } from './server/server-state'
import type { ExecutionAnswer, ExecutionRequest, Note, ServerConfig } from './server/server-types'
import type { End } from './tcp'
import type { Timeline } from './timeline'

/** What outlives the process. */
export interface ProcessSurroundings {
  readonly timeline: Timeline
  /** On the clock of its machine. */
  wallClock(): number
  note(note: Note, process: ServerProcess): void
  execute(request: ExecutionRequest, process: ServerProcess, done: (answer: ExecutionAnswer) => void): void
}

export class ServerProcess implements ServerHost {
  readonly identity = {}
  readonly incarnation: number
  readonly state: ServerState
  readonly faults: ServerFaults
  readonly ends = new Set<End>()
  readonly #around: ProcessSurroundings
  #isAlive = true
  #isHung = false
  #missed: (() => void)[] = []
  #whenAwake: (() => void)[] = []
  readonly #whenGone = new Set<() => void>()

  constructor(config: ServerConfig, incarnation: number, around: ProcessSurroundings) {
    this.incarnation = incarnation
    this.#around = around
    this.state = new ServerState(config, this)
    this.faults = new ServerFaults(this.state, () => {
      for (const stream of this.state.plainStreams) stream.end()
    })
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get isHung(): boolean {
    return this.#isHung
  }

  /** Its code runs: now, when it hangs no more, or never; always behind what was missed. */
  run(action: () => void): void {
    if (!this.#isAlive) return
    if (!this.#isHung && this.#missed.length === 0) return action()
    this.#missed.push(action)
    if (!this.#isHung) this.#catchUp()
  }

  hang(): void {
    this.#isHung = true
  }

  unhang(): void {
    this.#isHung = false
    for (let turn = this.#missed.length; turn > 0; turn -= 1) this.#catchUp()
    this.#wake()
  }

  /** `isMachine`: the machine is gone with it, and resets nothing. */
  kill(isMachine: boolean): void {
    this.#isAlive = false
    for (const end of this.ends) {
      if (isMachine) end.vanish()
      else end.abort()
    }
    this.ends.clear()
    this.#missed = []
    this.#wake()
    for (const action of [...this.#whenGone]) action()
  }

  whenAwake(action: () => void): void {
    if (this.#isHung && this.#isAlive) this.#whenAwake.push(action)
    else action()
  }

  whenGone(action: () => void): Cancel {
    this.#whenGone.add(action)
    return () => void this.#whenGone.delete(action)
  }

  now(): number {
    return this.#around.timeline.now
  }

  wallClock(): number {
    return this.#around.wallClock()
  }

  after(delayMs: number, action: () => void): Cancel {
    let isOver = false
    const cancel = this.#around.timeline.after(delayMs, () =>
      this.run(() => {
        if (!isOver) action()
      }),
    )
    return () => {
      isOver = true
      cancel()
    }
  }

  note(note: Note): void {
    this.#around.note(note, this)
  }

  execute(request: ExecutionRequest, done: (answer: ExecutionAnswer) => void): void {
    this.#around.execute(request, this, (answer) => this.run(() => done(answer)))
  }

  #catchUp(): void {
    this.#around.timeline.after(0, () => {
      if (!this.#isHung) this.#missed.shift()?.()
    })
  }

  #wake(): void {
    const waiting = this.#whenAwake
    this.#whenAwake = []
    for (const action of waiting) action()
  }
}
