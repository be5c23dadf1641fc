/** The text of `--help`: only what exists. */
import { KEYS } from './demo/keys'
import { EXIT_CODES } from './exit-codes'

/** The whole help, ending with a newline. */
export function helpText(): string {
  return `failover-client: makes a server failure invisible to a contact centre.

Usage
  failover-client demo [--json] [--script]
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

Exit codes
${table(EXIT_CODES)}

Environment
  NO_COLOR  when set and not empty: no colours
`
}

function table(rows: readonly (readonly [string, string])[]): string {
  const wide = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, what]) => `  ${name.padEnd(wide)}  ${what}`).join('\n')
}
