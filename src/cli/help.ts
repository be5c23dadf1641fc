/** The text of `--help`: only what exists. */
import { KEYS } from './demo/keys'
import { DOCTOR_EXIT_CODES, EXIT_CODES } from './exit-codes'

const DOCTOR_OPTIONS = [
  ['HOSTNAME', 'the dedicated hostname, or its URL: a365web1.contoso.com, http://a365web1.contoso.com:8080'],
  ['--ucc NAME', 'the UCC, as the clients have it'],
  ['--endpoint URL', 'a server, as the clients have it configured; URL,ADDRESS to dial that address. Repeatable'],
  ['--ucc-port PORT', 'the port of the UCC that the load balancer checks'],
  ['--origin ORIGIN', 'where the pages come from that use the servers: checks CORS'],
  ['--dns ADDRESS', 'a name server to ask in place of the system’s. Repeatable'],
  ['--json', 'the report as one JSON object (docs/doctor.md)'],
] as const

/** The whole help, ending with a newline. */
export function helpText(): string {
  return `failover-client: makes a server failure invisible to a contact centre.

Usage
  failover-client demo [--json] [--script]
  failover-client doctor HOSTNAME --ucc NAME [--endpoint URL …] [--ucc-port 6001] [--origin ORIGIN] [--json]
  failover-client --help | --version

demo
  Starts two real servers on loopback addresses of this machine, a live wallboard and an agent desktop that use them,
  and breaks the servers: killed, hung, contact centre stopped, drained, repaired. After each it prints how both
  clients moved (from, to, reason; milliseconds to detect, connect and resume) and what became of every event.
  On a terminal: a live screen that plays the script once as a tour; any key of a fault takes over.
  Without one: the script as plain lines, in about a minute, then the end.

  --json    one JSON object a line: start, step, move, report, summary (no screen)
  --script  the script as plain lines on a terminal too

Keys on a terminal
${table(KEYS.map(({ key, what }) => [key, what]))}

Exit codes of demo
${table(EXIT_CODES)}

doctor
  Looks at a deployment as its clients would (DNS, TCP, certificates, readiness of the UCC on each server, peers,
  terms, clocks, CORS), and says what would break a failover, why, and what to do about it. Sends no token, changes
  nothing, takes at most 20 s.

${table(DOCTOR_OPTIONS)}

Exit codes of doctor
${table(DOCTOR_EXIT_CODES)}

Environment
  NO_COLOR  when set and not empty: no colours
`
}

function table(rows: readonly (readonly [string, string])[]): string {
  const wide = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, what]) => `  ${name.padEnd(wide)}  ${what}`).join('\n')
}
