/** The dedicated hostname in DNS. */
import { areSiblings } from '../../../client/urls'
import type { DnsFacts, Facts, NameAnswer, ResolverFacts } from '../facts'
import type { Finding } from './finding'
import { bodyOf, impact, isBalanced, isUsable, listed } from './view'

/** "As short as possible" (the guide): nobody needs longer, and no name server minds this. */
const SHORT_TTL_SECONDS = 30
/** Longer than anybody waits in front of a dead screen. */
const LONG_TTL_SECONDS = 300

export function checkDns(facts: Facts): Finding[] {
  const { dns, question } = facts
  if (dns === undefined) {
    return [{ code: 'DNS_HOSTNAME_IS_ADDRESS', level: 'hint', seen: `${question.name} is an address, not a name.` }]
  }
  return [
    ...resolversThatFail(dns, facts),
    ...nameThatLeadsNowhere(dns, facts),
    ...zoneServers(dns),
    ...disagreement(dns),
    ...ttl(dns, facts),
    ...severalAddresses(dns, facts),
    ...foreignTarget(dns, facts),
    ...pointsAtPassive(facts),
    ...localOverride(dns, facts),
  ]
}

function answersOf({ resolvers }: DnsFacts, role?: ResolverFacts['role']): NameAnswer[] {
  return resolvers.flatMap(({ answer, role: own }) =>
    answer.kind === 'answer' && (role === undefined || own === role) ? [answer] : [],
  )
}

function resolversThatFail(dns: DnsFacts, facts: Facts): Finding[] {
  const zoneAnswers = answersOf(dns, 'zone').length > 0
  return dns.resolvers.flatMap(({ server, role, answer }): Finding[] => {
    // Of the zone's own servers one may be away; all of them is another finding.
    if (answer.kind === 'answer' || (role === 'zone' && !zoneAnswers)) return []
    const level = role === 'zone' ? 'hint' : impact(facts)
    const whose = role === 'zone' ? 'The zone’s name server' : 'The name server'
    return [{ code: 'DNS_RESOLVER_FAILS', level, subject: server, seen: `${whose} ${server} ${failed(answer.code)}.` }]
  })
}

function failed(code: string): string {
  if (code === 'ETIMEOUT') return 'does not answer'
  if (code === 'ECONNREFUSED') return 'is not there (connection refused)'
  return `answers ${code.replace(/^E/, '')}`
}

function nameThatLeadsNowhere(dns: DnsFacts, facts: Facts): Finding[] {
  const answers = answersOf(dns)
  if (answers.length === 0 && dns.resolvers.length > 0) return []
  if (dns.system.length > 0 || answers.some(({ addresses }) => addresses.length > 0)) return []
  const { name } = facts.question
  const aliases = answers.find((one) => one.aliases.length > 0)?.aliases
  if (aliases === undefined) {
    return [{ code: 'DNS_NO_ADDRESS', level: impact(facts), subject: name, seen: `${name} has no address.` }]
  }
  const seen = `${[name, ...aliases].join(' → ')}, which has no address.`
  return [{ code: 'DNS_DANGLING_ALIAS', level: impact(facts), subject: name, seen }]
}

function zoneServers(dns: DnsFacts): Finding[] {
  if (answersOf(dns, 'zone').length > 0 || answersOf(dns, 'configured').length === 0) return []
  const asked = dns.resolvers.filter(({ role }) => role === 'zone').map(({ server }) => server)
  const seen =
    asked.length === 0
      ? 'The zone’s own name servers cannot be found from here.'
      : `The zone’s own name servers (${listed(asked)}) do not answer here.`
  return [{ code: 'DNS_ZONE_SERVERS_UNREACHABLE', level: 'hint', seen }]
}

function disagreement(dns: DnsFacts): Finding[] {
  const said = new Map<string, string[]>()
  for (const { server, role, answer } of dns.resolvers) {
    // A zone's own server need not know what its alias leads to.
    if (answer.kind === 'failure' || (role === 'zone' && answer.addresses.length === 0)) continue
    const what = [...answer.addresses].sort().join(', ') || 'nothing'
    said.set(what, [...(said.get(what) ?? []), role === 'zone' ? `${server} (of the zone)` : server])
  }
  if (said.size < 2) return []
  const seen = [...said].map(([what, servers]) => `${listed(servers)}: ${what}`).join('; ')
  return [{ code: 'DNS_RESOLVERS_DISAGREE', level: 'fragile', seen: `${seen}.` }]
}

