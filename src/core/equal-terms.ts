/**
 * Two servers run a UCC under one term. They share the sequence spaces of its topics (a hot pair on one log), or each
 * believes to be the active one. Nobody moves for it; a person must be told of the second kind.
 */
import type { Endpoint } from './endpoint'
import type { Judge } from './judge'

interface Space {
  readonly epoch: string
  readonly term: number | undefined
}

/** Topics are named by the application, servers from outside: neither may fill the memory. */
const MAX_TOPICS = 64
const MAX_SERVERS = 16

export class EqualTerms {
  /** By UCC, topic and server: the epoch it gave, and the term it had then. */
  readonly #uccs = new Map<string | undefined, Map<string, Map<string, Space>>>()

  constructor(private readonly judge: Judge) {}

  hear(ucc: string | undefined, topic: string, server: string, epoch: string): void {
    const topics = entry(this.#uccs, ucc, () => new Map<string, Map<string, Space>>())
    if (!topics.has(topic) && topics.size >= MAX_TOPICS) return
    const spaces = entry(topics, topic, () => new Map<string, Space>())
    if (!spaces.has(server) && spaces.size >= MAX_SERVERS) return
    spaces.set(server, { epoch, term: this.judge.book.word(server, ucc)?.term })
    this.check(ucc)
  }

  /** To be called when anything was said of this UCC. */
  check(ucc: string | undefined): void {
    const topics = this.#uccs.get(ucc)
    if (topics === undefined) return
    const running = this.judge.roster.present().filter((endpoint) => this.#runs(endpoint, ucc))
    for (const [index, one] of running.entries()) {
      for (const other of running.slice(index + 1)) {
        const term = this.judge.word(one, ucc)?.term
        if (one.server === other.server || term !== this.judge.word(other, ucc)?.term) continue
        const topic = [...topics].find(([, spaces]) => differ(spaces, one, other, term))?.[0]
        if (topic !== undefined) this.#warn(one, other, term, topic)
      }
    }
  }

  #runs(endpoint: Endpoint, ucc: string | undefined): boolean {
    const word = this.judge.word(endpoint, ucc)
    const isUp = endpoint.liveness.is === 'up' && endpoint.breaker.state.is === 'closed'
    return isUp && word?.state === 'running' && word.term !== undefined
  }

  #warn(one: Endpoint, other: Endpoint, term: number | undefined, topic: string): void {
    const sentence = `${one.server} and ${other.server} both run the UCC with term ${term}, and differ in ${topic}.`
    this.judge.warnOnce('EQUAL_TERMS', sentence, other.id)
  }
}

/** Only what was heard under today's term counts: another life of the UCC may lie in another space. */
function differ(spaces: Map<string, Space>, one: Endpoint, other: Endpoint, term: number | undefined): boolean {
  const [a, b] = [spaces.get(one.server ?? ''), spaces.get(other.server ?? '')]
  return a !== undefined && b !== undefined && a.term === term && b.term === term && a.epoch !== b.epoch
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make()
  map.set(key, value)
  return value
}
