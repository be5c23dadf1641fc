/** The screen: state in, lines out. Two columns where there is room, one where there is not; never more than fits. */
import { EVENTS_PER_SECOND, UCC } from './deeds'
import { KEYS } from './keys'
import {
  agentLines,
  auditLine,
  clientTitle,
  clock,
  dialogueLines,
  moveLines,
  pulseLine,
  queueLines,
  serverLines,
  workLines,
} from './panels'
import { beside, box, EMPTY, fit, spread, tall, text, widthOf, type Line, type Segment } from './text'
import type { StageView } from './view'

/** What is told below the panels. */
export interface Narration {
  /** Place in the tour, while it plays. */
  readonly tour:
    { readonly number: number; readonly of: number; readonly title: string; readonly sentence: string } | undefined
  /** The last thing that was done or found. */
  readonly note: string
  readonly isGood: boolean
}

export interface Size {
  readonly columns: number
  readonly rows: number
}

const TWO_COLUMNS_FROM = 120
const FOOTER_ROWS = 4
/** Columns of the cluster's side. */
const LEAST_RIGHT = 70
const MOST_RIGHT = 80

/** The whole screen: exactly `rows` lines of exactly `columns` columns. */
export function screen(view: StageView, narration: Narration, { columns, rows }: Size): readonly Line[] {
  const bodyRows = Math.max(0, rows - 1 - FOOTER_ROWS)
  const body = columns >= TWO_COLUMNS_FROM ? wide(view, columns, bodyRows) : narrow(view, columns, bodyRows)
  const all = [header(view, columns), ...tall(body, bodyRows), ...footer(narration, columns)]
  return tall(all, rows).map((line) => fit(line, columns))
}

function header({ upMs }: StageView, columns: number): Line {
  const title = [
    text(' failover-client demo ', 'inverse', 'bold'),
    text(`  UCC ${UCC}, two servers on loopback addresses, ${EVENTS_PER_SECOND} events a second`, 'dim'),
  ]
  return spread(title, [text(`${clock(upMs)} `, 'dim')], columns)
}

function wide(view: StageView, columns: number, rows: number): readonly Line[] {
  const right = Math.min(MOST_RIGHT, Math.max(LEAST_RIGHT, columns - 62))
  const left = columns - right - 1
  const inLeft = left - 4
  const [wallboard, desktop] = [view.clients[0], view.clients[1]]
  const upper = box(
    clientTitle('Wallboard', wallboard),
    [
      ...queueLines(view, inLeft),
      EMPTY,
      ...agentLines(view, inLeft),
      EMPTY,
      ...(wallboard === undefined ? [] : [pulseLine(wallboard, inLeft)]),
    ],
    left,
  )
  const work = [EMPTY, ...workLines(view), ...(desktop === undefined ? [] : [pulseLine(desktop, inLeft)])]
  const talkRows = Math.max(1, rows - upper.length - 2 - work.length)
  const talk = tall(dialogueLines(view, talkRows), talkRows)
  const lower = box(clientTitle('Agent desktop', desktop), [...talk, ...work], left)
  const block = [...cluster(view, right), ...moves(view, right, rows - clusterRows(view) - 3), ...audit(view, right)]
  return beside(
    [...upper, ...lower].map((line) => [...line, text(' ')]),
    block,
    left + 1,
    right,
  )
}

/** No room for everything: the wallboard's figures, the servers and the moves. */
function narrow(view: StageView, columns: number, rows: number): readonly Line[] {
  const [wallboard, desktop] = [view.clients[0], view.clients[1]]
  const inner = columns - 4
  const pulses = view.clients.map((client) => pulseLine(client, inner))
  const [names, waiting] = queueLines(view, inner)
  const title = [...clientTitle('Wallboard', wallboard), text('   '), ...clientTitle('Desktop', desktop)]
  const upper = box(title, [names ?? EMPTY, waiting ?? EMPTY, ...pulses], columns)
  const servers = box(
    [text('Cluster', 'bold')],
    view.servers.flatMap((server) => serverLines(server, inner).slice(0, 2)),
    columns,
  )
  const left = rows - upper.length - servers.length - 1
  return [...upper, ...servers, ...moves(view, columns, left), [text(' '), ...auditLine(view)]]
}

function cluster(view: StageView, columns: number): readonly Line[] {
  const lines = view.servers.flatMap((server, index) => [
    ...(index === 0 ? [] : [EMPTY]),
    ...serverLines(server, columns - 4),
  ])
  return box([text('Cluster', 'bold'), text(' both run the UCC, one shared log', 'dim')], lines, columns)
}

function clusterRows({ servers }: StageView): number {
  return servers.length * 4 + 1
}

function moves(view: StageView, columns: number, rows: number): readonly Line[] {
  const inner = Math.max(0, rows - 2)
  if (inner === 0) return []
  return box(
    [text('Moves', 'bold'), text(' newest first, milliseconds', 'dim')],
    tall(moveLines(view, columns - 4, inner), inner),
    columns,
  )
}

function audit(view: StageView, columns: number): readonly Line[] {
  return box([text('Every event', 'bold')], [auditLine(view)], columns)
}

function footer({ tour, note, isGood }: Narration, columns: number): readonly Line[] {
  const place = tour === undefined ? [] : [text(` tour ${tour.number}/${tour.of} `, 'inverse'), text(' ')]
  const headline = tour === undefined ? [text(' Your turn: break something, watch, repair it.', 'bold')] : []
  return [
    fit([...place, ...headline, text(tour?.title ?? '', 'bold')], columns),
    fit([text(` ${tour?.sentence ?? ''}`, 'dim')], columns),
    fit([text(` ${note}`, isGood ? 'green' : 'yellow')], columns),
    fit(keyLine(columns), columns),
  ]
}

function keyLine(columns: number): Line {
  const roomy = KEYS.flatMap(({ key, label }): Segment[] => [text(` ${key} `, 'inverse'), text(` ${label}  `)])
  if (widthOf(roomy) <= columns) return roomy
  return KEYS.flatMap(({ key, label }): Segment[] => [text(key, 'inverse'), text(` ${label} `)])
}
