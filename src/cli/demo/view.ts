/** What the demo shows at one moment, as plain data: made by the stage, read by the screen, the lines and the JSON. */
import type {
  ClientState,
  EndpointVerdict,
  MoveKind,
  MoveReason,
  MoveTimings,
  OfflineReason,
  ReadinessState,
} from '../../index'
import type { AuditCount } from './audit'
import type { Agent, DialogueLine, QueueFigures } from './contact-centre'

export type ViewerName = 'wallboard' | 'desktop'

export const VIEWERS: readonly ViewerName[] = ['wallboard', 'desktop']

/** One finished move of one client: the library's own report, with names for endpoints. */
export interface MoveRow {
  readonly client: ViewerName
  readonly kind: MoveKind
  readonly from: string
  readonly to: string
  readonly reason: MoveReason
  readonly timings: MoveTimings
}

/** Commands of the desktop. */
export interface CommandFigures {
  readonly done: number
  readonly failed: number
  /** The library could not know whether they were executed, and said so. */
  readonly unknown: number
  readonly slowestMs: number
  readonly lastError: string | undefined
}

/** GET requests of the desktop. */
export interface RequestFigures {
  readonly done: number
  readonly failed: number
  /** A 200 with nothing in it: from a server whose UCC had just stopped. */
  readonly empty: number
  readonly slowestMs: number
  /** Who answered last. */
  readonly server: string | undefined
  readonly lastError: string | undefined
}

export type ProcessState = 'running' | 'hung' | 'dead'

/** One server: what is true of it, and what the wallboard's client thinks of it. */
export interface ServerView {
  readonly name: string
  readonly url: string
  readonly pid: number | undefined
  readonly process: ProcessState
  readonly ucc: ReadinessState
  readonly term: number | undefined
  readonly draining: boolean
  readonly verdict: EndpointVerdict
  readonly breaker: string
  /** Who uses it now. */
  readonly clients: readonly ViewerName[]
}

/** One client and what it has received. */
export interface ClientView {
  readonly name: ViewerName
  readonly state: ClientState
  readonly offlineReason: OfflineReason | undefined
  readonly active: string | undefined
  readonly silentMs: number
  /** Events in each of the last quarters of a second, oldest first; -1 before the first event ever. */
  readonly bars: readonly number[]
  readonly audit: AuditCount
}

/** Everything. */
export interface StageView {
  /** Unix milliseconds. */
  readonly now: number
  readonly upMs: number
  readonly agents: ReadonlyMap<string, Agent>
  readonly queues: ReadonlyMap<string, QueueFigures>
  readonly desk: string
  readonly lines: readonly DialogueLine[]
  readonly clients: readonly ClientView[]
  readonly servers: readonly ServerView[]
  /** The latest, oldest first. */
  readonly moves: readonly MoveRow[]
  readonly movesSeen: number
  readonly commands: CommandFigures
  readonly requests: RequestFigures
  /** Keys of commands that had an effect more than once: none, or the promise is broken. */
  readonly executedTwice: number
  readonly audit: AuditCount
}
