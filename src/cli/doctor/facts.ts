/**
 * What the doctor saw. Data only: gathered first (`gather/`), judged afterwards (`checks/`), so that judging needs no
 * network.
 */
import type { ReadinessBody } from '../../core/wire'

/** What was asked for. URLs are normalised base URLs. */
export interface Question {
  /** The dedicated hostname's base URL. */
  readonly url: string
  /** Its host alone. */
  readonly name: string
  readonly ucc: string
  /** The servers, as clients have them configured. */
  readonly endpoints: readonly Place[]
  /** TCP port of the UCC's trusted application, as a load balancer checks it. */
  readonly uccPort?: number
  /** Origin of the page that uses the servers. */
  readonly origin?: string
  /** Name servers to ask in place of the system's. */
  readonly dnsServers?: readonly string[]
}

/** One base URL, and the address it is dialled at where that is not for DNS to say. */
export interface Place {
  readonly url: string
  readonly address?: string
}

/** Everything that was seen in one run. */
export interface Facts {
  readonly question: Question
  /** Unix milliseconds. */
  readonly at: number
  /** None where the hostname is an address. */
  readonly dns?: DnsFacts
  readonly roads: readonly RoadFacts[]
}

/** What DNS says of the dedicated hostname. */
export interface DnsFacts {
  readonly resolvers: readonly ResolverFacts[]
  /** What this machine's own look-up says: hosts files and search domains included. */
  readonly system: readonly string[]
  /** Targets of `_failover._tcp`. */
  readonly services: readonly string[]
}

/** What one name server said. */
export interface ResolverFacts {
  /** `10.0.0.53` */
  readonly server: string
  /** `zone`: one of the zone's own, which knows of a change at once. `configured`: whom this machine asks. */
  readonly role: 'configured' | 'zone'
  readonly answer: NameAnswer | Failure
}

export interface NameAnswer {
  readonly kind: 'answer'
  readonly aliases: readonly string[]
  /** None: there is nothing at the end. */
  readonly addresses: readonly string[]
  /** For how long this answer may be kept: the lowest TTL of the chain. */
  readonly ttlSeconds?: number
  /** TTL of the address at the end of the chain, asked for by itself. */
  readonly addressTtlSeconds?: number
}

export interface Failure {
  readonly kind: 'failure'
  /** Such as `ETIMEOUT`. */
  readonly code: string
}

/** Why a road is looked at. */
export type RoadSource = 'hostname' | 'endpoint' | 'peer' | 'srv'

/** One way to a server: a base URL at one address. */
export interface RoadFacts {
  /** For people: the URL, and the address where that was not for DNS to say. */
  readonly id: string
  readonly url: string
  readonly source: RoadSource
  /** Dialled. None: the name has none. */
  readonly address?: string
  readonly tcp: TcpFacts
  /** None over plain http, or without TCP. */
  readonly tls?: TlsFacts | Failure
  /** None without TCP and TLS. */
  readonly ready?: HttpFacts | Failure
  /** The same once more: does the same server answer? */
  readonly again?: HttpFacts | Failure
  /** With `--origin`: the same question as a page asks it, and the preflight of a command. */
  readonly page?: { readonly actual: HttpFacts | Failure; readonly preflight: HttpFacts | Failure }
  /** A WebSocket handshake on the live connection's path. */
  readonly upgrade?: HttpFacts | Failure
  /** With `--ucc-port`. */
  readonly uccPort?: TcpFacts
}

export type TcpFacts = { readonly kind: 'open'; readonly tookMs: number } | Failure

export interface TlsFacts {
  readonly kind: 'tls'
  /** `TLSv1.3` */
  readonly protocol: string
  /** Names in the certificate. */
  readonly names: readonly string[]
  /** Does it hold for the name this road is dialled by? */
  readonly coversRoad: boolean
  /** Does it hold for the dedicated hostname? */
  readonly coversHostname: boolean
  readonly issuer: string
  /** Unix milliseconds. */
  readonly validFrom: number
  readonly validTo: number
  /** Certificates the server sent, its own included. */
  readonly chainLength: number
  /** What is wrong with the chain, dates aside: `UNABLE_TO_VERIFY_LEAF_SIGNATURE`. */
  readonly chainProblem?: string
}

export interface HttpFacts {
  readonly kind: 'http'
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Of the contract, or nothing: somebody else's page. */
  readonly body?: ReadinessBody
  readonly tookMs: number
  /** The server's clock less ours, by the Date header: exact to a second. */
  readonly skewMs?: number
}
