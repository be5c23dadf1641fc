import { describe, expectTypeOf, it } from 'vitest'
import {
  createFailoverClient,
  DEFAULTS,
  isFailoverError,
  stateTopic,
  type EndpointInfo,
  type FailoverClient,
} from '../../src/index'

// What a user's editor sees. Runs under the compiler only.

interface Agent {
  readonly name: string
}

declare const client: FailoverClient

describe('createFailoverClient', () => {
  it('needs the dedicated hostname and nothing else', () => {
    expectTypeOf(createFailoverClient).returns.toEqualTypeOf<FailoverClient>()
    expectTypeOf(createFailoverClient).toBeCallableWith({ hostname: 'a365web1.contoso.com' })
    // @ts-expect-error the hostname is required
    createFailoverClient({})
    // @ts-expect-error an unknown option is refused
    createFailoverClient({ hostname: 'h', hostnames: [] })
  })

  it('takes a token as text, at once or later', () => {
    expectTypeOf(createFailoverClient).toBeCallableWith({ hostname: 'h', token: 'text' })
    expectTypeOf(createFailoverClient).toBeCallableWith({ hostname: 'h', token: ({ reason }) => reason })
    expectTypeOf(createFailoverClient).toBeCallableWith({ hostname: 'h', token: () => Promise.resolve('later') })
    // @ts-expect-error a number is no token
    createFailoverClient({ hostname: 'h', token: 1 })
  })

  it('has defaults that nobody can change', () => {
    expectTypeOf(DEFAULTS.connect.timeoutMs).toEqualTypeOf<5000>()
    // @ts-expect-error read-only
    DEFAULTS.connect.timeoutMs = 1
  })
})

describe('subscriptions', () => {
  it('carry the type of the topic', () => {
    const agents = client.subscribe(stateTopic<Agent>('ucc/helpdesk/agents'))
    expectTypeOf(agents.view).toEqualTypeOf<ReadonlyMap<string, Agent>>()
  })
})

describe('events', () => {
  it('give one context object each', () => {
    client.on('failover', (report) => {
      expectTypeOf(report.timings.totalMs).toBeNumber()
      expectTypeOf(report.to).toExtend<EndpointInfo | undefined>()
    })
    // @ts-expect-error no such event
    client.on('failedOver', () => undefined)
    expectTypeOf(client.on('failover', () => undefined)).toEqualTypeOf<() => void>()
  })
})

describe('errors', () => {
  it('are told apart by code, through chains of causes', () => {
    // Not a type guard: the FailoverError may be a cause of what was caught.
    expectTypeOf(isFailoverError).returns.toBeBoolean()
    expectTypeOf(isFailoverError).toBeCallableWith(new Error('any'), 'OUTCOME_UNKNOWN')
    // @ts-expect-error no such code
    isFailoverError(undefined, 'NO_SUCH_CODE')
  })
})

describe('fetch', () => {
  it('is the standard one', () => {
    expectTypeOf(client.fetch).toExtend<typeof fetch>()
  })
})
