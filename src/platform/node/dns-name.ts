/** Where a name leads: its chain of aliases and the addresses at its end, from whoever knows best. */
import { eitherFamily, Questions, systemAddresses, type NameAddress, type NameServers } from './dns-questions'
import type { Zones } from './dns-zone'

/** Who answered, in the order of trust: the zone's own name servers, configured ones (perhaps a cache), the system. */
export type NameSource = 'zone' | 'configured' | 'system'

export interface NameAnswer {
  /** What it is an alias of, and what that is an alias of, and so on. */
  readonly aliases: readonly string[]
  /** Of one family. */
  readonly addresses: readonly NameAddress[]
  /** The least of those who were needed for the chain. */
  readonly source: NameSource
}

/** How a name is asked for. */
export interface NameQuery {
  readonly configured: NameServers
  /** None: only the configured servers are asked. */
  readonly zones?: Zones
  readonly family: 4 | 6
  readonly signal: AbortSignal
}

/** Longer chains are a circle, or nobody's intention. */
const MAX_ALIASES = 8

/**
 * Follows a name to its end.
 * @throws Error with code `ENOTFOUND` when there is nothing at its end, else with that of the servers that failed.
 */
export async function followName(name: string, query: NameQuery): Promise<NameAnswer> {
  const chain = new Chain(query)
  let failure: unknown
  try {
    const answer = await chain.follow(name)
    if (answer.addresses.length > 0 || answer.aliases.length > 0) return answer
  } catch (error) {
    if (query.signal.aborted) throw error
    failure = error
  }
  const addresses = await systemAddresses(name)
  if (addresses.length > 0) return { aliases: [], addresses, source: 'system' }
  if (failure instanceof Error) throw failure
  throw Object.assign(new Error(`${name} does not exist, or has no address`), { code: 'ENOTFOUND' })
}

class Chain {
  readonly #configured: Questions
  #source: NameSource

  constructor(private readonly query: NameQuery) {
    this.#configured = new Questions(query.configured, query.signal)
    this.#source = query.zones === undefined ? 'configured' : 'zone'
  }

  async follow(name: string): Promise<NameAnswer> {
    const aliases: string[] = []
    let end = name
    try {
      for (;;) {
        const at = end
        const next = await this.#ask(at, (questions) => questions.alias(at))
        if (next === undefined || next === name || aliases.includes(next) || aliases.length >= MAX_ALIASES) break
        aliases.push(next)
        end = next
      }
      const addresses = await this.#ask(end, (questions) => eitherFamily(questions, end, this.query.family))
      return { aliases, addresses, source: this.#source }
    } catch (error) {
      // The aliases so far may say enough: they name a server that is known.
      if (aliases.length === 0 || this.query.signal.aborted) throw error
      return { aliases, addresses: [], source: this.#source }
    }
  }

  /** The zone's own servers, else the configured ones. */
  async #ask<T>(name: string, question: (questions: Questions) => Promise<T>): Promise<T> {
    const { zones, signal, configured } = this.query
    const servers = (await zones?.serversOf(name, signal)) ?? []
    if (servers.length > 0) {
      try {
        return await question(new Questions({ ...configured, servers }, signal))
      } catch (error) {
        if (signal.aborted) throw error
        zones?.avoid(name)
      }
    }
    this.#source = 'configured'
    return question(this.#configured)
  }
}
