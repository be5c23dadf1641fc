/** The command ledger: what was executed, where, when, and how often. It survives every kill. */
import type { Cancel, ServerHost } from './host'
import type { ExecutionAnswer, ExecutionRequest } from './server-types'

/** One line of the ledger. */
export interface LedgerEntry {
  /** A command of the contract, or a POST to `/api/ucc/NAME/actions`. */
  readonly kind: 'command' | 'http'
  /** Server that executed or refused it. */
  readonly server: string
  /** UCC it was for. */
  readonly ucc: string
  /** Idempotency key; HTTP requests may have none. */
  readonly key: string | undefined
  /** Name of the command; `action` for HTTP. */
  readonly name: string
  /** `args` of the command; the body (text) of the HTTP request. */
  readonly args: unknown
  /** `client.id` of a command. */
  readonly client: string | undefined
  /** When it was executed, refused or found to be a duplicate (Unix milliseconds). */
  readonly at: number
  /** Its deadline on the server's clock, where it had one. */
  readonly notAfter: number | undefined
  /** Only `executed` had an effect. */
  readonly status: 'executed' | 'duplicate' | 'expired' | 'rejected'
  /** The memory of keys that was asked. */
  readonly memory: string
}

/** A broken promise: executed twice by servers that share a memory of keys, or after `notAfter`. */
export interface LedgerViolation {
  /** The promise that was broken. */
  readonly rule: 'executed-twice' | 'executed-late'
  /** Idempotency key concerned. */
  readonly key: string
  /** The executions that break it. */
  readonly entries: readonly LedgerEntry[]
}

/** What a test may ask of the ledger. All lists are copies. */
export interface CommandLedger {
  /** Every entry, oldest first. */
  all(): readonly LedgerEntry[]
  /** Executions of one key: one entry at most, unless something is wrong or memories are not shared. */
  executions(key: string): readonly LedgerEntry[]
  /** How many commands have reached a server and are neither answered nor given up by it. */
  underWay(): number
  /** Keys that were executed more than once, by whichever servers. */
  repeated(): readonly string[]
  /** Executions that the contract forbids. Empty, or the servers are at fault. */
  violations(): readonly LedgerViolation[]
  /** What `set` commands have stored, by target, all memories together (the last execution wins). */
  values(): ReadonlyMap<string, unknown>
  /** Forgets all entries (not the keys executed). */
  clear(): void
}

/** Executed keys of one server or of all. */
export class Memory {
  readonly id: string
  readonly keys = new Map<string, Execution>()

  constructor(id: string) {
    this.id = id
  }
}

/** One execution under way or over, for the repeats that wait for its answer. */
class Execution {
  #isOver = false
  /** Undefined when it has never begun. */
  #answer: ExecutionAnswer | undefined
  #waiting: ((answer: ExecutionAnswer | undefined) => void)[] = []

  whenOver(then: (answer: ExecutionAnswer | undefined) => void): void {
    if (this.#isOver) then(this.#answer)
    else this.#waiting.push(then)
  }

  end(answer: ExecutionAnswer | undefined): void {
    this.#isOver = true
    this.#answer = answer
    const waiting = this.#waiting
    this.#waiting = []
    for (const then of waiting) then(answer)
  }
}

export interface Effect {
  readonly answer: ExecutionAnswer
  readonly afterMs: number
}

/** What the ledger needs to know of the server that asks. */
export interface Executor {
  readonly server: string
  readonly memory: Memory
  /** The server's own clock: deadlines are on it. */
  wallClock(): number
  /** False once that process is gone: what it had not begun it never will. */
  isAlive(): boolean
  /** Calls back when that process is gone. */
  whenGone(action: () => void): Cancel
  /** Calls back when that process can run: at once, or when it is not frozen any more, or gone. */
  whenAwake(action: () => void): void
  effect(request: ExecutionRequest): Effect
}

type Answered = (answer: ExecutionAnswer) => void

export class Ledger implements CommandLedger {
  beforeMs = 0
  afterMs = 0
  readonly #after: ServerHost['after']
  readonly #stored = new Map<string, unknown>()
  #entries: LedgerEntry[] = []
  #underWay = 0

  constructor(after: ServerHost['after']) {
    this.#after = after
  }

