/** The loop: what throws inside a turn ends that turn alone, and never the timer; its own sleep is noticed. */
import { describe, expect, it } from 'vitest'
import { failureReporter, lateTimers } from '../../src/client/self-watch'
import { NEVER } from '../../src/core/time'
import { Loop, type LoopPart } from '../../src/driver/loop'
import type { Platform } from '../../src/platform/platform'

/** A clock and one timer: all of a platform that the loop uses. */
class Clock {
  now = 0
  /** So long has the monotonic clock stood still. */
  asleepMs = 0
  armed: { readonly at: number; readonly fire: () => void } | undefined
  fired = 0

  readonly platform = {
    now: () => this.now,
    wallClock: () => this.now + this.asleepMs,
    setTimer: (ms: number, fire: () => void) => {
      const timer = { at: this.now + Math.max(1, ms), fire }
      this.armed = timer
      return () => {
        if (this.armed === timer) this.armed = undefined
      }
    },
  } as unknown as Platform

  run(ms: number): void {
    const end = this.now + ms
    while (this.armed !== undefined && this.armed.at <= end) {
      const { at, fire } = this.armed
      this.now = at
      this.armed = undefined
      this.fired += 1
      fire()
    }
    this.now = end
  }
}

function world(): { clock: Clock; loop: Loop; errors: unknown[] } {
  const clock = new Clock()
  const errors: unknown[] = []
  return { clock, loop: new Loop(clock.platform, (error) => void errors.push(error)), errors }
}

function ticking(clock: Clock, everyMs: number, tick: () => void): LoopPart {
  let next = clock.now + everyMs
  return {
    deadline: () => next,
    tick: (now) => {
      next = now + everyMs
      tick()
    },
    pause: () => undefined,
  }
}

describe('a turn that throws', () => {
  it('is told; the turns behind it, the listeners and the timer go on', () => {
    const { clock, loop, errors } = world()
    const said: string[] = []
    loop.add(ticking(clock, 1000, () => said.push('tick')))
    const wrong = new Error('wrong')
    expect(() =>
      loop.run(() => {
        loop.run(() => void said.push('behind'))
        loop.defer(() => void said.push('deferred'))
        throw wrong
      }),
    ).not.toThrow()
    expect(errors).toEqual([wrong])
    expect(said).toEqual(['behind', 'deferred'])
    clock.run(3500)
    expect(said.filter((word) => word === 'tick')).toHaveLength(3)
  })

  it('at every tick neither spins nor stops the other parts', () => {
    const { clock, loop, errors } = world()
    let ticks = 0
    const fail = (): never => {
      throw new Error('broken')
    }
    loop.add({ deadline: () => 0, tick: fail, pause: fail })
    loop.add(ticking(clock, 1000, () => (ticks += 1)))
    loop.run(() => undefined)
    clock.run(10_000)
    expect(ticks).toBeGreaterThanOrEqual(9)
    expect(clock.fired).toBeLessThanOrEqual(120)
    expect(errors.length).toBeGreaterThan(50)
  })

  it('when it asks for the deadline, too', () => {
    const { clock, loop, errors } = world()
    let ticks = 0
    const fail = (): never => {
      throw new Error('broken')
    }
    loop.add({ deadline: fail, tick: fail, pause: fail })
    loop.add(ticking(clock, 1000, () => (ticks += 1)))
    loop.run(() => undefined)
    clock.run(10_000)
    expect(ticks).toBeGreaterThanOrEqual(9)
    expect(clock.fired).toBeLessThanOrEqual(120)
    expect(errors.length).toBeGreaterThan(50)
  })

  it('nothing comes of a reporter that fails', () => {
    const clock = new Clock()
    const loop = new Loop(clock.platform, () => {
      throw new Error('again')
    })
    let isSaid = false
    loop.run(() => {
      loop.defer(() => (isSaid = true))
      throw new Error('first')
    })
    expect(isSaid).toBe(true)
    expect(clock.armed).toBeDefined()
  })
})

describe('a clock that stood still', () => {
  const nap = (ms: number): string[] => {
    const { clock, loop } = world()
    const told: string[] = []
    loop.add({
      deadline: () => NEVER,
      tick: () => undefined,
      slept: (_now, slept) => told.push(`slept ${slept}`),
      pause: (_now, lateMs, uncountedMs) => told.push(`pause ${lateMs}, ${uncountedMs} of it unseen`),
    })
    clock.run(1000)
    clock.asleepMs += ms
    loop.run(() => undefined)
    loop.run(() => undefined)
    return told
  }

  it('is told of a nap, once', () => expect(nap(1500)).toEqual(['slept 1500']))

  it('is a pause too when it was long', () =>
    expect(nap(5000)).toEqual(['slept 5000', 'pause 5000, 5000 of it unseen']))

  it('is not told of a clock that is being set right', () => expect(nap(30)).toEqual([]))
})

describe('warnings about oneself', () => {
  it('a failure is told once, and a few at most', () => {
    const told: string[] = []
    const report = failureReporter((code, _sentence, cause) => told.push(`${code} ${(cause as Error).message}`))
    for (let round = 0; round < 3; round += 1) report(new Error('same'))
    expect(told).toEqual(['INTERNAL_ERROR same'])
    for (let n = 0; n < 100; n += 1) report(new Error(`number ${n}`))
    expect(told).toHaveLength(20)
  })

  it('pauses are told once an hour', () => {
    const told: string[] = []
    let now = 0
    const part = lateTimers(
      () => now,
      (code) => told.push(code),
    )
    expect(part.deadline()).toBe(NEVER)
    for (; now < 7_000_000; now += 60_000) part.pause(now, 20_000, 0)
    expect(told).toEqual(['LATE_TIMERS', 'LATE_TIMERS'])
  })
})
