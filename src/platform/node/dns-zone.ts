/**
 * Finds the name servers of the zone a name lies in. They know of a changed record at once; anybody else may go on
 * with what is in a cache until its TTL is over.
 */
import { eitherFamily, Questions, type NameServers } from './dns-questions'

/** Zones move seldom. */
const KEPT_MS = 300_000
/** A zone whose servers cannot be asked from here (a firewall, mostly) is not tried at every poll. */
const AVOIDED_MS = 60_000
const MAX_SERVERS = 4
const MAX_NAMES = 64
/** The port of all name servers; a test's are elsewhere. */
const DNS_PORT = 53

interface Found {
  /** None: not to be found, or not to be asked for a while. */
  readonly servers: readonly string[]
  readonly until: number
}

export class Zones {
  /** By the name that was asked for. */
  readonly #found = new Map<string, Found>()
  /** By zone, for as long as there is nothing better. */
  readonly #known = new Map<string, readonly string[]>()

  constructor(
    private readonly configured: NameServers,
    private readonly now: () => number,
    private readonly port: number = DNS_PORT,
  ) {}

  /** Servers of the zone of this name, the primary first. None where they are unknown or could not be asked lately. */
  async serversOf(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const known = this.#found.get(name)
    if (known !== undefined && this.now() < known.until) return known.servers
    try {
      const servers = await this.#find(name, signal)
      this.#keep(name, servers, KEPT_MS)
      return servers
    } catch {
      // The configured servers do not answer: the zone's own may, wherever they were.
      const servers = known?.servers ?? this.#nearest(name)
      this.#keep(name, servers, AVOIDED_MS)
      return servers
    }
  }

  /** They did not answer. */
  avoid(name: string): void {
    this.#keep(name, [], AVOIDED_MS)
  }

  #nearest(name: string): readonly string[] {
    const zones = [...this.#known].filter(([zone]) => name === zone || name.endsWith(`.${zone}`))
    return zones.sort(([left], [right]) => right.length - left.length)[0]?.[1] ?? []
  }

  #keep(name: string, servers: readonly string[], forMs: number): void {
    // Aliases come from outside.
    if (this.#found.size >= MAX_NAMES) this.#found.clear()
    this.#found.set(name, { servers, until: this.now() + forMs })
  }

  async #find(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const questions = new Questions(this.configured, signal)
    // An alias is no zone, and a question for its name servers would be answered for what it is an alias of.
    const isAlias = (await questions.alias(name)) !== undefined
    const labels = name.split('.')
    // Not the top-level domain's: they would only point back here.
    for (let first = isAlias ? 1 : 0; first <= Math.max(0, labels.length - 2); first += 1) {
      const zone = labels.slice(first).join('.')
      const names = await questions.nameServers(zone)
      if (names.length === 0) continue
      const servers = await this.#addresses(questions, await primaryFirst(questions, zone, names))
      if (this.#known.size >= MAX_NAMES) this.#known.clear()
      this.#known.set(zone, servers)
      return servers
    }
    return []
  }

  async #addresses(questions: Questions, names: readonly string[]): Promise<readonly string[]> {
    const found = await Promise.all(names.slice(0, MAX_SERVERS).map((name) => eitherFamily(questions, name, 4)))
    const addresses = found.flatMap((addresses) => addresses.slice(0, 1).map(({ address }) => address))
    return addresses.map((address) => `${address.includes(':') ? `[${address}]` : address}:${this.port}`)
  }
}

/** A change is made at the primary; the others have it a little later. */
async function primaryFirst(questions: Questions, zone: string, names: readonly string[]): Promise<readonly string[]> {
  const primary = await questions.primary(zone)
  return primary === undefined || !names.includes(primary)
    ? names
    : [primary, ...names.filter((one) => one !== primary)]
}
