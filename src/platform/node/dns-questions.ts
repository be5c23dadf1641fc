/**
 * Questions to name servers over `node:dns` (c-ares), which has all that is needed but two things: the TTL of a CNAME
 * (an address comes with the lower of both), and whether an answer was authoritative. Instead of reading that bit, the
 * zone's own name servers are asked directly (`dns-zone.ts`): no packet library, no codec.
 */
import { lookup, Resolver as DnsClient } from 'node:dns/promises'

/** An address, and for how many seconds it may be cached, where that is known. */
export interface NameAddress {
  readonly address: string
  readonly ttlSeconds?: number
}

/** One target of an SRV record set. */
export interface Service {
  readonly name: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** Name servers, and how long one question to one of them may take. */
export interface NameServers {
  /** `10.0.0.53`, `10.0.0.53:5353`, `[fd00::53]:5353`. Nothing: those of the system. */
  readonly servers?: readonly string[]
  readonly timeoutMs: number
}

/** "No such name" and "no such record" are answers; everything else is a failure to answer. */
const NOTHING_THERE: ReadonlySet<string> = new Set(['ENODATA', 'ENOTFOUND'])

/** The questions of one round. All of them end when the signal is aborted. */
export class Questions {
  readonly #resolver: DnsClient

  constructor(
    { servers, timeoutMs }: NameServers,
    private readonly signal: AbortSignal,
  ) {
    this.#resolver = new DnsClient({ timeout: timeoutMs, tries: 1 })
    if (servers !== undefined) this.#resolver.setServers(servers)
    signal.addEventListener('abort', () => this.#resolver.cancel(), { once: true })
  }

  /** `cancel` ends what is under way; nothing is to begin after it. */
  get #client(): DnsClient {
    this.signal.throwIfAborted()
    return this.#resolver
  }

  /** What the name is an alias of. */
  async alias(name: string): Promise<string | undefined> {
    const [target] = await orNothing(this.#client.resolveCname(name))
    return target === undefined ? undefined : normalise(target)
  }

  async addresses(name: string, family: 4 | 6): Promise<readonly NameAddress[]> {
    const answer =
      family === 4 ? this.#client.resolve4(name, { ttl: true }) : this.#client.resolve6(name, { ttl: true })
    return (await orNothing(answer)).map(({ address, ttl }) => ({ address, ttlSeconds: ttl }))
  }

  async services(name: string): Promise<readonly Service[]> {
    const records = await orNothing(this.#client.resolveSrv(name))
    // A lone "." says that the service is not offered (RFC 2782).
    return records.flatMap((one) => {
      const target = normalise(one.name)
      return target === '' ? [] : [{ name: target, port: one.port, priority: one.priority, weight: one.weight }]
    })
  }

  async nameServers(zone: string): Promise<readonly string[]> {
    return (await orNothing(this.#client.resolveNs(zone))).map(normalise)
  }

  /** The zone's primary, by its SOA record. */
  async primary(zone: string): Promise<string | undefined> {
    try {
      return normalise((await this.#client.resolveSoa(zone)).nsname)
    } catch {
      return undefined
    }
  }
}

/** What the system says without DNS of its own knowing: hosts files, search domains. Nothing when it knows nothing. */
export async function systemAddresses(name: string): Promise<readonly NameAddress[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => ({ address }))
  } catch {
    return []
  }
}

/** Those of the preferred family, else those of the other one: a name with both is one road, not two. */
export async function eitherFamily(
  questions: Pick<Questions, 'addresses'>,
  name: string,
  family: 4 | 6,
): Promise<readonly NameAddress[]> {
  const preferred = await questions.addresses(name, family)
  return preferred.length > 0 ? preferred : questions.addresses(name, family === 4 ? 6 : 4)
}

async function orNothing<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer
  } catch (error) {
    if (NOTHING_THERE.has(String((error as NodeJS.ErrnoException).code))) return []
    throw error
  }
}

function normalise(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
