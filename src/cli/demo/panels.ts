/** The panels of the screen, each from the view alone. */
import type { ClientState } from '../../index'
import { QUEUES, type Agent } from './contact-centre'
import { decideOf } from './lines'
import { EMPTY, fit, spread, text, type Line, type Segment, type Style } from './text'
import type { ClientView, MoveRow, ServerView, StageView } from './view'

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const
/** So many empty quarters of a second in a row are a silence, not chance. */
const SILENCE_BARS = 3
/** Events that make a full bar: at least, at most. */
const LEAST_SHOWN = 6
const MOST_SHOWN = 10

const AGENT_STYLES: Readonly<Record<Agent['state'], Style>> = {
  available: 'green',
  talking: 'cyan',
  'wrap-up': 'yellow',
  break: 'dim',
}

const STATE_STYLES: Readonly<Record<ClientState, Style>> = {
  connecting: 'yellow',
  connected: 'green',
  degraded: 'yellow',
  offline: 'red',
  closed: 'dim',
}

/** Title of a client's panel: its name, state and server. */
export function clientTitle(name: string, client: ClientView | undefined): Line {
  if (client === undefined) return [text(name, 'bold')]
  const reason = client.offlineReason === undefined ? '' : ` (${client.offlineReason})`
  const at = client.state === 'offline' || client.active === undefined ? '' : ` at ${client.active}`
  return [text(name, 'bold'), text(' ● ', STATE_STYLES[client.state]), text(`${client.state}${reason}${at}`)]
}

/** Queues: name, how many wait, and since when. */
export function queueLines({ queues }: StageView, columns: number): readonly Line[] {
  const cell = Math.floor(columns / QUEUES.length)
  const row = (of: (name: (typeof QUEUES)[number]) => Line): Line => QUEUES.flatMap((name) => fit(of(name), cell))
  return [
    row((name) => [text(name, 'dim')]),
    row((name) => {
      const waiting = queues.get(name)?.waiting ?? 0
      return [text(String(waiting), 'bold', waiting > 3 ? 'red' : waiting > 1 ? 'yellow' : 'green'), text(' waiting')]
    }),
    row((name) => {
      const { longestMs = 0, answered = 0 } = queues.get(name) ?? {}
      return [text(`longest ${clock(longestMs)}${cell > 25 ? `, ${answered} answered` : ''}`, 'dim')]
    }),
  ]
}

/** Agents in two columns, and what the desktop's own agent has set. */
export function agentLines({ agents, desk, now }: StageView, columns: number): readonly Line[] {
  const half = Math.floor(columns / 2)
  const cells = [...agents]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([name, agent]) => agentCell(name, agent, now))
  cells.push([text('● ', desk === 'available' ? 'green' : 'dim'), text('you     '), text(desk, 'dim')])
  const rows = Math.ceil(cells.length / 2)
  return Array.from({ length: rows }, (_unused, index) => [
    ...fit(cells[index] ?? EMPTY, half),
    ...fit(cells[index + rows] ?? EMPTY, columns - half),
  ])
}

function agentCell(name: string, { state, since, call }: Agent, now: number): Line {
  const style = AGENT_STYLES[state]
  const what = call === undefined ? state : `call ${call}`
  return [
    text('● ', style),
    text(name.padEnd(8)),
    text(what.padEnd(10), style),
    text(clock(now - since).padStart(5), 'dim'),
  ]
}

/** Arrivals over time, newest to the right; a silence is red. */
export function pulseLine({ bars, silentMs }: ClientView, columns: number): Line {
  const label = 'events '
  const age =
    ` ${silentMs < 1000 ? `${Math.round(silentMs / 10) * 10} ms` : `${(silentMs / 1000).toFixed(1)} s`}`.padStart(8)
  const shown = bars.slice(-Math.max(0, columns - label.length - age.length))
  // What a resume brings at once would flatten everything else.
  const most = Math.min(MOST_SHOWN, Math.max(LEAST_SHOWN, ...shown))
  return [
    text(label, 'dim'),
    ...merged(shown.map((count, index) => bar(count, most, isSilent(shown, index)))),
    text(age, silentMs > SILENCE_BARS * 250 ? 'red' : 'dim'),
  ]
}

function bar(count: number, most: number, silent: boolean): Segment {
  if (count < 0) return text(' ')
  if (count === 0) return silent ? text('×', 'red') : text('·', 'dim')
  const level = Math.min(BLOCKS.length - 1, Math.floor((count / most) * BLOCKS.length))
  return text(BLOCKS[level] ?? '█', 'cyan')
}

/** Is this empty bar part of a long enough run? */
function isSilent(bars: readonly number[], index: number): boolean {
  if (bars[index] !== 0) return false
  let first = index
  let last = index
  while (bars[first - 1] === 0) first -= 1
  while (bars[last + 1] === 0) last += 1
  return last - first + 1 >= SILENCE_BARS
}

