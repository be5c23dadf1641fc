/** What the clients of one pool share: the platform, the loop, the judge, the sources of endpoints. */
import { Loop } from '../driver/loop'
import { PoolDriver } from '../driver/pool-driver'
import type { Endpoint } from '../core/endpoint'
import type { Cancel, Platform } from '../platform/platform'
import { describeEndpoint } from './endpoint-info'
import { LastKnownGood } from './last-known-good'
import type { ClientConfig } from './options'
import { ProbeRunner } from './probe-runner'
import type { EndpointInfo } from './reports'
import { Resolution } from './resolution'
import { failureReporter, lateTimers } from './self-watch'
import type { WarningCode } from './warnings'

export interface PoolRuntimeOptions {
  readonly config: ClientConfig
  readonly platform: Platform
}

const REFERENCE_TIMEOUT_MS = 1500

export class PoolRuntime {
  readonly loop: Loop
  readonly driver: PoolDriver
  readonly resolution: Resolution
  readonly platform: Platform
  readonly memory: LastKnownGood
  readonly hostname: ClientConfig['hostname']
  readonly #warners = new Set<(code: WarningCode, sentence: string, cause?: unknown) => void>()

  constructor({ config, platform }: PoolRuntimeOptions) {
    this.platform = platform
    this.hostname = config.hostname
    const warn = (code: WarningCode, sentence: string, cause?: unknown): void => {
      for (const warner of this.#warners) warner(code, sentence, cause)
    }
    this.loop = new Loop(platform, failureReporter(warn))
    this.loop.add(lateTimers(() => platform.now(), warn))
    const { health, breaker, detection, connect, failover, failback } = config
    const probes = new ProbeRunner({
      platform,
      probe: health.probe,
      path: health.path,
      describe: (id) => {
        const endpoint = this.driver.endpoint(id)
        return endpoint === undefined ? undefined : this.describe(endpoint, config.ucc)
      },
    })
    const reference = referenceOf(config, platform)
    this.driver = new PoolDriver(
      this.loop,
      platform,
      { health, breaker, detection, connect, failover, failback },
      {
        probe: (ask, done) => probes.run(ask, done),
        acceptPeers: (server, peers) => this.resolution.acceptPeers(server, peers),
        tripped: () => this.resolution.refresh(),
        ...(reference === undefined
          ? {}
          : { reference: (done: (reachable: boolean) => void) => askReference(platform, reference, done) }),
      },
    )
    this.resolution = new Resolution(config, platform, {
      merge: (source, seeds, name) => this.driver.merge(source, seeds, name),
      designated: (endpointId) => this.driver.feed({ type: 'designated', endpointId }),
      known: () =>
        this.driver
          .endpoints()
          .filter(isKnown)
          .map(({ seed }) => seed),
      warn,
    })
    this.memory = new LastKnownGood(config, platform, this.resolution, warn)
  }

  /** Starts asking. Clients open their seats first, so that the first probes are theirs. */
  start(): void {
    this.resolution.start()
    this.memory.load((seeds) => this.driver.merge('store', seeds))
  }

  /** No source of endpoints has answered, and the dedicated hostname leads to no address. */
  get leadsNowhere(): boolean {
    const { names } = this.platform
    const { isIp, name } = this.hostname
    if (isIp || names === undefined || names.known(name) !== undefined) return false
    return this.resolution.isExhausted && this.memory.isLoaded
  }

  onWarning(warner: (code: WarningCode, sentence: string, cause?: unknown) => void): Cancel {
    this.#warners.add(warner)
    return () => void this.#warners.delete(warner)
  }

  describe(endpoint: Endpoint, ucc: string | undefined, suspect = false): EndpointInfo {
    return describeEndpoint(this.driver.machine.judge, endpoint, ucc, suspect)
  }

  /** Resolves when the store, too, has nothing under way. */
  async close(): Promise<void> {
    const written = this.memory.close()
    this.resolution.close()
    const ids = this.driver.endpoints().map(({ id }) => id)
    this.driver.close()
    // A platform of the user's lives on: what was kept or dialled there for this pool must not.
    for (const id of ids) this.platform.releaseRoad(id)
    this.loop.close()
    this.#warners.clear()
    await written
  }
}

/** By another source than a resolver; the dedicated hostname alone says nothing that a resolver does not know. */
function isKnown({ removedAt, sources }: Endpoint): boolean {
  const kinds = [...sources.values()]
  return removedAt === undefined && kinds.some((kind) => kind !== 'dns' && kind !== 'hostname')
}

/** The page's own origin when it is no endpoint, else what the user names. */
function referenceOf(config: ClientConfig, platform: Platform): URL | undefined {
  const text = config.health.referenceUrl ?? platform.ownOrigin
  if (text === undefined) return undefined
  const url = new URL(text)
  const isEndpoint = config.endpoints.some((endpoint) => new URL(endpoint.url).origin === url.origin)
  return isEndpoint && config.health.referenceUrl === undefined ? undefined : url
}

function askReference(platform: Platform, url: URL, done: (reachable: boolean) => void): Cancel {
  const road = { endpointId: `reference ${url.origin}`, generation: 0, url: url.origin }
  const request = {
    road,
    path: url.pathname + url.search,
    method: 'GET' as const,
    timeoutMs: REFERENCE_TIMEOUT_MS,
    maxBytes: 1_048_576,
    anyAnswer: true,
  }
  return platform.exchange(request, (outcome) => done(outcome.ok || outcome.failure.kind === 'too-large'))
}
