import { describe, expectTypeOf, it } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import type { FailoverEventName, FailoverEvents, FailoverListener } from '../../src/client/events'
import type {
  CommandOptions,
  EndpointInfo,
  EndpointInput,
  FailoverClientOptions,
  FailoverDirectoryOptions,
  MoveReport,
  Priority,
  Probe,
  RestoreContext,
  SubscribeOptions,
  SwitchoverOptions,
  TokenProvider,
  TuningConfig,
  WarningCode,
} from '../../src/client/option-types'
import { resolveOptions, type ClientConfig } from '../../src/client/options'
import { httpProbe, readinessProbe, tcpProbe, type Readiness } from '../../src/client/probes'
import { topologyDocument } from '../../src/client/resolvers'

function take(_options: FailoverClientOptions): void {}
function takeDirectory(_options: FailoverDirectoryOptions): void {}
declare function on<Name extends FailoverEventName>(name: Name, listener: FailoverListener<Name>): () => void

describe('options', () => {
  it('need the hostname alone', () => {
    take({ hostname: 'a365web1.contoso.com' })
    take({ hostname: new URL('https://a365web1.contoso.com') })
    // @ts-expect-error hostname is required
    take({})
    // @ts-expect-error a name or URL
    take({ hostname: 5 })
  })

  it('take the shapes of the API', () => {
    take({
      hostname: 'h',
      endpoints: [
        'srv1',
        new URL('https://srv2'),
        { url: 'srv3', rank: 2, address: '10.0.0.3', hostname: 'x', site: 's' },
      ],
      allowedHosts: ['srv4.contoso.net'],
      ucc: 'helpdesk',
      client: { name: 'wallboard' },
      token: ({ reason, server, signal }) => `${reason} ${server ?? ''} ${String(signal.aborted)}`,
      priority: () => 'board',
      resolver: [
        topologyDocument('/topology'),
        { name: 'own', resolve: () => Promise.resolve([{ url: 'https://x' }]) },
      ],
      restoreSession: async ({ command, fetch, previous }) => {
        expectTypeOf(previous).toEqualTypeOf<EndpointInfo | undefined>()
        const answer = await command<{ ok: boolean }>('login', { name: 'x' }, { safety: 'read' })
        expectTypeOf(answer).toEqualTypeOf<{ ok: boolean }>()
        expectTypeOf(await fetch('/api')).toEqualTypeOf<Response>()
      },
      canMove: ({ kind }) => kind === 'failback',
      standby: 'warm',
      store: false,
      health: { probe: httpProbe({ path: '/up' }), referenceUrl: new URL('https://example.com') },
      failback: { mode: 'manual' },
      retry: { methods: ['GET', 'PUT'] },
    })
  })

  it('take undefined for absent', () => {
    take({ hostname: 'h', ucc: undefined, token: undefined, health: undefined, streams: { maxBuffered: undefined } })
  })

  it('refuse what is wrong', () => {
    // @ts-expect-error no such option
    take({ hostname: 'h', tokne: 'x' })
    // @ts-expect-error no such member
    take({ hostname: 'h', health: { timeout: 5 } })
    // @ts-expect-error milliseconds are a number
    take({ hostname: 'h', health: { timeoutMs: '5s' } })
    // @ts-expect-error reserved
    take({ hostname: 'h', standby: 'hot' })
    // @ts-expect-error no such class
    take({ hostname: 'h', priority: 'urgent' })
    // @ts-expect-error false or a Store
    take({ hostname: 'h', store: true })
    // @ts-expect-error a url is needed
    take({ hostname: 'h', endpoints: [{ name: 'x' }] })
    // @ts-expect-error a token is text
    take({ hostname: 'h', token: () => 5 })
  })

  it('of a directory name pools, not a hostname', () => {
    takeDirectory({ pools: [{ hostname: 'h', uccs: ['a'] }], token: 'x', failback: { mode: 'manual' } })
    // @ts-expect-error pools are needed
    takeDirectory({ token: 'x' })
    // @ts-expect-error the UCCs of a pool
    takeDirectory({ pools: [{ hostname: 'h' }] })
    // @ts-expect-error it belongs to a pool
    takeDirectory({ pools: [], hostname: 'h' })
  })

  it('are complete once resolved', () => {
    expectTypeOf(resolveOptions({ hostname: 'h' })).toEqualTypeOf<ClientConfig>()
    expectTypeOf<ClientConfig['health']['timeoutMs']>().toEqualTypeOf<number>()
    expectTypeOf<ClientConfig['failback']['mode']>().toEqualTypeOf<'automatic' | 'manual'>()
    expectTypeOf<ClientConfig['priority']>().toEqualTypeOf<Priority | (() => Priority)>()
    expectTypeOf<ClientConfig>().toExtend<TuningConfig>()
    // @ts-expect-error read-only
    resolveOptions({ hostname: 'h' }).health.fall = 5
  })

  it('have literal defaults', () => {
    expectTypeOf(DEFAULTS.health.timeoutMs).toEqualTypeOf<1500>()
    expectTypeOf(DEFAULTS.failback.mode).toEqualTypeOf<'automatic'>()
    expectTypeOf(DEFAULTS).toExtend<TuningConfig>()
  })
})