/** Neighbours of the same style as one segment. */
function merged(segments: readonly Segment[]): readonly Segment[] {
  const all: Segment[] = []
  for (const segment of segments) {
    const before = all.at(-1)
    if (before?.styles[0] === segment.styles[0] && before !== undefined) {
      all[all.length - 1] = { ...before, text: before.text + segment.text }
    } else all.push(segment)
  }
  return all
}

/** What the agent reads. */
export function dialogueLines({ lines }: StageView, rows: number): readonly Line[] {
  return lines.slice(-rows).map(({ call, text: what }) => [text(`${call} `, 'dim'), text(what)])
}

/** What the agent's application does meanwhile. */
export function workLines({ commands, requests, executedTwice }: StageView): readonly Line[] {
  return [
    [
      text('commands  ', 'dim'),
      text(`${commands.done} done`),
      ...figure(', ', commands.failed, 'failed'),
      ...figure(', ', commands.unknown, 'unknown'),
      ...figure(', ', executedTwice, 'run twice', true),
      text(`, slowest ${Math.round(commands.slowestMs)} ms`, 'dim'),
    ],
    [
      text('GET       ', 'dim'),
      text(`${requests.done} answered`),
      ...figure(', ', requests.failed, 'failed'),
      text(`, last by ${requests.server ?? '-'}, slowest ${Math.round(requests.slowestMs)} ms`, 'dim'),
    ],
  ]
}

function figure(before: string, value: number, word: string, isPromise = false): Line {
  if (value === 0 && !isPromise) return []
  return [text(before, 'dim'), text(`${value} ${word}`, value > 0 ? 'red' : 'green')]
}

/** One server: what is true of it, then what the wallboard's client thinks. */
export function serverLines(server: ServerView, columns: number): readonly Line[] {
  const { name, url, pid, process, ucc, term, draining, verdict, breaker, clients } = server
  const serves = process === 'running' && ucc === 'running'
  const users = clients.length === 0 ? [] : [text(`◀ ${clients.join(', ')}`, 'cyan', 'bold')]
  const mark = process === 'dead' ? '✗ ' : process === 'hung' ? '◌ ' : '● '
  const style: Style = process === 'dead' ? 'red' : serves && !draining ? 'green' : 'yellow'
  return [
    spread([text(mark, style), text(name, 'bold'), text(`  ${url}`, 'dim')], users, columns),
    [
      text('  process '),
      text(process === 'dead' ? 'dead' : `${pid ?? ''} ${process}`, process === 'running' ? 'green' : 'red'),
      text('  UCC '),
      text(process === 'dead' ? '-' : ucc, serves ? 'green' : 'red'),
      text(term === undefined ? '' : `  term ${term}`, 'dim'),
      ...(draining ? [text('  draining', 'yellow')] : []),
    ],
    [
      text('  seen as ', 'dim'),
      text(verdict, verdict === 'healthy' ? 'green' : verdict === 'unknown' ? 'dim' : 'yellow'),
      text(`, breaker ${breaker}`, breaker === 'closed' ? 'dim' : 'red'),
    ],
  ]
}

/** From this width on there is room for all parts of a move. */
const ALL_PARTS_FROM = 73

/** The last moves, newest first, under a head. */
export function moveLines({ moves }: StageView, columns: number, rows: number): readonly Line[] {
  const hasAll = columns >= ALL_PARTS_FROM
  const latest = moves.slice(-Math.max(0, rows - 1)).reverse()
  const head = `client     from  to    reason          ${hasAll ? ' detect decide' : ' detect'} connect resume total`
  if (latest.length === 0) return [[text(head, 'dim')], [text('none yet', 'dim')]]
  return [[text(head, 'dim')], ...latest.map((move) => moveLine(move, hasAll))]
}

function moveLine({ client, kind, from, to, reason, timings }: MoveRow, hasAll: boolean): Line {
  const { detectMs, connectMs, resumeMs, totalMs } = timings
  const number = (value: number, width: number): string => value.toFixed(0).padStart(width)
  return [
    text(`${client.padEnd(9)}  ${from}→${to}  `),
    text(reason.padEnd(15), kind === 'failover' ? 'red' : kind === 'failback' ? 'green' : 'cyan'),
    text(number(detectMs, 8) + (hasAll ? number(decideOf(timings), 7) : ''), 'dim'),
    text(number(connectMs, 8) + number(resumeMs, 7), 'dim'),
    text(number(totalMs, 6), 'bold'),
  ]
}

/** What became of every event, in one line. */
export function auditLine({ audit }: StageView): Line {
  const wrong = (value: number): Style => (value === 0 ? 'green' : 'red')
  return [
    text(`${audit.published} published, ${audit.delivered} delivered  `),
    text(`${audit.lost} lost`, 'bold', wrong(audit.lost)),
    text('  '),
    text(`${audit.duplicated} duplicated`, 'bold', wrong(audit.duplicated)),
    ...(audit.behind > 0 ? [text(`  ${audit.behind} on the way`, audit.behind > 5 ? 'yellow' : 'dim')] : []),
    ...(audit.gaps > 0 ? [text(`  ${audit.gaps} gaps`, 'red')] : []),
  ]
}

/** Minutes and seconds. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
