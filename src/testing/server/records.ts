/** What the servers saw, kept by the cluster so that a kill loses nothing. */
import type { DialKind, Note } from './server-types'

/** One live connection, present or past. */
export interface ConnectionRecord {
  /** Unique within the cluster's server, its restarts included. */
  readonly id: string
  /** WebSocket, or the event stream that stands in for it. */
  readonly transport: 'websocket' | 'events'
  /** `client.id` of its `hello`; undefined until that came. */
  readonly client: string | undefined
  /** The UCC its `hello` named. */
  readonly ucc: string | undefined
  /** `previous` of its `hello`: the server left, and why. */
  readonly previous: { readonly server: string; readonly reason: string } | undefined
  /** Topics subscribed now, or when it ended; one entry per subscription. */
  readonly topics: readonly string[]
  /** Unix milliseconds. */
  readonly openedAt: number
  /** Reason of the client's `leave`; undefined when it said no goodbye. */
  readonly left: string | undefined
  /** Unix milliseconds; undefined while it is open. */
  readonly closedAt: number | undefined
  /** 1006 when it broke or its server died. */
  readonly closeCode: number | undefined
  /** Text of the close; undefined while it is open. */
  readonly closeReason: string | undefined
}

/** One HTTP request or upgrade. */
export interface RequestRecord {
  /** GET, POST, … */
  readonly method: string
  /** Path and query. */
  readonly url: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Unix milliseconds. */
  readonly at: number
}

/** Something that arrived: a TCP connection, or a request by what it was for. */
export interface DialRecord {
  /** What arrived. */
  readonly kind: DialKind
  /** Unix milliseconds. */
  readonly at: number
}

/** One token that was shown. */
export interface TokenRecord {
  /** Without the word `Bearer`. */
  readonly token: string
  /** HTTP header, or frame of the live connection. */
  readonly where: 'header' | 'hello' | 'authorize'
  /** Unix milliseconds. */
  readonly at: number
}

type OpenRecord = { -readonly [K in keyof ConnectionRecord]: ConnectionRecord[K] } & { topics: string[] }

const MAX_RECORDS = 200_000

export class Records {
  readonly requests: RequestRecord[] = []
  readonly dials: DialRecord[] = []
  readonly tokens: TokenRecord[] = []
  readonly #connections = new Map<string, OpenRecord>()

  connections(): readonly ConnectionRecord[] {
    return [...this.#connections.values()].map((record) => ({ ...record, topics: [...record.topics] }))
  }

  clear(): void {
    this.requests.length = 0
    this.dials.length = 0
    this.tokens.length = 0
    for (const [id, record] of this.#connections) if (record.closedAt !== undefined) this.#connections.delete(id)
  }

  take(note: Note, incarnation: number): void {
    if (note.note === 'dial') keep(this.dials, { kind: note.kind, at: note.at })
    else if (note.note === 'request') {
      keep(this.requests, { method: note.method, url: note.url, headers: note.headers, at: note.at })
    } else if (note.note === 'token') keep(this.tokens, { token: note.token, where: note.where, at: note.at })
    else this.#takeConnection(note, `${incarnation}.${note.id}`)
  }

  /** The process is gone, and its connections with it. */
  processGone(at: number): void {
    for (const record of this.#connections.values()) {
      if (record.closedAt === undefined) close(record, 1006, 'the server process ended', at)
    }
  }

  #takeConnection(note: Extract<Note, { readonly id: number }>, id: string): void {
    if (note.note === 'open') {
      const unknown = { client: undefined, ucc: undefined, previous: undefined, left: undefined }
      const open = { closedAt: undefined, closeCode: undefined, closeReason: undefined }
      const { transport, at } = note
      this.#connections.set(id, { id, transport, openedAt: at, topics: [], ...unknown, ...open })
      return
    }
    const record = this.#connections.get(id)
    if (record === undefined) return
    if (note.note === 'hello') {
      record.client = note.client
      record.ucc = note.ucc
      record.previous = note.previous
    } else if (note.note === 'topic') {
      if (note.on) record.topics.push(note.topic)
      else if (record.topics.includes(note.topic)) record.topics.splice(record.topics.indexOf(note.topic), 1)
    } else if (note.note === 'leave') {
      record.left = note.reason
    } else {
      close(record, note.code, note.reason, note.at)
    }
  }
}

function close(record: OpenRecord, code: number, reason: string, at: number): void {
  record.closedAt = at
  record.closeCode = code
  record.closeReason = reason
}

function keep<T>(list: T[], item: T): void {
  list.push(item)
  // A soak test runs for hours.
  if (list.length > MAX_RECORDS) list.splice(0, MAX_RECORDS / 10)
}