  all(): readonly LedgerEntry[] {
    return [...this.#entries]
  }

  executions(key: string): readonly LedgerEntry[] {
    return this.#entries.filter((entry) => entry.key === key && entry.status === 'executed')
  }

  underWay(): number {
    return this.#underWay
  }

  repeated(): readonly string[] {
    return [...this.#executedByKey()].filter(([, entries]) => entries.length > 1).map(([key]) => key)
  }

  violations(): readonly LedgerViolation[] {
    const violations: LedgerViolation[] = []
    for (const [key, entries] of this.#executedByKey()) {
      const memories = new Set(entries.map((entry) => entry.memory))
      for (const memory of memories) {
        const group = entries.filter((entry) => entry.memory === memory)
        if (group.length > 1) violations.push({ rule: 'executed-twice', key, entries: group })
      }
      const late = entries.filter((entry) => entry.notAfter !== undefined && entry.at > entry.notAfter)
      if (late.length > 0) violations.push({ rule: 'executed-late', key, entries: late })
    }
    return violations
  }

  values(): ReadonlyMap<string, unknown> {
    return new Map(this.#stored)
  }

  clear(): void {
    this.#entries = []
  }

  store(target: string, value: unknown): void {
    this.#stored.set(target, value)
  }

  /**
   * Executes once per key and memory; a repeat hears the first answer, when that is there. The memory is asked before
   * anything else is judged: a refusal says that the command certainly was not executed.
   */
  execute(executor: Executor, request: ExecutionRequest, done: Answered): void {
    this.#underWay += 1
    this.#begin(executor, request, (answer) => {
      this.#underWay -= 1
      done(answer)
    })
  }

  #begin(executor: Executor, request: ExecutionRequest, done: Answered): void {
    const { key, refusal } = request
    const { keys } = executor.memory
    const known = key === undefined ? undefined : keys.get(key)
    if (known !== undefined) {
      known.whenOver((answer) => {
        if (answer === undefined) return this.#begin(executor, request, done)
        this.#record(executor, request, 'duplicate')
        done({ ...answer, status: 'duplicate' })
      })
      return
    }
    if (refusal !== undefined) {
      this.#record(executor, request, 'rejected')
      return done({ status: 'rejected', error: refusal })
    }
    const execution = new Execution()
    if (key !== undefined) keys.set(key, execution)
    this.#run(executor, request, (answer) => {
      // Only what was executed is remembered: a refusal had no effect and may be tried again.
      const isExecuted = answer.status === 'done'
      if (!isExecuted && key !== undefined) keys.delete(key)
      execution.end(isExecuted ? answer : undefined)
      done(answer)
    })
  }

  #run(executor: Executor, request: ExecutionRequest, done: Answered): void {
    this.#pause(executor, this.beforeMs, () => {
      executor.whenAwake(() => {
        if (!executor.isAlive()) {
          return done({ status: 'rejected', error: { code: 'gone', message: 'that server is gone' } })
        }
        // Judged at the last moment: a server that was frozen must not execute late.
        if (request.notAfter !== undefined && executor.wallClock() > request.notAfter) {
          this.#record(executor, request, 'expired')
          return done({ status: 'expired' })
        }
        const { answer, afterMs } = executor.effect(request)
        this.#record(executor, request, answer.status === 'done' ? 'executed' : 'rejected')
        this.#pause(executor, afterMs + this.afterMs, () => done(answer))
      })
    })
  }

  /** What a dead server was at has ended with it: nobody is left who could still be at it. */
  #pause(executor: Executor, delayMs: number, then: () => void): void {
    if (delayMs <= 0) return then()
    const proceed = (): void => {
      stopTimer()
      stopWatching()
      then()
    }
    const stopTimer = this.#after(delayMs, proceed)
    const stopWatching = executor.whenGone(proceed)
  }

  #record(executor: Executor, request: ExecutionRequest, status: LedgerEntry['status']): void {
    const { kind, ucc, key, name, args, client, notAfter } = request
    const { server, memory } = executor
    const at = executor.wallClock()
    this.#entries.push({ kind, server, ucc, key, name, args, client, at, notAfter, status, memory: memory.id })
  }

  #executedByKey(): Map<string, LedgerEntry[]> {
    const byKey = new Map<string, LedgerEntry[]>()
    for (const entry of this.#entries) {
      if (entry.status !== 'executed' || entry.key === undefined) continue
      const group = byKey.get(entry.key)
      if (group === undefined) byKey.set(entry.key, [entry])
      else group.push(entry)
    }
    return byKey
  }
}
