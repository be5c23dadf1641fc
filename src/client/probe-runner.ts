/** Carries out one probe of an endpoint, built-in or the user's own. The answer always comes later. */
import { parseReadiness } from '../core/parse-readiness'
import type { ProbeResult } from '../core/pool-protocol'
import type { NetworkFailure, Road } from '../core/road'
import type { ReadinessBody } from '../core/wire'
import type { Cancel, Platform } from '../platform/platform'
import {
  probeSpec,
  readinessPath,
  readHttpProbe,
  type Probe,
  type ProbeContext,
  type ProbeSpec,
  type Readiness,
} from './probes'
import type { EndpointInfo } from './reports'

export interface ProbeAsk {
  readonly road: Road
  readonly ucc: string | undefined
  readonly timeoutMs: number
}

/** A readiness body is small; what is larger came from somebody else. */
const MAX_BODY_BYTES = 65_536

export interface ProbeRunnerOptions {
  readonly platform: Platform
  readonly probe: Probe
  /** Path of the readiness contract. */
  readonly path: string
  readonly describe: (endpointId: string) => EndpointInfo | undefined
}

export class ProbeRunner {
  readonly #spec: ProbeSpec

  constructor(private readonly options: ProbeRunnerOptions) {
    this.#spec = probeSpec(options.probe)
  }

  run(ask: ProbeAsk, done: (result: ProbeResult) => void): Cancel {
    const spec = this.#spec
    const startedAt = this.options.platform.now()
    const rtt = (): number => this.options.platform.now() - startedAt
    switch (spec.kind) {
      case 'readiness':
        return this.#get(ask, readinessPath(this.options.path, ask.ucc), done, (status, body) =>
          readContract(status, body, rtt()),
        )
      case 'http':
        return this.#get(ask, spec.path, done, (status) =>
          readHttpProbe(status) === undefined ? refusedBy(`HTTP ${status}`) : { is: 'alive', status, rttMs: rtt() },
        )
      case 'tcp':
        return this.#connect(ask, spec.port, done, rtt)
      case 'custom':
        return this.#custom(ask, spec.run, done, rtt)
    }
  }

  #get(
    { road, timeoutMs }: ProbeAsk,
    path: string,
    done: (result: ProbeResult) => void,
    read: (status: number, body: string) => ProbeResult,
  ): Cancel {
    const request = { road, path, method: 'GET' as const, timeoutMs, maxBytes: MAX_BODY_BYTES, fresh: true }
    return this.options.platform.exchange(request, (outcome) => {
      if (outcome.ok) done(read(outcome.status, outcome.body))
      // Something answers, with more than any server of ours would say.
      else if (outcome.failure.kind === 'too-large') done({ is: 'alive', status: 200, rttMs: 0 })
      else done({ is: 'failed', failure: outcome.failure })
    })
  }

  #connect(
    { road, timeoutMs }: ProbeAsk,
    port: number,
    done: (result: ProbeResult) => void,
    rtt: () => number,
  ): Cancel {
    const { platform } = this.options
    if (platform.connectTcp === undefined) {
      return platform.setTimer(0, () => done(refusedBy('tcpProbe works in Node only')))
    }
    return platform.connectTcp(road, port, timeoutMs, (failure) => {
      done(failure === undefined ? { is: 'alive', status: 0, rttMs: rtt() } : { is: 'failed', failure })
    })
  }

  /** The user's own probe: a Promise with a deadline of its own. */
  #custom(ask: ProbeAsk, run: Probe, done: (result: ProbeResult) => void, rtt: () => number): Cancel {
    const { platform, describe, path } = this.options
    const endpoint = describe(ask.road.endpointId)
    const controller = new AbortController()
    let isOver = false
    const end = (result: ProbeResult | undefined): void => {
      if (isOver) return
      isOver = true
      cancelTimer()
      controller.abort()
      if (result !== undefined) done(result)
    }
    const cancelTimer = platform.setTimer(ask.timeoutMs, () =>
      end(failed('timeout', 'the probe did not answer in time')),
    )
    const context = customContext(platform, ask, path, controller.signal)
    void Promise.resolve()
      .then(() => (endpoint === undefined ? Promise.reject(new Error('the endpoint is gone')) : run(endpoint, context)))
      .then(
        (readiness) => end(readCustom(readiness, rtt())),
        (error: unknown) => end(failed('opaque', error instanceof Error ? error.message : 'the probe failed')),
      )
    return () => end(undefined)
  }
}

/** Judged by the body alone. What a page in its place means depends on what was known before: the judge's to say. */
function readContract(status: number, body: string, rttMs: number): ProbeResult {
  const readiness = parseReadiness(body)
  return readiness === undefined ? { is: 'alive', status, rttMs } : { is: 'ready', body: readiness, rttMs }
}

function readCustom(readiness: Readiness, rttMs: number): ProbeResult {
  if (typeof readiness?.state !== 'string') return failed('opaque', 'the probe must return { state }')
  if (readiness.server === undefined) {
    if (readiness.state === 'unknown' || readiness.state === 'running') return { is: 'alive', status: 200, rttMs }
    return failed('opaque', `the probe says ${readiness.state}`)
  }
  const body: ReadinessBody = { versions: [1], ...readiness, server: readiness.server, state: readiness.state }
  return { is: 'ready', body, rttMs }
}

function customContext(platform: Platform, ask: ProbeAsk, path: string, signal: AbortSignal): ProbeContext {
  const { road, ucc, timeoutMs } = ask
  const { connectTcp } = platform
  return {
    path,
    signal,
    ...(ucc === undefined ? {} : { ucc }),
    get: (where) =>
      new Promise((resolve, reject) => {
        const request = { road, path: where, method: 'GET' as const, timeoutMs, maxBytes: MAX_BODY_BYTES, fresh: true }
        const cancel = platform.exchange(request, (outcome) => {
          if (outcome.ok) resolve({ status: outcome.status, body: outcome.body })
          else reject(new Error(outcome.failure.message, { cause: outcome.failure.cause }))
        })
        signal.addEventListener('abort', cancel, { once: true })
      }),
    ...(connectTcp === undefined
      ? {}
      : {
          connect: (port: number) =>
            new Promise<void>((resolve, reject) => {
              const cancel = connectTcp.call(platform, road, port, timeoutMs, (failure) => {
                if (failure === undefined) resolve()
                else reject(new Error(failure.message, { cause: failure.cause }))
              })
              signal.addEventListener('abort', cancel, { once: true })
            }),
        }),
  }
}

/** An answer that proves the network and serves nobody: counted like a reset. */
function refusedBy(what: string): ProbeResult {
  return failed('reset', what)
}

function failed(kind: NetworkFailure['kind'], message: string): ProbeResult {
  return { is: 'failed', failure: { kind, sent: 'maybe', message, code: message.slice(0, 80) } }
}
