/** When the last known good endpoints are stored, and how old they are then. */
import { describe, expect, it } from 'vitest'
import { LastKnownGood, readStored } from '../../src/client/last-known-good'
import { resolveOptions } from '../../src/client/options'
import { Resolution } from '../../src/client/resolution'
import { PoolMachine } from '../../src/core/pool'
import { seededRandom } from '../../src/core/random'
import type { Platform } from '../../src/platform/platform'
import { settings } from './pool-world'

const HOUR = 3_600_000
const START = 1_800_000_000_000
const SRV1 = 'https://srv1.contoso.com'
const SRV3 = 'https://srv3.contoso.com'

interface World {
  stored: string | undefined
  wall: number
  readonly pool: PoolMachine
  readonly memory: LastKnownGood
  /** Pending timers. */
  readonly timers: ReadonlySet<() => void>
  save(): Promise<void>
  /** Hours go by; each fires the timers. */
  pass(hours: number): Promise<void>
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A pool whose configuration names srv1, with this in its store. */
function world(before?: string): World {
  const state = { stored: before, wall: START }
  const timers = new Set<() => void>()
  const store = { load: () => state.stored, save: (_key: string, value: string) => void (state.stored = value) }
  const config = resolveOptions({ hostname: 'a365web1.contoso.com', endpoints: ['srv1.contoso.com'], store } as never)
  const platform = {
    wallClock: () => state.wall,
    setTimer: (_ms: number, call: () => void) => {
      timers.add(call)
      return () => timers.delete(call)
    },
  } as unknown as Platform
  const hooks = { merge: () => undefined, designated: () => undefined, known: () => [], warn: () => undefined }
  const resolution = new Resolution(config, platform, hooks)
  const memory = new LastKnownGood(config, platform, resolution, () => undefined)
  const pool = new PoolMachine(settings(), seededRandom(1))
  const seeds = config.endpoints.map(({ id, url, name, rank }) => ({ id, url, name, rank }))
  pool.handle(0, { type: 'endpoints', source: 'configured', seeds })
  memory.load((named) => void pool.handle(0, { type: 'endpoints', source: 'store', seeds: named }))
  return Object.assign(state, {
    pool,
    memory,
    timers,
    save: async () => {
      await settled()
      memory.save(pool.endpoints(), undefined)
      await settled()
    },
    pass: async (hours: number) => {
      for (let hour = 0; hour < hours; hour += 1) {
        state.wall += HOUR
        for (const call of [...timers]) {
          timers.delete(call)
          call()
        }
        await settled()
      }
    },
  })
}

function answer(pool: PoolMachine, id: string): void {
  const endpoint = pool.judge.roster.get(id)
  if (endpoint === undefined) throw new Error(`no endpoint ${id}`)
  pool.judge.probed(0, endpoint, 'helpdesk', { is: 'alive', status: 200, rttMs: 1 })
}

function urls(text: string | undefined, wall: number): string[] {
  const stored = readStored(text ?? '', wall)
  return stored === 'corrupt' ? ['corrupt'] : stored.named.map(({ url }) => url)
}

describe('stored endpoints', () => {
  it('of a program that ran well for days are known after its end', async () => {
    const here = world()
    answer(here.pool, SRV1)
    await here.save()
    await here.pass(72)
    expect(urls(here.stored, here.wall + HOUR)).toEqual([SRV1])
  })

  it('grow old while nobody answers', async () => {
    const here = world()
    await here.save()
    await here.pass(72)
    expect(urls(here.stored, here.wall)).toEqual([])
  })

  it('that the store alone names are forgotten after a day, however often they are stored again', async () => {
    let text: string | undefined = JSON.stringify({ version: 1, savedAt: START - HOUR, endpoints: [{ url: SRV3 }] })
    let wall = START
    const known: number[] = []
    for (let run = 0; run < 4; run += 1) {
      const here = world(text)
      here.wall = wall
      answer(here.pool, SRV1)
      await here.save()
      await here.pass(10)
      known.push(here.pool.endpoints().length)
      text = here.stored
      wall = here.wall
      await here.memory.close()
    }
    expect(known).toEqual([2, 2, 2, 1])
  })

  it('that answer are kept, whoever named them', async () => {
    const here = world(JSON.stringify({ version: 1, savedAt: START - HOUR, endpoints: [{ url: SRV3 }] }))
    await here.save()
    answer(here.pool, SRV3)
    await here.pass(72)
    expect(urls(here.stored, here.wall)).toContain(SRV3)
  })

  it('are not written any more after the end', async () => {
    const here = world()
    await here.save()
    expect(here.timers.size).toBe(1)
    await here.memory.close()
    expect(here.timers.size).toBe(0)
  })
})
