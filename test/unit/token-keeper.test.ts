/** The token of each server: asked for once at a time, kept while it is good, and kept out of texts for longer. */
import { describe, expect, it } from 'vitest'
import type { TokenProvider } from '../../src/client/option-types'
import { TokenKeeper, type TokenAnswer } from '../../src/client/token-keeper'
import type { Platform } from '../../src/platform/platform'

class Desk {
  readonly timers = new Set<() => void>()
  readonly failures: unknown[] = []
  readonly renewed: string[] = []
  readonly keeper: TokenKeeper

  constructor(provider: TokenProvider | undefined) {
    const platform = {
      setTimer: (_ms: number, fire: () => void) => {
        this.timers.add(fire)
        return () => void this.timers.delete(fire)
      },
    } as unknown as Platform
    this.keeper = new TokenKeeper(
      platform,
      provider,
      (error) => void this.failures.push(error),
      (endpointId) => void this.renewed.push(endpointId),
    )
  }

  ask(endpointId: string, reason: 'connect' | 'rejected' | 'expiring' = 'connect'): Promise<TokenAnswer> {
    return new Promise((resolve) => void this.keeper.ask({ endpointId, reason, server: undefined }, resolve))
  }
}

/** Gives `t1`, `t2` and so on. */
function counting(): { provider: TokenProvider; asked: string[] } {
  const asked: string[] = []
  const provider: TokenProvider = ({ reason }) => {
    asked.push(reason)
    return `t${asked.length}`
  }
  return { provider, asked }
}

describe('the provider', () => {
  it('is asked once for those who ask at a time, and not again while its token is good there', async () => {
    const { provider, asked } = counting()
    const desk = new Desk(provider)
    expect(await Promise.all([desk.ask('a'), desk.ask('a')])).toEqual([{ token: 't1' }, { token: 't1' }])
    expect(await desk.ask('a')).toEqual({ token: 't1' })
    expect(asked).toEqual(['connect'])
  })

  it('is asked for each server', async () => {
    const desk = new Desk(counting().provider)
    expect(await desk.ask('a')).toEqual({ token: 't1' })
    expect(await desk.ask('b')).toEqual({ token: 't2' })
  })

  it('is asked again once a token is no longer good; another one is told', async () => {
    const desk = new Desk(counting().provider)
    await desk.ask('a')
    desk.keeper.forget('a')
    expect(await desk.ask('a', 'rejected')).toEqual({ token: 't2' })
    expect(desk.renewed).toEqual(['a'])
  })

  it('is asked for the next connection, too, when it had nothing better at the refusal', async () => {
    const answers = ['t1', new Error('the login service is away'), 't2']
    const desk = new Desk(() => {
      const answer = answers.shift() ?? ''
      if (answer instanceof Error) throw answer
      return answer
    })
    await desk.ask('a')
    desk.keeper.forget('a')
    expect(await desk.ask('a', 'rejected')).toHaveProperty('error')
    expect(await desk.ask('a', 'connect')).toEqual({ token: 't2' })
  })

  it('fails for whoever waited when it rejects, gives no text, or never settles', async () => {
    const rejecting = new Desk(() => Promise.reject(new Error('no network')))
    expect(await rejecting.ask('a')).toEqual({ error: new Error('no network') })
    expect(rejecting.failures).toHaveLength(1)
    const odd = new Desk(() => 7 as unknown as string)
    expect(await odd.ask('a')).toHaveProperty('error')
    const hanging = new Desk(() => new Promise<string>(() => undefined))
    const answer = hanging.ask('a')
    await Promise.resolve()
    for (const fire of hanging.timers) fire()
    expect(await answer).toHaveProperty('error')
  })

  it('is told to stop when the client closes, and nobody is answered', async () => {
    let signal: AbortSignal | undefined
    const desk = new Desk((context) => {
      signal = context.signal
      return new Promise<string>(() => undefined)
    })
    let isAnswered = false
    void desk.ask('a').then(() => (isAnswered = true))
    await Promise.resolve()
    desk.keeper.close()
    await Promise.resolve()
    expect([signal?.aborted, desk.timers.size, isAnswered]).toEqual([true, 0, false])
  })
})

describe('what must never appear in a text', () => {
  it('is a token that was replaced, too, and after the end: a server may still echo it', async () => {
    const desk = new Desk(counting().provider)
    await desk.ask('a')
    await desk.ask('a', 'expiring')
    await desk.ask('b')
    desk.keeper.close()
    expect(desk.keeper.secrets()).toEqual(['t1', 't2', 't3'])
  })

  it('is bounded: a client that lives for weeks forgets the oldest', async () => {
    const desk = new Desk(counting().provider)
    for (let n = 0; n < 100; n += 1) await desk.ask('a', 'expiring')
    expect(desk.keeper.secrets()).toHaveLength(32)
    expect(desk.keeper.secrets().at(-1)).toBe('t100')
  })

  it('is the token that was configured', () => expect(new Desk('fixed').keeper.secrets()).toEqual(['fixed']))
})
