/**
 * A small contact centre that goes on by itself: calls come in, wait, are answered and end. Pure: it turns time and
 * seeded chance into changes to publish; who publishes them is not its business.
 */
import { seededRandom, type Random } from '../../core/random'
import type { PublishInput } from '../../testing/node'

/** Names of the topics, with their kind. */
export const TOPICS = {
  agents: 'ucc/helpdesk/agents',
  queues: 'ucc/helpdesk/queues',
  dialogue: 'ucc/helpdesk/events',
  /** What the agent desktop sets by command. */
  desk: 'ucc/helpdesk/desk',
} as const

export const QUEUES = ['Sales', 'Support', 'Billing'] as const
const AGENTS = ['Aisha', 'Bram', 'Carmen', 'Dmitri', 'Elif', 'Femke'] as const
const MAX_WAITING = 9
/** Shortest stay in a state: a person must be able to read it. */
const STAY_MS = { available: 1500, talking: 5000, 'wrap-up': 2500, break: 4000 } as const

export type QueueName = (typeof QUEUES)[number]
export type AgentState = keyof typeof STAY_MS

/** One row of the wallboard. `since`: Unix milliseconds. */
export interface Agent {
  readonly state: AgentState
  readonly since: number
  readonly call?: number
}

/** One queue on the wallboard. */
export interface QueueFigures {
  readonly waiting: number
  readonly longestMs: number
  readonly answered: number
}

/** One line of the dialogue log. */
export interface DialogueLine {
  readonly call: number
  readonly text: string
}

/** A change to publish. */
export interface Publication {
  readonly topic: string
  readonly change: PublishInput
}

interface Call {
  readonly id: number
  readonly queue: QueueName
  readonly since: number
}

const REMARKS = ['asks for an invoice', 'is on hold', 'spells a name', 'confirms', 'thanks', 'asks to be called back']

export class ContactCentre {
  readonly #random: Random
  readonly #agents = new Map<string, Agent>()
  readonly #answered = new Map<QueueName, number>(QUEUES.map((name) => [name, 0]))
  #waiting: Call[] = []
  #pending: Publication[] = []
  #calls = 1000
  #lines = 0
  #turn = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** The content before the first change: every agent and every queue. */
  start(now: number): readonly Publication[] {
    const agents = AGENTS.map((name, index) =>
      this.#agent(name, { state: index === AGENTS.length - 1 ? 'break' : 'available', since: now }),
    )
    return [...agents, ...QUEUES.map((name) => this.#queue(name, now))]
  }

  /** The next change. */
  next(now: number): Publication {
    const ready = this.#pending.shift()
    if (ready !== undefined) return ready
    this.#turn += 1
    // Half of all changes are queue figures, as on a real wallboard.
    if (this.#turn % 2 === 0) return this.#queue(QUEUES[(this.#turn / 2) % QUEUES.length] ?? 'Sales', now)
    this.#pending = this.#act(now)
    return this.#pending.shift() ?? this.#remark(now)
  }

  #act(now: number): Publication[] {
    const due = [...this.#agents].filter(([, { state, since }]) => now - since >= STAY_MS[state] * (1 + this.#random()))
    const [name, agent] = this.#pick(due) ?? []
    if (name === undefined || agent === undefined) return this.#random() < 0.25 ? this.#arrive(now) : []
    if (agent.state === 'available') return this.#answer(name, now)
    if (agent.state === 'talking') {
      const line = this.#line(agent.call ?? 0, `ended after ${Math.round((now - agent.since) / 1000)} s (${name})`)
      return [this.#agent(name, { state: 'wrap-up', since: now }), line]
    }
    const next = agent.state === 'wrap-up' && this.#random() < 0.2 ? 'break' : 'available'
    return [this.#agent(name, { state: next, since: now })]
  }

  #arrive(now: number): Publication[] {
    if (this.#waiting.length >= MAX_WAITING) return []
    const queue = this.#pick(QUEUES) ?? 'Sales'
    const id = (this.#calls += 1)
    this.#waiting.push({ id, queue, since: now })
    return [this.#line(id, `waits in ${queue}`), this.#queue(queue, now)]
  }

  #answer(name: string, now: number): Publication[] {
    const call = this.#waiting.shift()
    if (call === undefined) return this.#arrive(now)
    this.#answered.set(call.queue, (this.#answered.get(call.queue) ?? 0) + 1)
    return [
      this.#agent(name, { state: 'talking', since: now, call: call.id }),
      this.#line(call.id, `answered by ${name} after ${((now - call.since) / 1000).toFixed(1)} s`),
      this.#queue(call.queue, now),
    ]
  }

  #remark(now: number): Publication {
    const talking = [...this.#agents.values()].flatMap(({ call }) => (call === undefined ? [] : [call]))
    const call = this.#pick(talking)
    return call === undefined ? this.#queue('Support', now) : this.#line(call, this.#pick(REMARKS) ?? 'talks')
  }

  #agent(name: string, agent: Agent): Publication {
    this.#agents.set(name, agent)
    return { topic: TOPICS.agents, change: { key: name, data: agent } }
  }

  #queue(name: QueueName, now: number): Publication {
    const waiting = this.#waiting.filter((call) => call.queue === name)
    const longestMs = Math.max(0, ...waiting.map((call) => now - call.since))
    const figures: QueueFigures = { waiting: waiting.length, longestMs, answered: this.#answered.get(name) ?? 0 }
    return { topic: TOPICS.queues, change: { key: name, data: figures } }
  }

  #line(call: number, text: string): Publication {
    this.#lines += 1
    const line: DialogueLine = { call, text }
    return { topic: TOPICS.dialogue, change: { key: `d${this.#lines}`, data: line } }
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)]
  }
}
