/**
 * The transition tables tell the truth: nothing happens that they do not list (the machines would throw), nothing is
 * listed that never happens, and docs/state-machines.md is drawn from them.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { readTables, render } from '../../scripts/state-machines.mjs'
import { COMMAND_TRANSITIONS } from '../../src/core/command-transitions'
import { BREAKER_TRANSITIONS, LIVENESS_TRANSITIONS } from '../../src/core/endpoint-transitions'
import { LINK_TRANSITIONS, SESSION_TRANSITIONS } from '../../src/core/link-transitions'
import { FLIGHT_TRANSITIONS, REQUEST_TRANSITIONS } from '../../src/core/request-transitions'
import * as seat from '../../src/core/seat-transitions'
import { LANE_TRANSITIONS, TOPIC_TRANSITIONS } from '../../src/core/topic-transitions'
import { transition, type Transitions } from '../../src/core/transitions'
import {
  playOutbox,
  playPool,
  playRarePool,
  playRareSession,
  playRequest,
  playSession,
  playTopic,
  type Episode,
} from './random-machines'

type Table = Transitions<string>

/** Every transition taken, as `from event`, by table. */
const taken = vi.hoisted(() => new Map<unknown, Set<string>>())

vi.mock('../../src/core/transitions', async (original) => {
  const real = await original<{ readonly transition: (table: Table, from: string, event: string) => string }>()
  const recorded: typeof real.transition = (table, from, event) => {
    const next = real.transition(table, from, event)
    taken.set(table, (taken.get(table) ?? new Set()).add(`${from} ${event}`))
    return next
  }
  return { ...real, transition: recorded }
})

function neverTaken(tables: Readonly<Record<string, Table>>): string[] {
  return Object.entries(tables).flatMap(([name, table]) =>
    Object.entries(table).flatMap(([from, events]) =>
      Object.keys(events).flatMap((event) =>
        taken.get(table)?.has(`${from} ${event}`) === true ? [] : [`${name}: ${event} in ${from}`],
      ),
    ),
  )
}

/** Plays episodes of random inputs until every row has been taken; the seeds make it the same ones every time. */
function play(episode: Episode, tables: Readonly<Record<string, Table>>, most: number): void {
  for (let seed = 1; seed <= most && neverTaken(tables).length > 0; seed += 1) episode(seed)
  expect(neverTaken(tables)).toEqual([])
}

describe('every row of a table is taken, and nothing else, whatever comes in whatever order', () => {
  const { PLACE_TRANSITIONS, SEARCH_TRANSITIONS, OLD_LINK_TRANSITIONS } = seat
  const { TRUST_TRANSITIONS, MOVE_TRANSITIONS, QUIET_TRANSITIONS } = seat
  const places = { PLACE_TRANSITIONS, SEARCH_TRANSITIONS, OLD_LINK_TRANSITIONS, TRUST_TRANSITIONS }
  const pool = { ...places, MOVE_TRANSITIONS, QUIET_TRANSITIONS, LIVENESS_TRANSITIONS, BREAKER_TRANSITIONS }
  const session = { SESSION_TRANSITIONS, LINK_TRANSITIONS }
  const topic = { TOPIC_TRANSITIONS, LANE_TRANSITIONS }
  const request = { REQUEST_TRANSITIONS, FLIGHT_TRANSITIONS }

  it('pool', { timeout: 60_000 }, () => {
    playRarePool()
    play(playPool, pool, 600)
  })
  it('session', { timeout: 60_000 }, () => {
    playRareSession()
    play(playSession, session, 4000)
  })
  it('topic', () => play(playTopic, topic, 4000))
  it('command', () => play(playOutbox, { COMMAND_TRANSITIONS }, 400))
  it('request', () => play(playRequest, request, 400))

  it('these are all tables there are', () => {
    const all = { ...pool, ...session, ...topic, COMMAND_TRANSITIONS, ...request }
    expect(readTables().map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(all)))
    expect(readTables()).toHaveLength(Object.keys(all).length)
  })
})

describe('a transition that is not listed', () => {
  it('does not compile where the state is known, and throws', () => {
    // @ts-expect-error a live link does not greet
    expect(() => transition(LINK_TRANSITIONS, 'live', 'hello')).toThrow('No transition "hello" in state "live".')
  })

  it('throws where the state is not known', () => {
    const anywhere = 'gone' as keyof typeof LINK_TRANSITIONS
    expect(() => transition(LINK_TRANSITIONS, anywhere, 'end')).toThrow('No transition "end" in state "gone".')
  })
})

describe('docs/state-machines.md', () => {
  const text = render()
  const diagrams = [...text.matchAll(/```mermaid\n([^`]*)```/g)].map(([, lines = '']) => lines.trimEnd().split('\n'))

  it('is what the tables say: `node scripts/state-machines.mjs` writes it', () => {
    expect(readFileSync(new URL('../../docs/state-machines.md', import.meta.url), 'utf8')).toBe(text)
  })

  it('has a diagram for each table', () => {
    expect(diagrams).toHaveLength(readTables().length)
  })

  it('keeps to the grammar of Mermaid, and to what can be read', () => {
    for (const [head, ...lines] of diagrams) {
      expect(head).toBe('stateDiagram-v2')
      const named = lines.flatMap((line) => /^ {4}state "[^":;]+" as (\w+)$/.exec(line)?.[1] ?? [])
      const arrows = lines.flatMap((line) => {
        const match = /^ {4}(\[\*\]|\w+) --> (\[\*\]|\w+)(?:: [\w, -]+)?$/.exec(line)
        return match === null ? [] : [[match[1] ?? '', match[2] ?? '']]
      })
      expect(lines).toHaveLength(named.length + arrows.length)
      const states = new Set(arrows.flat().filter((state) => state !== '[*]'))
      expect(named.filter((state) => !states.has(state))).toEqual([])
      expect(states.size).toBeLessThanOrEqual(12)
    }
  })
})
