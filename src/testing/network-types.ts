/** What is between devices and servers: links, addresses and names. */

/** How long a packet takes, one way. A number is constant; `min`/`max` uniform; `median`/`p99` log-normal. */
export type Latency =
  number | { readonly min: number; readonly max: number } | { readonly median: number; readonly p99: number }

/** What a link is like. Members left out keep their value. */
export interface LinkQuality {
  /** One way. @default { min: 1, max: 5 } */
  readonly latencyMs?: Latency
  /**
   * Probability that a packet is lost, 0 to 1. TCP sends it again after 200 ms, 400 ms, …: loss is delay, also for what
   * was sent behind it on the same connection. @default 0
   */
  readonly loss?: number
}

/** `up`: from device to server. */
export type LinkDirection = 'up' | 'down' | 'both'

/**
 * What is wrong with a link.
 *
 * - `partition`: packets vanish, both ways; connections go silent and recover when it ends.
 * - `lost-up`, `lost-down`: packets vanish one way only.
 * - `black-hole`: packets that open a connection vanish; open connections go on.
 * - `refused`: new connections are refused (a firewall that rejects); open ones go on.
 * - `accept-and-hang`: new connections are accepted by something that never answers; open ones go on.
 * - `unreachable`: new connections fail at once (no route to host).
 * - `certificate`: new connections end in a bad certificate.
 */
export type LinkFault =
  'partition' | 'lost-up' | 'lost-down' | 'black-hole' | 'refused' | 'accept-and-hang' | 'unreachable' | 'certificate'

/** The links between a device (or all) and a server (or all). */
export interface SimulatedLinks {
  /** Changes latency and loss, one way or both. */
  quality(change: LinkQuality, direction?: LinkDirection): void
  /** Breaks them. A link has one fault at a time. */
  break(fault: LinkFault): void
  /** Ends the fault. What was sent meanwhile arrives at TCP's next try. */
  heal(): void
  /** Breaks every open connection with RST. */
  reset(): void
  /** A NAT forgets its connections: they stay half-open, silent both ways for ever. New ones work. */
  forget(): void
}

/** Packets between devices and servers. */
export interface SimulatedNetwork {
  /** The links of one device, of one server, of one pair, or all. New devices inherit what was set for all. */
  links(where?: { readonly device?: string; readonly server?: string }): SimulatedLinks
  /** Ends every fault and brings every link back to the world's quality. */
  heal(): void
  /** Open TCP connections, half-open ones included. */
  readonly openConnections: number
  /** An address in front of the servers (load balancer, VIP): new connections go where it points, open ones stay. */
  vip(name: string, server: string): SimulatedVip
}

/** An address that somebody points at one server or another. */
export interface SimulatedVip {
  /** Base URL of its name. */
  readonly url: string
  /** IPv4 address. */
  readonly address: string
  /** New connections go to this server. */
  point(server: string): void
}

/** How asking for a name goes wrong. `rotate`: the answers of all servers in turn. */
export type DnsFault = 'nxdomain' | 'timeout' | 'servfail' | 'stale' | 'rotate'

/** The names of the world. The dedicated hostname is a CNAME to one server. */
export interface SimulatedDns {
  /** Points a name at a server. Caches keep their answer for the TTL it came with. */
  point(name: string, server: string, options?: { readonly ttlMs?: number }): void
  /** From now on asking for this name (default: any) goes wrong; `stale`: caches answer for ever. */
  break(fault: DnsFault, name?: string): void
  /** Ends the fault. */
  heal(name?: string): void
  /** Where a name points, to ask by hand. */
  address(name: string): string | undefined
}
