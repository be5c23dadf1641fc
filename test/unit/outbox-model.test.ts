/**
 * The Outbox against a model of its queue, command by command: one link at a time, whose server keeps its memory. What
 * random servers may do to it is in `outbox-properties.test.ts`; here its books are checked after every step.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CommandRequest, OutboxEffect, OutboxInput } from '../../src/core/command-protocol'
import { NOT_RUNNING_RETRY_MS, OutboxMachine } from '../../src/core/outbox'
import type { ResultFrame } from '../../src/core/wire'

const LIMITS = { maxQueued: 3, maxQueuedBytes: 100, sharedKeys: false }

interface Open {
  readonly request: CommandRequest
  /** Sent on the link of now and not answered: its id there. */
  onWire: number | undefined
  /** Lost once without an answer: it may have been executed. */
  doubted: boolean
}

class Model {
  now = 0
  commands = 0
  link: { readonly id: number; running: boolean; restsUntil: number } | undefined
  links = 0
  /** Ids of this link that were answered. */
  answered: number[] = []
  readonly open = new Map<number, Open>()

  get waiting(): Open[] {
    return [...this.open.values()].filter(({ onWire }) => onWire === undefined)
  }

  get canSend(): boolean {
    return this.link !== undefined && this.link.running && this.link.restsUntil <= this.now
  }

  get deadline(): number {
    const deadlines = [...this.open.values()].map(({ request }) => request.deadline)
    const rests = this.waiting.length > 0 && this.link?.running === true && this.link.restsUntil > this.now
    return Math.min(Infinity, ...deadlines, ...(rests ? [this.link?.restsUntil ?? Infinity] : []))
  }
}

