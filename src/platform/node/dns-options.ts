/** The options of `dnsResolver`, checked when it is made. */
import { Resolver as DnsClient } from 'node:dns'
import { FailoverError } from '../../errors'

/** Options of `dnsResolver`. */
export interface DnsResolverOptions {
  /**
   * Name servers to ask: IP addresses, with a port where it is not 53. Default: those of the system, as they are at
   * each question.
   */
  readonly servers?: readonly string[]
  /**
   * Ask the name servers of the dedicated hostname's own zone where they can be reached from here: they know of a
   * changed record at once, whatever its TTL.
   * @default true
   */
  readonly authoritative?: boolean
  /**
   * Ask for `_failover._tcp` of the dedicated hostname, too: its targets become endpoints, ranked by priority and
   * weight.
   * @default true
   */
  readonly srv?: boolean
  /**
   * The preferred family of addresses; a name without such an address is used by its others.
   * @default 4
   */
  readonly family?: 4 | 6
  /**
   * Milliseconds one name server has for one question.
   * @default 1000
   */
  readonly timeoutMs?: number
  /**
   * Milliseconds between two questions, ±10 %.
   * @default 10000
   */
  readonly pollMs?: number
}

/** Options that are right. */
export type CheckedDnsOptions = Required<Omit<DnsResolverOptions, 'servers'>> & Pick<DnsResolverOptions, 'servers'>

const DEFAULTS = { authoritative: true, srv: true, family: 4, timeoutMs: 1000, pollMs: 10_000 } as const
/** @throws FailoverError `INVALID_OPTION`, naming the option. */
export function checkDnsOptions(options: DnsResolverOptions): CheckedDnsOptions {
  if (Object.prototype.toString.call(options) !== '[object Object]') refuse('options', 'must be an object')
  const unknown = Object.keys(options).find((name) => name !== 'servers' && !(name in DEFAULTS))
  if (unknown !== undefined) {
    refuse(unknown, `is not an option; known are servers, ${Object.keys(DEFAULTS).join(', ')}`)
  }
  const { servers } = options
  const authoritative = options.authoritative ?? DEFAULTS.authoritative
  const srv = options.srv ?? DEFAULTS.srv
  const family = options.family ?? DEFAULTS.family
  const timeoutMs = options.timeoutMs ?? DEFAULTS.timeoutMs
  const pollMs = options.pollMs ?? DEFAULTS.pollMs
  for (const [name, value] of Object.entries({ authoritative, srv })) {
    if (typeof value !== 'boolean') refuse(name, 'must be true or false')
  }
  if (family !== 4 && family !== 6) refuse('family', 'must be 4 or 6')
  checkMs('timeoutMs', timeoutMs, 50)
  checkMs('pollMs', pollMs, 1000)
  if (servers !== undefined) checkServers(servers)
  return { authoritative, srv, family, timeoutMs, pollMs, ...(servers === undefined ? {} : { servers: [...servers] }) }
}

function checkMs(name: string, value: unknown, min: number): void {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > 86_400_000) {
    refuse(name, `must be milliseconds, at least ${min}`)
  }
}

function checkServers(servers: unknown): void {
  const right = 'must be a list of IP addresses, such as ["10.0.0.53", "[fd00::53]:5353"]'
  if (!Array.isArray(servers) || servers.length === 0) refuse('servers', right)
  try {
    new DnsClient().setServers(servers as string[])
  } catch {
    refuse('servers', right)
  }
}

function refuse(field: string, right: string): never {
  throw new FailoverError('INVALID_OPTION', `${field} ${right}`, { field })
}
