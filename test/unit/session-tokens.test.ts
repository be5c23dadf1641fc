/** Tokens of a session, in virtual time: asked again after one refusal, renewed in band, refused by a standby. */
import { describe, expect, test } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import type { MovePlan } from '../../src/core/pool-protocol'
import { SessionMachine } from '../../src/core/session'
import type { SessionEffect, SessionInput } from '../../src/core/session-protocol'
import type { ServerFrame } from '../../src/core/wire'

const ROAD = { endpointId: 'e1', generation: 1, url: 'https://e1.test' }
const TIMES = { lastProof: 0, detected: 0, decided: 0, dialled: 0 }
const PLAN: MovePlan = {
  id: 1,
  kind: 'initial',
  reason: 'start',
  to: 'e1',
  road: ROAD,
  evidence: [],
  makeBeforeBreak: false,
  times: TIMES,
}

function world(): {
  feed: (input: SessionInput) => readonly SessionEffect[]
  hear: (link: number, frame: object) => readonly SessionEffect[]
  greet: (link: number) => void
  tickTo: (at: number) => readonly SessionEffect[]
} {
  const { detection, connect, streams } = DEFAULTS
  const machine = new SessionMachine({
    seat: 1,
    settings: { detection, connect, streams },
    ucc: 'helpdesk',
    client: { id: 'c1' },
    warm: false,
    hasRestore: false,
    commands: { maxQueued: 10, maxQueuedBytes: 10_000, sharedKeys: false },
  })
  let now = 0
  const feed = (input: SessionInput): readonly SessionEffect[] => machine.handle(now, input)
  const hear = (link: number, frame: object): readonly SessionEffect[] =>
    feed({ type: 'link-frame', link, frame: frame as ServerFrame })
  feed({ type: 'topic-open', config: { name: 'log', kind: 'log', logKeys: 10, staleAfterMs: 5000 } })
  return {
    feed,
    hear,
    greet(link) {
      feed({ type: 'link-opened', link })
      feed({ type: 'token', link, token: `token-${link}` })
    },
    tickTo(at) {
      now = at
      return feed({ type: 'tick' })
    },
  }
}

const asks = (effects: readonly SessionEffect[]): string[] =>
  effects.flatMap((effect) => (effect.type === 'ask-token' ? [`${effect.reason} ${effect.link}`] : []))
const pool = (effects: readonly SessionEffect[]): string[] =>
  effects.flatMap((effect) => (effect.type === 'pool' ? [effect.input.type] : []))
const REFUSED = { type: 'reject', code: 'unauthorized', message: 'no' }
const WELCOME = { type: 'welcome', version: 1, server: 's1', state: 'running', heartbeatMs: 1000 }

describe('a refused token', () => {
  // fault-matrix: 20, 22
  test('is asked for anew at once and shown on the same road: one attempt, nobody to blame', () => {
    const { feed, hear, greet } = world()
    expect(asks(feed({ type: 'go', plan: PLAN }))).toEqual(['connect 1'])
    greet(1)
    const refused = hear(1, REFUSED)
    expect(asks(refused)).toEqual(['rejected 2'])
    expect(refused.some((effect) => effect.type === 'open-link' && effect.link === 2)).toBe(true)
    expect(pool(refused)).toEqual([])
    greet(2)
    expect(pool(hear(2, WELCOME))).toEqual(expect.arrayContaining(['token', 'seat-welcomed', 'seat-committed']))
  })

  test('refused twice fails the attempt and counts as refused by that endpoint', () => {
    const { feed, hear, greet } = world()
    feed({ type: 'go', plan: PLAN })
    greet(1)
    hear(1, REFUSED)
    greet(2)
    const refused = hear(2, REFUSED)
    expect(asks(refused)).toEqual([])
    expect(refused).toContainEqual({ type: 'pool', input: { type: 'token', endpointId: 'e1', accepted: false } })
    expect(pool(refused)).toContain('seat-failed')
    // The next attempt says what became of the last token.
    expect(asks(feed({ type: 'go', plan: { ...PLAN, id: 2 } }))).toEqual(['rejected 3'])
  })

  test('of a warm standby: a new token first, then a warning', () => {
    const { feed, hear, greet } = world()
    const standby = feed({ type: 'warm', road: { ...ROAD, endpointId: 'e2' } })
    expect(asks(standby)).toEqual(['connect 1'])
    greet(1)
    const once = hear(1, REFUSED)
    expect(asks(once)).toEqual(['rejected 2'])
    expect(once.some(({ type }) => type === 'warning')).toBe(false)
    greet(2)
    const twice = hear(2, REFUSED)
    expect(twice.filter(({ type }) => type === 'warning')).toEqual([
      expect.objectContaining({ code: 'TOKEN_REFUSED_BY_STANDBY', endpointId: 'e2' }),
    ])
  })
})

describe('a token that expires', () => {
  // fault-matrix: 21
  test('is renewed at 80 % of its life, again and again', () => {
    const { feed, hear, greet, tickTo } = world()
    feed({ type: 'go', plan: PLAN })
    greet(1)
    hear(1, { ...WELCOME, tokenExpiresInMs: 10_000 })
    for (const round of [1, 2, 3]) {
      for (let at = (round - 1) * 8000; at < round * 8000; at += 500) {
        hear(1, { type: 'heartbeat', state: 'running', ts: at })
        expect(asks(tickTo(at))).toEqual([])
      }
      expect(asks(tickTo(round * 8000))).toEqual(['expiring 1'])
      expect(feed({ type: 'token', link: 1, token: `t${round}` })).toContainEqual({
        type: 'send',
        link: 1,
        frame: { type: 'authorize', token: `t${round}` },
      })
    }
  })

  test('in no time at all is nonsense, and no storm', () => {
    const { feed, hear, greet, tickTo } = world()
    feed({ type: 'go', plan: PLAN })
    greet(1)
    hear(1, { ...WELCOME, tokenExpiresInMs: 0 })
    expect(asks(tickTo(799))).toEqual([])
    expect(asks(tickTo(800))).toEqual(['expiring 1'])
    feed({ type: 'token', link: 1, token: 't' })
    expect(asks(tickTo(801))).toEqual([])
  })
})

test('a flood of bad frames is a few warnings, one for each kind', () => {
  const { feed, greet, hear } = world()
  feed({ type: 'go', plan: PLAN })
  greet(1)
  hear(1, WELCOME)
  const problem = (detail: string): number =>
    feed({ type: 'link-problem', link: 1, problem: { reason: 'malformed', detail } }).filter(
      ({ type }) => type === 'warning',
    ).length
  expect([problem('a'), problem('a'), problem('b'), problem('a')]).toEqual([1, 0, 1, 0])
  let told = 0
  for (let count = 0; count < 100; count += 1) told += problem(`kind ${count}`)
  expect(told).toBe(6)
})
