/** `dnsResolver`: the dedicated hostname as a source of endpoints, and of the word which one is meant now. */
import { setMaxListeners } from 'node:events'
import { isIP } from 'node:net'
import type { KnownEndpoint, ResolveContext, ResolvedEndpoint, Resolver } from '../platform'
import { designate } from './dns-answer'
import { Lots } from './dns-lots'
import { followName, type NameAnswer, type NameQuery } from './dns-name'
import { checkDnsOptions, type DnsResolverOptions } from './dns-options'
import { Questions, type Service } from './dns-questions'
import { Zones } from './dns-zone'

/** A round of questions that is not over by then has failed. */
const ROUND_MS = 8000
/** SRV records that are not there are not asked for at every poll. */
const NO_SERVICES_MS = 300_000
/** How long those found last hold while nobody answers (RFC 8767). */
const STALE_MS = 86_400_000
const MAX_ADDRESSES = 8

/**
 * Resolves the dedicated hostname itself (Node, Electron main), polls it, and asks again at once when an endpoint is
 * lost. The endpoint the name points at is *designated*: by its CNAME chain where that names an endpoint, else by its
 * addresses; when the word changes, and is the same 2 s later, live connections move there. An answer that fits no
 * known endpoint adds one: the dedicated hostname at that address, its certificate checked against the dedicated
 * hostname. When no name server answers, what was found before holds for 24 h (RFC 8767), with a warning.
 *
 * It is there by default in Node; give it as `resolver` to set its options.
 * @throws FailoverError `INVALID_OPTION`
 */
export function dnsResolver(options: DnsResolverOptions = {}): Resolver {
  return createDnsResolver(options, {})
}

/** What tests set otherwise. */
export interface DnsSurroundings {
  readonly random?: () => number
  readonly now?: () => number
  /** Of the zones' own name servers. */
  readonly zonePort?: number
}

/** {@link dnsResolver} in surroundings of its own. */
export function createDnsResolver(options: DnsResolverOptions, surroundings: DnsSurroundings): Resolver {
  const { random = Math.random, now = () => performance.now(), zonePort } = surroundings
  const checked = checkDnsOptions(options)
  const { servers, timeoutMs, authoritative } = checked
  const configured = { timeoutMs, ...(servers === undefined ? {} : { servers }) }
  const zones = authoritative ? new Zones(configured, now, zonePort) : undefined
  const lots = new Lots(random)
  /** Dedicated hostnames without SRV records, and until when that is believed. */
  const without = new Map<string, number>()
  const services = new ServiceMemory(now)
  return Object.freeze({
    name: servers === undefined ? 'DNS' : `DNS (${servers.join(', ')})`,
    pollMs: checked.pollMs,
    refreshOnTrip: true,
    async resolve(context: ResolveContext) {
      context.signal.throwIfAborted()
      const round = new AbortController()
      // Every question of the round listens to it, and there are many: no leak, as all of them end with the round.
      setMaxListeners(0, round.signal)
      const timer = setTimeout(() => round.abort(), ROUND_MS)
      context.signal.addEventListener('abort', () => round.abort(), { once: true })
      const query = {
        configured,
        ...(zones === undefined ? {} : { zones }),
        family: checked.family,
        signal: round.signal,
      }
      try {
        return await resolveOnce(context, query, {
          lots,
          services: async () => {
            if (!checked.srv || now() < (without.get(context.hostname) ?? 0)) return NO_SERVICES
            const found = await services.refresh(context.hostname, () => askServices(context.hostname, query))
            if (found.records.length === 0) without.set(context.hostname, now() + NO_SERVICES_MS)
            return found
          },
        })
      } finally {
        clearTimeout(timer)
        round.abort()
      }
    },
  })
}

interface Services {
  readonly records: readonly Service[]
  /** `false`: nobody answered, and these were found before. */
  readonly isAnswer: boolean
}

const NO_SERVICES: Services = { records: [], isAnswer: true }

interface Round {
  readonly lots: Lots
  readonly services: () => Promise<Services>
}

