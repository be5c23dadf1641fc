/** What each name server says of the dedicated hostname: those this machine asks, and the zone's own. */
import { getServers } from 'node:dns'
import { eitherFamily, Questions, systemAddresses, type NameAddress } from '../../../platform/node/dns-questions'
import { Zones } from '../../../platform/node/dns-zone'
import type { DnsFacts, Failure, NameAnswer, Question, ResolverFacts } from '../facts'
import { within } from './within'

const QUESTION_MS = 1000
/** Of one name server, for the whole chain. */
const SERVER_MS = 3000
const MAX_SERVERS = 6
const MAX_ALIASES = 8

export async function gatherDns({ name, dnsServers }: Question, signal: AbortSignal): Promise<DnsFacts> {
  const configured = (dnsServers ?? getServers()).slice(0, MAX_SERVERS)
  const zones = new Zones({ servers: configured, timeoutMs: QUESTION_MS }, () => performance.now())
  const ask = (server: string, role: ResolverFacts['role']): Promise<ResolverFacts> =>
    askServer(server, role, name, signal)
  const [asked, ofZone, system, services] = await Promise.all([
    Promise.all(configured.map((server) => ask(server, 'configured'))),
    within(SERVER_MS, zones.serversOf(name, signal), []).then((servers) =>
      Promise.all(servers.map((server) => ask(server, 'zone'))),
    ),
    // With name servers given on the command line, this machine's own view is nobody's question.
    dnsServers === undefined ? addressesHere(name) : [],
    servicesOf(name, configured, signal),
  ])
  return { resolvers: [...asked, ...ofZone], system, services }
}

/** Where a name leads from here: as this machine has it, or as the given name servers do. */
export async function resolveHere(name: string, { dnsServers }: Question, signal: AbortSignal): Promise<string[]> {
  if (dnsServers === undefined) return addressesHere(name)
  const questions = new Questions({ servers: dnsServers, timeoutMs: QUESTION_MS }, signal)
  const found = await within(SERVER_MS, eitherFamily(questions, name, 4), [])
  return found.map(({ address }) => address)
}

/** `getaddrinfo` gives up on silent name servers after 10 s or more. */
async function addressesHere(name: string): Promise<string[]> {
  const found = await within(SERVER_MS, systemAddresses(name), [])
  return [...new Set(found.map(({ address }) => address))]
}

async function servicesOf(name: string, servers: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const questions = new Questions({ servers, timeoutMs: QUESTION_MS }, signal)
  const found = await within(SERVER_MS, questions.services(`_failover._tcp.${name}`), [])
  return found.map(({ name: target, port }) => `${target}:${port}`)
}

async function askServer(
  server: string,
  role: ResolverFacts['role'],
  name: string,
  signal: AbortSignal,
): Promise<ResolverFacts> {
  const questions = new Questions({ servers: [server], timeoutMs: QUESTION_MS }, signal)
  const silent: Failure = { kind: 'failure', code: 'ETIMEOUT' }
  const answer = within<NameAnswer | Failure>(
    SERVER_MS,
    follow(questions, name, role).catch((error: NodeJS.ErrnoException) => ({
      kind: 'failure',
      code: error.code ?? 'EUNKNOWN',
    })),
    silent,
  )
  return { server: server.replace(/:53$/, '').replace(/^\[(.*)\]$/, '$1'), role, answer: await answer }
}

async function follow(questions: Questions, name: string, role: ResolverFacts['role']): Promise<NameAnswer> {
  const aliases: string[] = []
  let end = name
  for (;;) {
    const next = await questions.alias(end).catch((error: unknown) => {
      // A zone's own server knows nothing of what its alias leads to elsewhere.
      if (aliases.length > 0 && role === 'zone') return undefined
      throw error
    })
    if (next === undefined || next === name || aliases.includes(next) || aliases.length >= MAX_ALIASES) break
    aliases.push(next)
    end = next
  }
  const tolerant = role === 'zone' && aliases.length > 0
  const all = await bothFamilies(questions, name, tolerant)
  const last = aliases.length === 0 ? [] : await bothFamilies(questions, end, tolerant)
  return {
    kind: 'answer',
    aliases,
    addresses: all.map(({ address }) => address),
    ...ttl('ttlSeconds', all),
    ...ttl('addressTtlSeconds', last),
  }
}

async function bothFamilies(questions: Questions, name: string, tolerant: boolean): Promise<NameAddress[]> {
  try {
    const found = await Promise.all([questions.addresses(name, 4), questions.addresses(name, 6)])
    return found.flat()
  } catch (error) {
    if (tolerant) return []
    throw error
  }
}

function ttl<Name extends string>(name: Name, addresses: readonly NameAddress[]): { readonly [N in Name]?: number } {
  const known = addresses.flatMap(({ ttlSeconds }) => (ttlSeconds === undefined ? [] : [ttlSeconds]))
  return (known.length === 0 ? {} : { [name]: Math.min(...known) }) as { readonly [N in Name]?: number }
}
