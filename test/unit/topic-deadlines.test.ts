/** The earliest deadline of many topics is kept, not sought: it must be what seeking would find, whatever happens. */
import { describe, expect, test } from 'vitest'
import { Link } from '../../src/core/link'
import { seededRandom } from '../../src/core/random'
import { TopicSet } from '../../src/core/session-topics'
import { NEVER } from '../../src/core/time'

const STEPS = 400
const NAMES = Array.from({ length: 8 }, (_unused, n) => `log-${n}`)

interface Scene {
  readonly topics: TopicSet
  readonly links: readonly Link[]
  readonly seqs: Map<number, number>
}

function scene(): Scene {
  const road = { endpointId: 'a', url: 'https://a.test', generation: 1 }
  const links = [1, 2].map((id) => new Link(id, road, undefined, false, 0, 1000))
  const topics = new TopicSet({
    link: (id) => links.find((link) => link.id === id),
    send: () => undefined,
    silent: () => undefined,
    emit: () => undefined,
  })
  return { topics, links, seqs: new Map() }
}

function open({ topics, links }: Scene, now: number, name: string, fresh: boolean): void {
  const config = { name, kind: 'log' as const, logKeys: 10, staleAfterMs: 5000 }
  topics.open(now, fresh ? { ...config, freshWithinMs: 1500 } : config)
  const [link] = links
  if (link !== undefined) topics.ready(now, link, name)
}

/** The server's next frame for this topic: its answer and snapshot, then events. */
function speak({ topics, links, seqs }: Scene, now: number, name: string): void {
  for (const link of links) {
    const id = link.topicIds.get(name)
    if (id === undefined) continue
    const seq = seqs.get(id)
    seqs.set(id, (seq ?? 0) + 1)
    const cursor = { epoch: 'e', seq: 0 }
    const frames =
      seq === undefined
        ? [
            { type: 'subscribed' as const, id, kind: 'log' as const, recovered: false, cursor },
            { type: 'snapshot' as const, id, cursor, items: [] },
          ]
        : [{ type: 'event' as const, id, seq: seq + 1, op: 'append' as const, key: `${id}-${seq}`, data: seq }]
    for (const frame of frames) topics.handle(now, name, { type: 'frame', link: link.id, frame })
  }
}

function step(world: Scene, now: number, random: () => number): void {
  const { topics, links } = world
  const name = NAMES[Math.floor(random() * NAMES.length)] ?? ''
  const link = links[random() < 0.8 ? 0 : 1]
  const what = random()
  if (link === undefined) return
  if (what < 0.2) open(world, now, name, random() < 0.5)
  else if (what < 0.65) speak(world, now, name)
  else if (what < 0.75) topics.running(now, link.id, random() < 0.8)
  else if (what < 0.85) topics.tick(now)
  else if (what < 0.9) topics.ready(now, link, name)
  else if (what < 0.93) topics.lost(now, link.id)
  else if (what < 0.96) topics.handle(now, name, { type: 'pressure', full: random() < 0.5 })
  else topics.close(now, name)
}

describe('the earliest deadline', () => {
  test.each(Array.from({ length: 25 }, (_unused, n) => n + 1))('seed %d', (seed) => {
    const random = seededRandom(seed)
    const world = scene()
    const { topics } = world
    let now = 1000
    let finite = 0
    for (let n = 0; n < STEPS; n += 1) {
      now += Math.floor(random() * 400)
      step(world, now, random)
      const sought = Math.min(NEVER, ...topics.names().map((name) => topics.get(name)?.deadline() ?? NEVER))
      expect(topics.deadline(), `step ${n}`).toBe(sought)
      if (sought !== NEVER) finite += 1
    }
    expect(finite).toBeGreaterThan(STEPS / 10)
  })
})
