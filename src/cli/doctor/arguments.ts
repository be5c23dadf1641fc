/** The arguments of `doctor`, read and checked. */
import { Resolver } from 'node:dns'
import { normaliseAddress, normaliseBase, type Base } from '../../client/urls'
import type { Place, Question } from './facts'

/** What `doctor` was asked for. */
export interface DoctorArguments {
  readonly question: Question
  /** The report as one JSON object. */
  readonly json: boolean
}

/** As `parseArgs` reads them. */
export interface DoctorValues {
  readonly ucc?: string | undefined
  readonly endpoint?: readonly string[] | undefined
  readonly 'ucc-port'?: string | undefined
  readonly origin?: string | undefined
  readonly dns?: readonly string[] | undefined
  readonly json?: boolean | undefined
}

/** @throws Error that says in one line what is wrong. */
export function readDoctorArguments(hostnames: readonly string[], values: DoctorValues): DoctorArguments {
  const [hostname, ...rest] = hostnames
  if (hostname === undefined) throw new Error('doctor needs the dedicated hostname')
  if (rest.length > 0) throw new Error('doctor takes one hostname')
  const base = readBase('the hostname', hostname)
  const { ucc, origin, dns } = values
  if (ucc === undefined || ucc === '') throw new Error('doctor needs --ucc NAME')
  const uccPort = values['ucc-port']
  const question: Question = {
    url: base.url,
    name: base.name,
    ucc,
    endpoints: (values.endpoint ?? []).map((text) => readPlace(text, base)),
    ...(uccPort === undefined ? {} : { uccPort: readPort(uccPort) }),
    ...(origin === undefined ? {} : { origin: readOrigin(origin) }),
    ...(dns === undefined ? {} : { dnsServers: readServers(dns) }),
  }
  return { question, json: values.json ?? false }
}

/** What was typed may hold credentials: it is not repeated. */
function readBase(what: string, text: string, defaults?: Base): Base {
  const result = normaliseBase(text, defaults)
  if (!result.ok) throw new Error(`${what} ${result.problem}`)
  return result.base
}

/** `URL`, or `URL,ADDRESS` for a server that has the dedicated hostname's name only. */
function readPlace(text: string, hostname: Base): Place {
  const [url = '', ...rest] = text.split(',')
  const base = readBase('--endpoint', url, hostname)
  if (rest.length === 0) return { url: base.url }
  const address = normaliseAddress(rest.join(','))
  if (address === undefined) throw new Error('--endpoint must be a URL, or URL,ADDRESS with an IP address')
  return { url: base.url, address }
}

function readPort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw new Error('--ucc-port must be a port, such as 6001')
  return port
}

function readOrigin(text: string): string {
  const { path, url } = readBase('--origin', text)
  if (path !== '' || !text.includes('://'))
    throw new Error('--origin must be an origin, such as https://app.contoso.com')
  return new URL(url).origin
}

function readServers(servers: readonly string[]): readonly string[] {
  try {
    new Resolver().setServers(servers)
  } catch {
    throw new Error('--dns must be an IP address, such as 10.0.0.53 or [fd00::53]:5353')
  }
  return servers
}
