/**
 * The Outbox against random servers that execute what they receive, now or later, remember keys or not, ask
 * their memory first or last, and whose links break before or after. What the caller is told must be true.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CommandRequest, CommandSafety, OutboxEffect, OutboxInput } from '../../src/core/command-protocol'
import { OutboxMachine } from '../../src/core/outbox'
import type { ResultFrame } from '../../src/core/wire'

type Step =
  | { readonly do: 'command'; readonly safety: CommandSafety; readonly target: number; readonly forMs: number }
  | { readonly do: 'open'; readonly server: number }
  | { readonly do: 'lose'; readonly which: number; readonly processed: number }
  | { readonly do: 'process'; readonly which: number; readonly count: number }
  | { readonly do: 'answer'; readonly which: number; readonly count: number }
  | { readonly do: 'run'; readonly server: number; readonly running: boolean }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'abort'; readonly command: number }

interface Server {
  readonly keys: string | undefined
  readonly executed: Set<string>
  /** Judges whether it runs before it asks its memory: against the contract, and still no reason to execute twice. */
  readonly isHasty: boolean
  running: boolean
}

interface Link {
  readonly server: Server
  /** Sent, not processed yet. */
  readonly inbox: { readonly id: number; readonly request: CommandRequest; readonly notAfter: number }[]
  /** Answered, not received yet. */
  readonly outbox: ResultFrame[]
}

const CLOCK_OFFSET_MS = 1_000_000

class World {
  readonly machine: OutboxMachine
  readonly requests = new Map<number, CommandRequest>()
  /** How often, and when last. */
  readonly executions = new Map<number, number>()
  /** Executed values of each target, in order. */
  readonly values: { readonly target: string; readonly command: number }[] = []
  readonly endings = new Map<number, Exclude<OutboxEffect, { type: 'send' }>>()
  readonly late: string[] = []
  readonly #servers: Server[]
  readonly #links = new Map<number, Link>()
  readonly #maxLinks: number
  #ids = 0
  #opened = 0
  now = 0

  constructor(memories: readonly (string | undefined)[], maxLinks: number) {
    this.#maxLinks = maxLinks
    this.machine = new OutboxMachine({ maxQueued: 20, maxQueuedBytes: 1e6, sharedKeys: false }, () => (this.#ids += 1))
    const shared = new Map<string, Set<string>>()
    this.#servers = memories.map((keys, index) => {
      const executed = (keys === undefined ? undefined : shared.get(keys)) ?? new Set<string>()
      if (keys !== undefined) shared.set(keys, executed)
      return { keys, executed, isHasty: index % 2 === 0, running: true }
    })
  }