class Real {
  #ids = 0
  readonly machine = new OutboxMachine(LIMITS, () => (this.#ids += 1))
}

type Step = fc.Command<Model, Real>

/** Feeds one input and compares: what the model says must leave leaves, in order, and each ending is one of these. */
function feed(model: Model, real: Real, input: OutboxInput, endings: readonly string[]): void {
  const effects = real.machine.handle(model.now, input)
  const ended = effects.flatMap((effect) => (effect.type === 'send' ? [] : [inWords(effect)]))
  expect([...ended].sort()).toEqual([...endings].sort())
  for (const effect of effects) if (effect.type !== 'send') model.open.delete(effect.command)
  const due = model.canSend ? model.waiting : []
  const sent = effects.flatMap((effect) => (effect.type === 'send' ? [effect] : []))
  expect(sent.map(({ request }) => request.command)).toEqual(due.map(({ request }) => request.command))
  for (const { request, id, link } of sent) {
    expect(link).toBe(model.link?.id)
    Object.assign(model.open.get(request.command) ?? {}, { onWire: id })
  }
  expect(real.machine.size).toBe(model.open.size)
  expect(real.machine.deadline()).toBe(model.deadline)
}

function inWords(effect: Exclude<OutboxEffect, { type: 'send' }>): string {
  return `${effect.command} ${effect.type === 'done' ? 'done' : effect.code}`
}

/** How a command ends that nobody waits for any longer. */
function stopped({ request, onWire, doubted }: Open, unsent: string): string {
  return `${request.command} ${onWire !== undefined || doubted ? 'OUTCOME_UNKNOWN' : unsent}`
}

const always = (): boolean => true
const hasLink = (model: Readonly<Model>): boolean => model.link !== undefined

function submit(safety: CommandRequest['safety'], bytes: number, forMs: number): Step {
  return {
    check: always,
    run(model, real) {
      const command = (model.commands += 1)
      // Targets of their own: how sets follow each other is the other file's matter.
      const names = { name: 'do', args: null, key: `k${command}`, target: `t${command}` }
      const request: CommandRequest = { ...names, command, safety, bytes, deadline: model.now + forMs }
      const count = model.waiting.length + 1
      const size = model.waiting.reduce((sum, one) => sum + one.request.bytes, bytes)
      const hasRoom = model.canSend || (count <= LIMITS.maxQueued && size <= LIMITS.maxQueuedBytes)
      const refusal = forMs === 0 ? 'COMMAND_EXPIRED' : hasRoom ? undefined : 'BUFFER_FULL'
      if (refusal === undefined) model.open.set(command, { request, onWire: undefined, doubted: false })
      feed(model, real, { type: 'command', request }, refusal === undefined ? [] : [`${command} ${refusal}`])
    },
    toString: () => `submit ${safety} of ${bytes} bytes for ${forMs} ms`,
  }
}

function open(running: boolean): Step {
  return {
    check: (model) => model.link === undefined,
    run(model, real) {
      model.link = { id: (model.links += 1), running, restsUntil: 0 }
      model.answered = []
      feed(model, real, { type: 'link-open', link: model.link.id, keys: 'K', running }, [])
    },
    toString: () => `open a link (${running ? 'running' : 'stopped'})`,
  }
}

const lose: Step = {
  check: hasLink,
  run(model, real) {
    const link = model.link?.id ?? 0
    model.link = undefined
    for (const one of model.open.values()) {
      if (one.onWire !== undefined) Object.assign(one, { onWire: undefined, doubted: true })
    }
    feed(model, real, { type: 'link-lost', link }, [])
  },
  toString: () => 'lose the link',
}

function turn(running: boolean): Step {
  return {
    check: hasLink,
    run(model, real) {
      if (model.link === undefined) return
      Object.assign(model.link, { running, restsUntil: model.now })
      feed(model, real, { type: 'link-running', link: model.link.id, running }, [])
    },
    toString: () => (running ? 'start the UCC' : 'stop the UCC'),
  }
}

type Answer = Pick<ResultFrame, 'status' | 'error'>
const ANSWERS: readonly Answer[] = [
  { status: 'done' },
  { status: 'duplicate' },
  { status: 'rejected', error: { code: 'busy', message: 'later' } },
  { status: 'rejected', error: { code: 'not-running', message: '' } },
  { status: 'expired' },
]

/** The oldest on the wire is answered. */
function answer(given: Answer): Step {
  return {
    check: (model) => [...model.open.values()].some(({ onWire }) => onWire !== undefined),
    run(model, real) {
      const one = [...model.open.values()].find(({ onWire }) => onWire !== undefined)
      if (one?.onWire === undefined || model.link === undefined) return
      const frame: ResultFrame = { type: 'result', id: one.onWire, ...given }
      const input = { type: 'result', link: model.link.id, id: one.onWire, frame } as const
      const { command } = one.request
      model.answered.push(one.onWire)
      const isPostponed = given.error?.code === 'not-running'
      if (isPostponed) {
        one.onWire = undefined
        model.link.restsUntil = model.now + NOT_RUNNING_RETRY_MS
      }
      const late = one.doubted ? 'OUTCOME_UNKNOWN' : 'COMMAND_EXPIRED'
      const endings = { done: 'done', duplicate: 'done', rejected: 'COMMAND_REJECTED', expired: late }
      feed(model, real, input, isPostponed ? [] : [`${command} ${endings[given.status]}`])
    },
    toString: () => `answer ${given.error?.code ?? given.status}`,
  }
}

/** What was answered once is answered again: the second word says nothing, whatever became of the command. */
function answerAgain(which: number): Step {
  return {
    check: (model) => model.link !== undefined && model.answered.length > 0,
    run(model, real) {
      const id = model.answered[which % model.answered.length] ?? 0
      const frame: ResultFrame = { type: 'result', id, status: 'done' }
      feed(model, real, { type: 'result', link: model.link?.id ?? 0, id, frame }, [])
    },
    toString: () => `answer the ${which}th again`,
  }
}

function abort(which: number): Step {
  return {
    check: (model) => model.open.size > 0,
    run(model, real) {
      const one = [...model.open.values()][which % model.open.size]
      if (one === undefined) return
      const { command } = one.request
      feed(model, real, { type: 'abort', command, reason: 'mine' }, [stopped(one, 'COMMAND_EXPIRED')])
    },
    toString: () => `abort the ${which}th`,
  }
}

function wait(ms: number): Step {
  return {
    check: always,
    run(model, real) {
      const end = model.now + ms
      for (let at = model.deadline; at <= end; at = model.deadline) {
        model.now = Math.max(model.now, at)
        const over = [...model.open.values()].filter(({ request }) => request.deadline <= model.now)
        feed(
          model,
          real,
          { type: 'tick' },
          over.map((one) => stopped(one, 'COMMAND_EXPIRED')),
        )
      }
      model.now = end
    },
    toString: () => `wait ${ms} ms`,
  }
}

describe('the command queue', () => {
  it('is its model: bounded, in order, each command ended once, nothing late', () => {
    const safety = fc.constantFrom<CommandRequest['safety'][]>('read', 'set', 'keyed', 'claim', 'effect')
    const steps = fc.commands(
      [
        fc.tuple(safety, fc.constantFrom(1, 40, 101), fc.constantFrom(0, 300, 5000)).map((all) => submit(...all)),
        fc.boolean().map(open),
        fc.constant(lose),
        fc.boolean().map(turn),
        fc.constantFrom(...ANSWERS).map(answer),
        fc.nat({ max: 5 }).map(answerAgain),
        fc.nat({ max: 5 }).map(abort),
        fc.constantFrom(1, 100, 250, 4000).map(wait),
      ],
      { maxCommands: 60, size: 'max' },
    )
    fc.assert(
      fc.property(steps, (run) => {
        const [model, real] = [new Model(), new Real()]
        fc.modelRun(() => ({ model, real }), run)
        const left = [...model.open.values()].map((one) => stopped(one, 'CLIENT_CLOSED'))
        model.link = undefined
        feed(model, real, { type: 'close' }, left)
        expect(real.machine.deadline()).toBe(Infinity)
      }),
      { numRuns: 500 },
    )
  })
})
