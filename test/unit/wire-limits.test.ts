/** The limits that PROTOCOL.md promises to who writes a server: at the limit it is read, beyond it is missing. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readFrame } from '../../src/core/parse-frame'
import { parseReadiness, parseTopology } from '../../src/core/parse-readiness'

const MAX = Number.MAX_SAFE_INTEGER
const text = (length: number): string => 'x'.repeat(length)

/** The frame as read; nothing when it was refused. */
function read(frame: object): Readonly<Record<string, unknown>> | undefined {
  const parsed = readFrame(frame)
  return parsed.ok ? (parsed.frame as Readonly<Record<string, unknown>> | undefined) : undefined
}

const welcome = { type: 'welcome', version: 1, server: 's', state: 'running', heartbeatMs: 1000 }
const goaway = { type: 'goaway', reason: 'r', leaveWithinMs: 1 }
const event = { type: 'event', id: 1, op: 'append', key: 'k', seq: 1 }

describe('limits', () => {
  it.each([
    ['term', welcome, MAX, MAX + 1],
    ['term', welcome, 0, -1],
    // A clock in nanoseconds.
    ['term', welcome, 7, 1_795_374_342_182_000_000],
    ['keys', welcome, text(256), text(257)],
    ['spreadMs', welcome, MAX, 1.5],
    ['seq', event, MAX, MAX + 1],
    ['to', goaway, text(2048), text(2049)],
  ])('%s: the last good value is read, the next one is missing', (name, frame, good, bad) => {
    expect(read({ ...frame, [name]: good })?.[name]).toBe(good)
    const without = read({ ...frame, [name]: bad })
    expect(without).toBeDefined()
    expect(without).not.toHaveProperty(name)
  })

  it.each([
    ['server', welcome, text(256), text(257)],
    ['key', event, text(4096), text(4097)],
    ['id', event, MAX, MAX + 1],
    ['n', { type: 'pong', n: 1 }, MAX, MAX + 1],
  ])('%s is required: beyond its limit the frame is refused', (name, frame, good, bad) => {
    expect(read({ ...frame, [name]: good })?.[name]).toBe(good)
    expect(read({ ...frame, [name]: bad })).toBeUndefined()
  })

  it('a cursor has an epoch of 256', () => {
    const subscribed = { type: 'subscribed', id: 1, kind: 'log', recovered: true }
    expect(read({ ...subscribed, cursor: { epoch: text(256), seq: 1 } })).toHaveProperty('cursor')
    expect(read({ ...subscribed, cursor: { epoch: text(257), seq: 1 } })).not.toHaveProperty('cursor')
  })

  it('retryAfterMs is clamped: nobody is sent away for years', () => {
    const reject = { type: 'reject', code: 'overloaded', message: 'm' }
    expect(
      [3_600_000, 3_600_001, MAX].map((retryAfterMs) => read({ ...reject, retryAfterMs })?.['retryAfterMs']),
    ).toEqual([3_600_000, 3_600_000, 3_600_000])
  })

  it('versions are integers, whatever JSON reads of 1e999', () => {
    const text = '{"server":"srv1","state":"running","versions":[1,1e999,1.5,"2"]}'
    expect(parseReadiness(text)?.versions).toEqual([1])
  })

  it('heartbeatMs and leaveWithinMs are clamped', () => {
    expect([0, 500, 30_000, 1e9].map((heartbeatMs) => read({ ...welcome, heartbeatMs })?.['heartbeatMs'])).toEqual([
      500, 500, 30_000, 30_000,
    ])
    expect(
      [3_600_000, 3_600_001].map((leaveWithinMs) => read({ ...goaway, leaveWithinMs })?.['leaveWithinMs']),
    ).toEqual([3_600_000, 3_600_000])
  })

  it('of peers the first 32 are read, without those whose name or URL is too long', () => {
    const peers = Array.from({ length: 40 }, (_, n) => ({ server: `s${n}`, url: `https://s${n}.test` }))
    expect(parseTopology(JSON.stringify({ peers }))).toHaveLength(32)
    const long = [
      { server: 's', url: text(2049) },
      { server: text(257), url: 'u' },
      { server: 's', url: text(2048) },
    ]
    expect(parseTopology(JSON.stringify({ peers: long }))).toHaveLength(1)
    expect(parseReadiness(JSON.stringify({ server: text(257), state: 'running' }))).toBeUndefined()
  })
})

describe('required members', () => {
  const complete: readonly (readonly [Readonly<Record<string, unknown>>, readonly string[]])[] = [
    [welcome, ['server', 'state']],
    [{ type: 'subscribed', id: 1, kind: 'state', recovered: false }, ['id', 'kind']],
    [{ type: 'snapshot', id: 1, cursor: { epoch: 'e', seq: 1 }, items: [] }, ['id', 'cursor', 'items']],
    [event, ['id', 'op', 'key']],
    [{ type: 'result', id: 1, status: 'done' }, ['id', 'status']],
    [{ type: 'heartbeat', state: 'running', ts: 1 }, []],
    [{ type: 'status', state: 'running' }, []],
    [{ type: 'pong', n: 1 }, ['n']],
    [goaway, []],
    [{ type: 'reject', code: 'invalid', message: '' }, []],
  ]

  it.each(complete)('of %o are those without which it is refused', (frame, required) => {
    expect(read(frame)).toBeDefined()
    const members = Object.keys(frame).filter((name) => name !== 'type')
    const refused = members.filter((name) => {
      const without = { ...frame }
      delete without[name]
      return read(without) === undefined
    })
    expect(refused).toEqual(required)
  })

  it('and PROTOCOL.md has a row for each frame, which names them', () => {
    const protocol = readFileSync(new URL('../../PROTOCOL.md', import.meta.url), 'utf8')
    const table = protocol.slice(protocol.indexOf('## 5. Frames'), protocol.indexOf('### `welcome`'))
    for (const [frame, required] of complete) {
      const type = String(frame['type'])
      const [, cells = ''] = new RegExp(`^\\| \`${type}\` \\| ([^|]*)\\|`, 'm').exec(table) ?? []
      for (const name of required) expect(cells, `${type}.${name}`).toContain(`\`${name}\``)
    }
  })
})
