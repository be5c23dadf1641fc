/** All that can be seen by one road: TCP, TLS, readiness, what a page would get, WebSocket, the UCC's port. */
import { randomBytes } from 'node:crypto'
import { SUBPROTOCOL } from '../../../core/wire'
import type { Place, Question, RoadFacts, RoadSource } from '../facts'
import { gatherHttp } from './http'
import { gatherTcp } from './tcp'
import { gatherTls } from './tls'

/** A road to look at. No address: its name has none. */
export interface Road extends Place {
  readonly source: RoadSource
  /** Not for DNS to say: part of its name. */
  readonly isPinned: boolean
}

/** Nothing could be seen of it in time. */
export function silentRoad({ url, address, source, isPinned }: Road): RoadFacts {
  const id = isPinned && address !== undefined ? `${url} at ${address}` : url
  const code = address === undefined ? 'ENOTFOUND' : 'ETIMEDOUT'
  return { id, url, source, ...(address === undefined ? {} : { address }), tcp: { kind: 'failure', code } }
}

export async function gatherRoad(road: Road, question: Question): Promise<RoadFacts> {
  const { url, address } = road
  const { hostname, port: givenPort, protocol } = new URL(url)
  const name = hostname.replace(/^\[|\]$/g, '')
  if (address === undefined) return silentRoad(road)
  const isSecure = protocol === 'https:'
  const port = givenPort === '' ? (isSecure ? 443 : 80) : Number(givenPort)
  const [tcp, uccPort] = await Promise.all([
    gatherTcp(address, port),
    question.uccPort === undefined ? undefined : gatherTcp(address, question.uccPort),
  ])
  const seen = { ...silentRoad(road), tcp, ...(uccPort === undefined ? {} : { uccPort }) }
  if (tcp.kind === 'failure') return seen
  const tls = isSecure ? await gatherTls({ address, port, name, hostname: question.name }) : undefined
  if (tls?.kind === 'failure') return { ...seen, tls }
  const [ready, again, upgrade, page] = await Promise.all([
    gatherHttp({ url: readyUrl(url, question), address }),
    gatherHttp({ url: readyUrl(url, question), address }),
    gatherHttp({ url: `${url}/failover/stream`, address, headers: handshake(question.origin) }),
    gatherPage(url, address, question),
  ])
  return {
    ...seen,
    ...(tls === undefined ? {} : { tls }),
    ready,
    again,
    upgrade,
    ...(page === undefined ? {} : { page }),
  }
}

function readyUrl(url: string, { ucc }: Question): string {
  return `${url}/failover/ready?ucc=${encodeURIComponent(ucc)}`
}

/** Ended as soon as it is answered; no `hello`, so no token. */
function handshake(origin: string | undefined): Readonly<Record<string, string>> {
  return {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    'sec-websocket-protocol': SUBPROTOCOL,
    ...(origin === undefined ? {} : { origin }),
  }
}

async function gatherPage(url: string, address: string, question: Question): Promise<RoadFacts['page']> {
  const { origin } = question
  if (origin === undefined) return undefined
  const [actual, preflight] = await Promise.all([
    gatherHttp({ url: readyUrl(url, question), address, headers: { origin } }),
    gatherHttp({
      url: `${url}/failover/command`,
      address,
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,idempotency-key',
        'access-control-request-private-network': 'true',
      },
    }),
  ])
  return { actual, preflight }
}
