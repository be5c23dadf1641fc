/** A resolver of the user may do what it likes: it is asked again, and its end is one. */
import { describe, expect, it } from 'vitest'
import { askResolver } from '../../src/client/ask-resolver'
import type { Platform, Resolver } from '../../src/platform/platform'

const CONTEXT = { hostname: 'a365web1.contoso.com', url: 'https://a365web1.contoso.com', endpoints: [] }

function asked(resolve: Resolver['resolve']): {
  readonly ends: readonly string[]
  cancel: () => void
  timeOut: () => void
  timers: () => number
} {
  const ends: string[] = []
  const timers = new Set<() => void>()
  const platform = {
    setTimer: (_ms: number, call: () => void) => {
      timers.add(call)
      return () => timers.delete(call)
    },
  } as unknown as Platform
  const spec = { kind: 'custom', name: 'mine', resolver: { name: 'mine', resolve }, pollMs: 1000 } as const
  const cancel = askResolver(platform, spec, CONTEXT, {
    answered: (named) => void ends.push(named.map(({ url }) => url).join()),
    failed: (sentence) => void ends.push(sentence),
  })
  const timeOut = (): void => {
    for (const call of [...timers]) call()
  }
  return { ends, cancel, timeOut, timers: () => timers.size }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a question to a resolver', () => {
  it.each<readonly [string, Resolver['resolve'], string]>([
    ['its answer', () => Promise.resolve([{ url: 'https://srv1.contoso.com' }]), 'https://srv1.contoso.com'],
    ['nothing', () => Promise.resolve([]), 'mine gave no endpoints'],
    ['a failure', () => Promise.reject(new Error('no server')), 'mine failed: no server'],
    [
      'a throw',
      () => {
        throw new Error('at once')
      },
      'mine failed: at once',
    ],
    [
      'what throws when it is read',
      () =>
        Promise.resolve([
          {
            get url(): string {
              throw new Error('a trap')
            },
          },
        ]),
      'mine failed: a trap',
    ],
  ])('ends with %s', async (_what, resolve, end) => {
    const { ends, timers, timeOut } = asked(resolve)
    await turn()
    expect(ends).toEqual([end])
    expect(timers()).toBe(0)
    timeOut()
    expect(ends).toHaveLength(1)
  })

  it('that is never answered ends, too; what comes later is not heard', async () => {
    let answer: (named: []) => void = () => undefined
    let isAborted = false
    const { ends, timeOut } = asked(({ signal }) => {
      signal.addEventListener('abort', () => (isAborted = true))
      return new Promise((resolve) => (answer = resolve))
    })
    await turn()
    timeOut()
    expect([ends, isAborted]).toEqual([['mine did not answer in time'], true])
    answer([])
    await turn()
    expect(ends).toHaveLength(1)
  })

  it('is not put when it is cancelled in the same turn, and nothing stays', async () => {
    let count = 0
    const { ends, cancel, timers } = asked(() => {
      count += 1
      return Promise.resolve([])
    })
    cancel()
    await turn()
    expect([count, ends, timers()]).toEqual([0, [], 0])
  })
})