/** A question that is lost says nothing: whoever was offered before is still offered. */
class ServiceMemory {
  readonly #found = new Map<string, { readonly records: readonly Service[]; readonly at: number }>()

  constructor(private readonly now: () => number) {}

  async refresh(hostname: string, ask: () => Promise<readonly Service[]>): Promise<Services> {
    try {
      const records = await ask()
      this.#found.set(hostname, { records, at: this.now() })
      return { records, isAnswer: true }
    } catch (error) {
      const known = this.#found.get(hostname)
      if (known === undefined || this.now() - known.at > STALE_MS) throw error
      return { records: known.records, isAnswer: false }
    }
  }
}

async function resolveOnce(
  { hostname, url, endpoints }: ResolveContext,
  query: NameQuery,
  { lots, services }: Round,
): Promise<readonly ResolvedEndpoint[]> {
  if (isIP(hostname) !== 0) throw new Error(`${hostname} is an address: there is nothing to resolve`)
  const [chain, found] = await Promise.allSettled([followName(hostname, query), services()])
  const { records, isAnswer } = found.status === 'fulfilled' ? found.value : NO_SERVICES
  const offered = offers(records, url, lots)
  if (chain.status === 'rejected') {
    if (offered.length > 0 && isAnswer) return offered
    throw new Error(`${hostname}: ${reasonOf(chain.reason)}`, { cause: chain.reason })
  }
  const isNews = (one: KnownEndpoint): boolean => !endpoints.some(({ url: known }) => known === one.url)
  const known = [...endpoints, ...offered.filter(isNews)]
  const pointed = await designate(pointingOf(chain.value, lots), url, known, (name) => addressesOf(name, query))
  const answer = merge(offered, pointed)
  if (answer.length === 0) throw new Error(`${hostname} leads to ${chain.value.aliases.at(-1)}, which has no address`)
  return answer
}

/** Several addresses in this client's own order, whatever the order of the answer. */
function pointingOf(
  { aliases, addresses }: NameAnswer,
  lots: Lots,
): { aliases: readonly string[]; addresses: string[] } {
  const all = addresses.map(({ address }) => address).sort((a, b) => lots.of(a) - lots.of(b))
  return { aliases, addresses: all.slice(0, MAX_ADDRESSES) }
}

/** Nothing for a name nobody resolves: another endpoint may still be the one. */
async function addressesOf(name: string, query: NameQuery): Promise<readonly string[]> {
  if (isIP(name) !== 0) return [name]
  try {
    return (await followName(name, query)).addresses.map(({ address }) => address)
  } catch {
    return []
  }
}

async function askServices(hostname: string, { configured, zones, signal }: NameQuery): Promise<readonly Service[]> {
  const name = `_failover._tcp.${hostname}`
  const own = (await zones?.serversOf(hostname, signal)) ?? []
  if (own.length === 0) return new Questions(configured, signal).services(name)
  try {
    return await new Questions({ ...configured, servers: own }, signal).services(name)
  } catch {
    return new Questions(configured, signal).services(name)
  }
}

/** Lower priority first; among equals by this client's lots. Scheme and base path are those of the hostname. */
function offers(services: readonly Service[], url: string, lots: Lots): ResolvedEndpoint[] {
  const lot = ({ name, port, weight }: Service): number => lots.of(`${name}:${port}`, weight)
  const sorted = [...services].sort((a, b) => a.priority - b.priority || lot(a) - lot(b))
  return sorted.map(({ name, port }, rank) => {
    const target = new URL(url)
    target.hostname = name
    target.port = String(port)
    return { url: target.href.replace(/\/+$/, ''), rank }
  })
}

/** Each endpoint once. */
function merge(offered: readonly ResolvedEndpoint[], pointed: readonly ResolvedEndpoint[]): ResolvedEndpoint[] {
  const isPointed = (one: ResolvedEndpoint): boolean => pointed.some(({ url, address }) => url === one.url && !address)
  const marked = offered.map((one) => (isPointed(one) ? { ...one, designated: true } : one))
  return [...marked, ...pointed.filter((one) => !marked.some(({ url }) => url === one.url && !one.address))]
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