  step(step: Step): void {
    switch (step.do) {
      case 'command':
        return this.#command(step.safety, step.target, step.forMs)
      case 'open':
        return this.open(step.server)
      case 'lose':
        return this.#lose(step.which, step.processed)
      case 'process':
        return this.process(this.#pick(step.which), step.count)
      case 'answer':
        return this.answer(this.#pick(step.which), step.count)
      case 'run':
        return this.#run(step.server, step.running)
      case 'wait':
        return this.wait(step.ms)
      case 'abort':
        this.#input({ type: 'abort', command: step.command, reason: 'mine' })
    }
  }

  open(index: number): void {
    const server = this.#servers[index % this.#servers.length]
    if (server === undefined || this.#links.size >= this.#maxLinks) return
    const link = (this.#opened += 1)
    this.#links.set(link, { server, inbox: [], outbox: [] })
    this.#input({ type: 'clock', link, offsetMs: CLOCK_OFFSET_MS })
    const { keys, running } = server
    this.#input({ type: 'link-open', link, running, ...(keys === undefined ? {} : { keys }) })
  }

  process(number: number | undefined, count: number): void {
    const link = this.#links.get(number ?? -1)
    for (let index = 0; index < count; index += 1) {
      const next = link?.inbox.shift()
      if (link !== undefined && next !== undefined) link.outbox.push(this.#execute(link.server, next))
    }
  }

  answer(number: number | undefined, count: number): void {
    const link = this.#links.get(number ?? -1)
    for (let index = 0; index < count; index += 1) {
      const frame = link?.outbox.shift()
      if (number !== undefined && frame !== undefined)
        this.#input({ type: 'result', link: number, id: frame.id, frame })
    }
  }

  wait(ms: number): void {
    const end = this.now + ms
    while (this.machine.deadline() <= end) {
      this.now = Math.max(this.now, this.machine.deadline())
      this.#input({ type: 'tick' })
    }
    this.now = end
  }

  links(): number[] {
    return [...this.#links.keys()]
  }

  #pick(which: number): number | undefined {
    const links = this.links()
    return links[which % Math.max(1, links.length)]
  }

  #command(safety: CommandSafety, target: number, forMs: number): void {
    const command = this.requests.size + 1
    const facts = { name: 'do', args: null, key: `key${command}`, target: `t${target}`, bytes: 1 }
    const request = { ...facts, command, safety, deadline: this.now + forMs }
    this.requests.set(command, request)
    this.#input({ type: 'command', request })
  }

  #lose(which: number, processed: number): void {
    const link = this.#pick(which)
    if (link === undefined) return
    this.process(link, processed)
    this.#links.delete(link)
    this.#input({ type: 'link-lost', link })
  }

  #run(index: number, running: boolean): void {
    const server = this.#servers[index % this.#servers.length]
    if (server === undefined) return
    server.running = running
    for (const [link, there] of this.#links)
      if (there.server === server) this.#input({ type: 'link-running', link, running })
  }

  #execute(server: Server, { id, request, notAfter }: Link['inbox'][number]): ResultFrame {
    const notRunning = { code: 'not-running', message: '' }
    const refusal: ResultFrame = { type: 'result', id, status: 'rejected', error: notRunning }
    if (server.isHasty && !server.running) return refusal
    if (server.executed.has(request.key)) return { type: 'result', id, status: 'duplicate' }
    if (!server.running) return refusal
    if (this.now + CLOCK_OFFSET_MS > notAfter) return { type: 'result', id, status: 'expired' }
    server.executed.add(request.key)
    this.executions.set(request.command, (this.executions.get(request.command) ?? 0) + 1)
    if (request.safety === 'set') this.values.push({ target: request.target, command: request.command })
    return { type: 'result', id, status: 'done' }
  }

  #input(input: OutboxInput): void {
    for (const effect of this.machine.handle(this.now, input)) {
      if (effect.type !== 'send') {
        if (this.endings.has(effect.command)) throw new Error(`command ${effect.command} ended twice`)
        this.endings.set(effect.command, effect)
        continue
      }
      if (this.now >= effect.request.deadline || this.endings.has(effect.request.command)) {
        this.late.push(`command ${effect.request.command}`)
      }
      const { id, request, notAfter = Number.POSITIVE_INFINITY } = effect
      this.#links.get(effect.link)?.inbox.push({ id, request, notAfter })
    }
  }
}

const which = fc.nat({ max: 2 })
const safety = fc.constantFrom<CommandSafety[]>('read', 'set', 'keyed', 'claim', 'effect')
const steps = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('command' as const),
      safety,
      target: fc.nat({ max: 1 }),
      forMs: fc.constantFrom(500, 5000, 20_000),
    }),
    fc.record({ do: fc.constant('open' as const), server: which }),
    fc.record({ do: fc.constant('lose' as const), which, processed: fc.nat({ max: 3 }) }),
    fc.record({ do: fc.constant('process' as const), which, count: fc.nat({ max: 3 }) }),
    fc.record({ do: fc.constant('answer' as const), which, count: fc.nat({ max: 3 }) }),
    fc.record({ do: fc.constant('run' as const), server: which, running: fc.boolean() }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 1500 }) }),
    fc.record({ do: fc.constant('abort' as const), command: fc.integer({ min: 1, max: 20 }) }),
  ),
  { maxLength: 100, size: 'max' },
)

function played(run: readonly Step[], maxLinks: number): World {
  // Two servers that share a memory, one with its own, one without any.
  const world = new World(['K', 'K', 'L', undefined], maxLinks)
  for (const step of run) world.step(step)
  return world
}

describe('whatever links and servers do', () => {
  it('what the caller is told is true, and unsafe commands are executed once at most', () => {
    fc.assert(
      fc.property(steps, (run) => {
        const world = played(run, 2)
        world.wait(25_000)
        expect(world.machine.size).toBe(0)
        expect(world.machine.deadline()).toBe(Number.POSITIVE_INFINITY)
        expect(world.late).toEqual([])
        for (const [command, request] of world.requests) {
          const count = world.executions.get(command) ?? 0
          const ending = world.endings.get(command)
          if (ending === undefined) throw new Error(`command ${command} never ended`)
          if (request.safety !== 'read' && request.safety !== 'set') expect(count).toBeLessThanOrEqual(1)
          if (ending.type === 'done') expect(count).toBeGreaterThan(0)
          else if (ending.code !== 'OUTCOME_UNKNOWN') expect([ending.code, count]).toEqual([ending.code, 0])
        }
      }),
      { numRuns: 500 },
    )
  })

  it('the newest value of a target comes last, where one link is used at a time', () => {
    fc.assert(
      fc.property(steps, (run) => {
        const world = played(run, 1)
        world.wait(25_000)
        for (const target of ['t0', 't1']) {
          const commands = world.values.filter((value) => value.target === target).map((value) => value.command)
          expect(commands.at(-1) ?? 0).toBe(Math.max(0, ...commands))
        }
      }),
      { numRuns: 500 },
    )
  })
})
