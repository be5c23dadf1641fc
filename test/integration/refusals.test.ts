/** What is told when nobody may be used: the token refused everywhere, not allowed there, or no road known. */
import { describe, expect, it } from 'vitest'
import { isFailoverError } from 'failover-client'
import { startHarness, until } from '../support/harness'

const FAST = { failover: { spreadMs: 0 }, requests: { readyTimeoutMs: 1000 } }

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('a token that every server refuses', () => {
  for (const [what, code] of [
    ['does not hold', 'UNAUTHORIZED'],
    ['is not allowed there', 'FORBIDDEN'],
  ] as const) {
    it(`because it ${what}: ready() and requests end with ${code}`, async () => {
      const forbidden = code === 'FORBIDDEN' ? { forbiddenTokens: ['my-token'] } : {}
      const { connect } = await startHarness({ tokens: ['another'], ...forbidden })
      const { client, events } = connect({ ...FAST, token: () => 'my-token' })
      client.subscribe('ucc/helpdesk/agents')
      // No limit given: waiting would mend nothing, so it ends by itself.
      const error = await failureOf(client.ready())
      expect(isFailoverError(error, code)).toBe(true)
      expect(client.state).toBe('offline')
      expect(client.offlineReason).toBe('unauthorized')
      expect(isFailoverError(await failureOf(client.ready({ timeoutMs: 1000 })), code)).toBe(true)
      // While one of them is being tried again a request goes there, and brings its own refusal back.
      const answer = await client.fetch('/api/whoami').then(
        ({ status }) => status,
        (refused: unknown) => {
          expect(refused).toBeInstanceOf(TypeError)
          expect(String((refused as Error).cause)).not.toContain('my-token')
          return isFailoverError(refused, code) && code
        },
      )
      expect([code, code === 'FORBIDDEN' ? 403 : 401]).toContain(answer)
      expect(JSON.stringify([events, client.diagnostics()])).not.toContain('my-token')
      // Refusing is no fault of the servers.
      expect(client.endpoints.map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
    })
  }

  it('by one server only bars that one', async () => {
    const { cluster, connect } = await startHarness({ tokens: ['my-token'] })
    await cluster.server('srv1').setTokens(['another'])
    const { client } = connect({ ...FAST, token: () => 'my-token' })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await client.ready({ timeoutMs: 10_000 })
    expect(client.active?.server).toBe('srv2')
    await until('the topic is live', () => agents.state === 'live', 3000)
  })

  it('and a later one that is taken: connected, and ready() again', async () => {
    const { cluster, connect } = await startHarness({ tokens: ['later'] })
    let token = 'early'
    const { client } = connect({ ...FAST, token: () => token })
    client.subscribe('ucc/helpdesk/agents')
    expect(isFailoverError(await failureOf(client.ready()), 'UNAUTHORIZED')).toBe(true)
    token = 'later'
    await until('connected', () => client.state === 'connected', 30_000)
    await client.ready()
    expect(cluster.servers.map(({ name }) => name)).toContain(client.active?.server)
  }, 60_000)
})
