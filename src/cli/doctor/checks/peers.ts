/** What the servers say of each other. */
import { acceptLearnedUrl, normaliseBase } from '../../../client/urls'
import type { Facts } from '../facts'
import type { Finding } from './finding'
import { bodyOf, listed, serversOf, type ServerView } from './view'

export function checkPeers(facts: Facts): Finding[] {
  const servers = serversOf(facts)
  const naming = servers.filter(({ body }) => body.peers !== undefined)
  if (naming.length === 0) return []
  return [...differing(servers), ...missing(servers, naming), ...refused(naming, facts), ...misnamed(naming, facts)]
}

function differing(servers: readonly ServerView[]): Finding[] {
  const said = new Map<string, string[]>()
  for (const { name, body } of servers) {
    const peers = body.peers?.map(({ server, url }) => `${server} (${url})`).join(', ') ?? 'no peers'
    said.set(peers, [...(said.get(peers) ?? []), name])
  }
  if (said.size < 2) return []
  const seen = [...said].map(([peers, names]) => `${listed(names)}: ${peers}`).join('; ')
  return [{ code: 'PEERS_DIFFER', level: 'fragile', seen: `${seen}.` }]
}

function missing(servers: readonly ServerView[], naming: readonly ServerView[]): Finding[] {
  return servers.flatMap(({ name }): Finding[] => {
    const silent = naming.filter(({ body }) => body.peers?.every(({ server }) => server !== name))
    if (silent.length === 0) return []
    const seen = `${name} is not among the peers that ${listed(silent.map((one) => one.name))} announces.`
    return [{ code: 'PEERS_MISS_SERVER', level: 'fragile', subject: name, seen }]
  })
}

function refused(naming: readonly ServerView[], { question }: Facts): Finding[] {
  const hostname = normaliseBase(question.url)
  if (!hostname.ok) return []
  const rules = { hostname: hostname.base, allowedHosts: [], configured: question.endpoints.map(({ url }) => url) }
  const urls = [...new Set(naming.flatMap(({ body }) => (body.peers ?? []).map(({ url }) => url)))]
  return urls.flatMap((url): Finding[] => {
    const result = acceptLearnedUrl(url, rules)
    if (result.ok) return []
    const why = { foreign: 'is no sibling of', downgrade: 'is http, unlike', malformed: 'is no URL, unlike' }[
      result.reason
    ]
    return [{ code: 'PEERS_REFUSED', level: 'fragile', subject: url, seen: `The peer ${url} ${why} ${question.url}.` }]
  })
}

function misnamed(naming: readonly ServerView[], { roads }: Facts): Finding[] {
  const peers = naming.flatMap(({ body }) => body.peers ?? [])
  return roads.flatMap((road): Finding[] => {
    const own = bodyOf(road)?.server
    const wrong = peers.find(({ url, server }) => url === road.url && server !== own)
    if (own === undefined || wrong === undefined) return []
    const seen = `The peer ${wrong.server} is announced at ${road.url}, where ${own} answers.`
    return [{ code: 'PEER_MISNAMED', level: 'fragile', subject: road.id, seen }]
  })
}