describe('arguments', () => {
  it('of the methods', () => {
    expectTypeOf<{ safety: 'claim'; deadlineMs: 5 }>().toExtend<CommandOptions>()
    expectTypeOf<{ safety: 'maybe' }>().not.toExtend<CommandOptions>()
    expectTypeOf<{ cursor: { epoch: string; seq: number } }>().toExtend<SubscribeOptions>()
    expectTypeOf<{ to: URL; hold: true }>().toExtend<SwitchoverOptions>()
    expectTypeOf<'srv1' | URL | { url: string }>().toExtend<EndpointInput>()
    expectTypeOf<string | (() => Promise<string>)>().toExtend<TokenProvider>()
    expectTypeOf<RestoreContext['signal']>().toEqualTypeOf<AbortSignal>()
  })

  it('of probes', () => {
    expectTypeOf(readinessProbe()).toEqualTypeOf<Probe>()
    expectTypeOf(tcpProbe({ port: 6001 })).toEqualTypeOf<Probe>()
    const own: Probe = async (endpoint, { get }) => ({
      state: (await get(`/${endpoint.id}`)).status === 200 ? 'running' : 'unknown',
    })
    expectTypeOf(own).returns.toEqualTypeOf<Promise<Readiness>>()
    // @ts-expect-error a state is needed
    const _wrong: Probe = () => Promise.resolve({ server: 'srv1' })
    // @ts-expect-error a path is needed
    httpProbe({})
  })
})

describe('events', () => {
  it('are these', () => {
    type Moves = 'failover' | 'switchover' | 'failback'
    type Changes = 'stateChange' | 'endpointChange' | 'topologyChange'
    type Streams = 'resume' | 'gap' | 'outcomeUnknown'
    expectTypeOf<FailoverEventName>().toEqualTypeOf<Moves | Changes | Streams | 'warning' | 'decision'>()
  })

  it('carry one context object each', () => {
    on('failover', ({ from, to, reason, timings, sentence }) => {
      expectTypeOf(from).toEqualTypeOf<EndpointInfo>()
      expectTypeOf(to.server).toEqualTypeOf<string | undefined>()
      expectTypeOf(reason).toEqualTypeOf<MoveReport['reason']>()
      expectTypeOf(timings.totalMs).toEqualTypeOf<number>()
      expectTypeOf(sentence).toEqualTypeOf<string>()
    })
    on('warning', ({ code }) => expectTypeOf(code).toEqualTypeOf<WarningCode>())
    on('resume', ({ how }) => expectTypeOf(how).toEqualTypeOf<'resumed' | 'resynced' | 'continued'>())
    on('stateChange', async ({ to, offlineReason }) => {
      expectTypeOf(to).toEqualTypeOf<'connecting' | 'connected' | 'degraded' | 'offline' | 'closed'>()
      expectTypeOf(offlineReason).toEqualTypeOf<'network' | 'servers' | 'starting' | 'unauthorized' | undefined>()
      await Promise.resolve()
    })
    // @ts-expect-error no such event
    on('failOver', () => undefined)
    // @ts-expect-error no such member
    on('gap', ({ subject }) => subject)
  })

  it('all tell a sentence', () => {
    expectTypeOf<FailoverEvents[FailoverEventName]['sentence']>().toEqualTypeOf<string>()
  })
})