/** The longest that anybody may keep the name, as far as can be seen. */
export function ttlOf(dns: DnsFacts): { readonly seconds: number; readonly isAtLeast: boolean } | undefined {
  const timed = (role: ResolverFacts['role']): NameAnswer[] =>
    answersOf(dns, role).filter(({ ttlSeconds }) => ttlSeconds !== undefined)
  // A cache tells what is left of it.
  const ofZone = timed('zone')
  const answers = ofZone.length > 0 ? ofZone : timed('configured')
  const [longest] = [...answers].sort((left, right) => (right.ttlSeconds ?? 0) - (left.ttlSeconds ?? 0))
  if (longest?.ttlSeconds === undefined) return undefined
  const { aliases, ttlSeconds, addressTtlSeconds } = longest
  // An answer tells the lower of alias and address: where that is the address's own, the alias may be kept longer.
  const isAtLeast = ofZone.length === 0 || (aliases.length > 0 && ttlSeconds === addressTtlSeconds)
  return { seconds: ttlSeconds, isAtLeast }
}

function ttl(dns: DnsFacts, facts: Facts): Finding[] {
  const found = ttlOf(dns)
  if (found === undefined || found.seconds <= SHORT_TTL_SECONDS) return []
  const balanced = isBalanced(facts)
  const level = found.seconds > LONG_TTL_SECONDS && !balanced ? 'fragile' : 'hint'
  const seesAtOnce = answersOf(dns, 'zone').length > 0
  const ours = seesAtOnce
    ? 'clients of this library ask the zone’s own name servers and see it at the next question (10 s)'
    : 'clients of this library see it when the TTL is over, as the zone’s own name servers cannot be asked'
  const note = balanced ? ' Behind a load balancer it matters only for a change of datacentre.' : ''
  const seen =
    `The TTL is ${found.isAtLeast ? 'at least ' : ''}${found.seconds} s: plain clients follow a changed record that ` +
    `late, and up to 60 s (Chromium) or 120 s (Firefox) later; ${ours}.${note}`
  return [{ code: 'DNS_TTL_LONG', level, subject: facts.question.name, seen }]
}

function severalAddresses(dns: DnsFacts, facts: Facts): Finding[] {
  const answer = answersOf(dns).find(({ addresses }) => {
    const v6 = addresses.filter((one) => one.includes(':')).length
    return v6 > 1 || addresses.length - v6 > 1
  })
  if (answer === undefined) return []
  const seen = `${facts.question.name} has several addresses: ${listed(answer.addresses)}.`
  return [{ code: 'DNS_SEVERAL_ADDRESSES', level: 'fragile', subject: facts.question.name, seen }]
}

function foreignTarget(dns: DnsFacts, { question }: Facts): Finding[] {
  const known = new Set(question.endpoints.map(({ url }) => new URL(url).hostname))
  const targets = new Set(answersOf(dns).flatMap(({ aliases }) => aliases.slice(-1)))
  return [...targets]
    .filter(
      (target) => !areSiblings(target, question.name) && !known.has(target) && !target.endsWith(`.${question.name}`),
    )
    .map((target) => ({
      code: 'DNS_FOREIGN_TARGET',
      level: 'fragile',
      subject: question.name,
      seen: `${question.name} leads to ${target}, which lies in another domain.`,
    }))
}

function pointsAtPassive(facts: Facts): Finding[] {
  if (!facts.roads.some((road) => isUsable(road, facts))) return []
  return facts.roads.flatMap((road): Finding[] => {
    const body = bodyOf(road)
    if (road.source !== 'hostname' || body === undefined || body.state === 'running') return []
    const seen = `${facts.question.name} leads to ${body.server}, where ${facts.question.ucc} is ${body.state}.`
    return [{ code: 'DNS_POINTS_AT_PASSIVE', level: 'fragile', subject: road.id, seen }]
  })
}

function localOverride(dns: DnsFacts, { question }: Facts): Finding[] {
  const said = new Set(answersOf(dns).flatMap(({ addresses }) => addresses))
  const own = dns.system.filter((address) => !said.has(address))
  if (own.length === 0 || answersOf(dns, 'configured').length === 0) return []
  const seen = `This machine takes ${question.name} for ${listed(own)}, DNS says ${listed([...said])}.`
  return [{ code: 'DNS_LOCAL_OVERRIDE', level: 'hint', subject: question.name, seen }]
}
