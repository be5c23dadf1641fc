/**
 * A name server for tests that must not need BIND: real UDP on 127.0.0.1, answers from a table that a test changes, and
 * every way to answer badly. It is authoritative for everything in its table; what it is asked is kept.
 */
import { createSocket } from 'node:dgram'
import type { AddressInfo } from 'node:net'
import { AUTHORITATIVE_ANSWER, decode, encode, type Answer, type DecodedPacket } from 'dns-packet'
import { onCleanup } from './harness'

/** A record: `[type, value, ttl]`. */
export type NameRecord =
  | readonly [type: 'A' | 'AAAA' | 'CNAME' | 'NS', value: string, ttl?: number]
  | readonly [type: 'SRV', value: { port: number; target: string; priority?: number; weight?: number }, ttl?: number]

const RCODES = { answers: 0, servfail: 2, nxdomain: 3, refused: 5 } as const

/** `silent`: takes questions, answers none. */
export type NameServerMode = keyof typeof RCODES | 'silent'

export interface NameServer {
  /** `127.0.0.1:5353`, as `servers` of a resolver takes it. */
  readonly at: string
  readonly port: number
  /** The records of a name, all of them. */
  readonly records: Map<string, readonly NameRecord[]>
  /** Questions so far: `A srv1.contoso.test`. */
  readonly asked: string[]
  /** Types of questions that get no answer: `SRV`. */
  readonly ignored: Set<string>
  mode: NameServerMode
}

/** Starts one; it ends with the test. */
export async function startNameServer(table: Readonly<Record<string, readonly NameRecord[]>>): Promise<NameServer> {
  const socket = createSocket('udp4')
  const server = {
    at: '',
    port: 0,
    records: new Map(Object.entries(table)),
    asked: [] as string[],
    ignored: new Set<string>(),
    mode: 'answers' as NameServerMode,
  }
  socket.on('message', (message, from) => {
    const query = decode(message)
    for (const { type, name } of query.questions ?? []) server.asked.push(`${type} ${name.toLowerCase()}`)
    if (server.mode === 'silent' || query.questions?.some(({ type }) => server.ignored.has(type)) === true) return
    socket.send(reply(query, server.records, server.mode), from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  onCleanup(() => new Promise<void>((resolve) => socket.close(() => resolve())))
  const { port } = socket.address() as AddressInfo
  return Object.assign(server, { port, at: `127.0.0.1:${port}` })
}

function reply(query: DecodedPacket, records: NameServer['records'], mode: keyof typeof RCODES): Buffer {
  const [question] = query.questions ?? []
  const answers =
    question === undefined || mode !== 'answers' ? [] : follow(question.name.toLowerCase(), question.type, records)
  const isThere = question !== undefined && records.has(question.name.toLowerCase())
  const rcode = mode === 'answers' && !isThere ? RCODES.nxdomain : RCODES[mode]
  return encode({
    type: 'response',
    id: query.id ?? 0,
    // The response code is the low end of the flags.
    flags: AUTHORITATIVE_ANSWER | rcode,
    questions: query.questions ?? [],
    answers,
  })
}

/** What a name server says: the aliases on the way, and what is at the end of them, as far as this one knows. */
function follow(name: string, type: string, records: NameServer['records'], depth = 0): Answer[] {
  const own = records.get(name) ?? []
  const wanted = own.filter(([one]) => one === type)
  const alias = own.find(([one]) => one === 'CNAME')
  if (wanted.length > 0 || alias === undefined || depth > 8) return wanted.map((record) => answerOf(name, record))
  const further = typeof alias[1] === 'string' ? follow(alias[1], type, records, depth + 1) : []
  return [answerOf(name, alias), ...further]
}

function answerOf(name: string, [type, data, ttl = 300]: NameRecord): Answer {
  return { type, name, data, ttl } as Answer
}
