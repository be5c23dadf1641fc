/** The state of a client in one word, and endpoints that are one server. */
import { describe, expect, it } from 'vitest'
import { clientStateOf } from '../../src/client/client-state'
import { DuplicateServers } from '../../src/client/duplicate-servers'
import type { ClientState, EndpointInfo } from '../../src/client/reports'
import type { SubscriptionState } from '../../src/client/subscription'
import type { SeatCondition } from '../../src/core/pool-protocol'

const SERVED: SeatCondition = { is: 'serving' }

function stateOf(topics: readonly SubscriptionState[], state: ClientState, wasConnected: boolean): string {
  const words = topics.map((one, index) => ({ topic: `t${index}`, state: one }))
  const word = clientStateOf(SERVED, words, { state, wasConnected })
  return `${word.state} ${word.reason}`
}

describe('state of a client', () => {
  it('is connected for the first time when every topic is live', () => {
    expect(stateOf(['live', 'pending'], 'connecting', false)).toBe('connecting topic-not-live')
    expect(stateOf(['pending'], 'offline', false)).toBe('connecting topic-not-live')
    // Not back from degraded to connecting: it had a connection already.
    expect(stateOf(['pending'], 'degraded', false)).toBe('degraded topic-not-live')
    expect(stateOf(['live', 'live'], 'connecting', false)).toBe('connected ready')
    expect(stateOf([], 'connecting', false)).toBe('connected ready')
  })

  it('does not change for a topic that is added later', () => {
    expect(stateOf(['live', 'pending'], 'connected', true)).toBe('connected ready')
  })

  it('is degraded while a topic that was live is not', () => {
    expect(stateOf(['live', 'recovering'], 'connected', true)).toBe('degraded topic-not-live')
    expect(stateOf(['stale', 'pending'], 'connecting', false)).toBe('degraded topic-not-live')
  })
})

describe('endpoints answered by one server', () => {
  const info = (name: string, server: string | undefined, more: Partial<EndpointInfo> = {}): EndpointInfo =>
    ({ id: name, name, url: `https://${name}`, server, breaker: 'closed', rttMs: 1, ...more }) as EndpointInfo

  it('are told once', () => {
    const duplicates = new DuplicateServers('https://web')
    expect(duplicates.notice([info('a', 'srv1'), info('b', 'srv2')])).toBeUndefined()
    const both = [info('a', 'srv1'), info('b', 'srv1')]
    expect(duplicates.notice(both)).toBe('a and b are answered by the same server, srv1.')
    expect(duplicates.notice(both)).toBeUndefined()
  })

  it('but not the dedicated hostname, hearsay, or what is down', () => {
    const duplicates = new DuplicateServers('https://web')
    expect(duplicates.notice([info('web', 'srv1'), info('a', 'srv1')])).toBeUndefined()
    expect(duplicates.notice([info('a', 'srv1'), info('b', 'srv1', { rttMs: undefined })])).toBeUndefined()
    expect(duplicates.notice([info('a', 'srv1'), info('b', 'srv1', { breaker: 'open' })])).toBeUndefined()
    expect(duplicates.notice([info('a', 'srv1'), info('b', 'srv1', { lastError: 'reset' })])).toBeUndefined()
    expect(duplicates.notice([info('a', undefined), info('b', undefined)])).toBeUndefined()
  })
})
