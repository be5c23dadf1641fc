/** Where endpoints come from: configuration, topology documents, resolvers of the user, peers, last known good. */
import { endpointId } from '../core/endpoint-id'
import { parseTopology } from '../core/parse-readiness'
import type { EndpointSeed, EndpointSource } from '../core/pool-protocol'
import type { Peer } from '../core/wire'
import type { Cancel, Platform } from '../platform/platform'
import type { ClientConfig } from './options'
import type { ResolvedEndpoint, ResolverSpec } from './resolvers'
import { acceptLearnedUrl, type LearnedRules } from './urls'
import type { WarningCode } from './warnings'

export interface ResolutionHooks {
  merge(source: EndpointSource, seeds: readonly EndpointSeed[]): void
  designated(endpointId: string | undefined): void
  warn(code: WarningCode, sentence: string, cause?: unknown): void
}

/** Learned endpoints rank behind everything configured, in the order they were named. */
const LEARNED_RANK = 100
const TOPOLOGY_TIMEOUT_MS = 5000
const MAX_TOPOLOGY_BYTES = 262_144
const SPREAD_OF_POLLS = 0.1

export class Resolution {
  readonly #rules: LearnedRules
  readonly #running = new Set<Cancel>()
  #closed = false

  constructor(
    private readonly config: ClientConfig,
    private readonly platform: Platform,
    private readonly hooks: ResolutionHooks,
  ) {
    this.#rules = {
      hostname: config.hostname,
      allowedHosts: config.allowedHosts,
      configured: config.endpoints.map((endpoint) => endpoint.url),
    }
  }

  /** Names the configured endpoints and starts asking the rest. */
  start(): void {
    const { config, hooks } = this
    hooks.merge(config.endpointsGiven ? 'configured' : 'hostname', config.endpoints.map(seedOf))
    for (const spec of config.resolvers ?? []) this.#poll(spec)
  }

  /** Learned peers as seeds. What is foreign, a downgrade or malformed is refused with a warning. */
  acceptPeers(server: string, peers: readonly Peer[]): EndpointSeed[] {
    const named = peers.map((peer) => ({ url: peer.url, server: peer.server }))
    return this.accept(`${server} (peers)`, named)
  }

  accept(source: string, named: readonly ResolvedEndpoint[]): EndpointSeed[] {
    const seeds: EndpointSeed[] = []
    for (const [index, { url, address, server, rank }] of named.entries()) {
      const accepted = acceptLearnedUrl(url, this.#rules)
      if (!accepted.ok) {
        this.#refuse(source, accepted.reason)
        continue
      }
      const configured = this.config.endpoints.find((one) => one.url === accepted.url)
      const seed = configured === undefined ? undefined : seedOf(configured)
      seeds.push({
        ...(seed ?? {
          id: endpointId(accepted.url, address),
          url: accepted.url,
          name: new URL(accepted.url).host,
          rank: LEARNED_RANK + (rank ?? index),
          ...(address === undefined ? {} : { address }),
        }),
        ...(server === undefined ? {} : { server }),
      })
    }
    return seeds
  }

  close(): void {
    this.#closed = true
    for (const cancel of this.#running) cancel()
    this.#running.clear()
  }

  #refuse(source: string, reason: 'foreign' | 'downgrade' | 'malformed'): void {
    const codes = {
      foreign: 'FOREIGN_PEER_REFUSED',
      downgrade: 'DOWNGRADE_REFUSED',
      malformed: 'MALFORMED_ANSWER',
    } as const
    this.hooks.warn(codes[reason], `${source} named an endpoint that was refused: ${reason}.`)
  }

  #poll(spec: ResolverSpec): void {
    if (this.#closed) return
    const again = (): void => {
      if (this.#closed) return
      const waitMs = spec.pollMs * (1 + SPREAD_OF_POLLS * (2 * this.platform.random() - 1))
      const cancel = this.platform.setTimer(waitMs, () => {
        this.#running.delete(cancel)
        this.#poll(spec)
      })
      this.#running.add(cancel)
    }
    if (spec.kind === 'topology') this.#askDocument(spec.name, spec.url, again)
    else this.#askResolver(spec, again)
  }

  #askDocument(name: string, target: string, again: () => void): void {
    const url = new URL(target, `${this.config.hostname.url}/`)
    const road = { endpointId: `topology ${url.origin}`, generation: 0, url: url.origin }
    const path = url.pathname + url.search
    const request = { road, path, method: 'GET' as const, timeoutMs: TOPOLOGY_TIMEOUT_MS, maxBytes: MAX_TOPOLOGY_BYTES }
    const cancel = this.platform.exchange(request, (outcome) => {
      this.#running.delete(cancel)
      again()
      const peers = outcome.ok && outcome.status === 200 ? parseTopology(outcome.body) : undefined
      if (peers !== undefined) return this.#merge('topology', this.accept(name, peers))
      const why = outcome.ok ? `HTTP ${outcome.status} without peers` : outcome.failure.message
      this.hooks.warn('RESOLVER_FAILED', `${name}: ${why}. The endpoints known stay.`)
    })
    this.#running.add(cancel)
  }

  #askResolver({ name, resolver }: Extract<ResolverSpec, { kind: 'custom' }>, again: () => void): void {
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    this.#running.add(abort)
    const { name: hostname, url } = this.config.hostname
    const { ucc } = this.config
    void Promise.resolve()
      .then(() => resolver.resolve({ hostname, url, ...(ucc === undefined ? {} : { ucc }), signal: controller.signal }))
      .then(
        (named) => this.#resolved(name, named),
        (error: unknown) => {
          if (!this.#closed) this.hooks.warn('RESOLVER_FAILED', `${name} failed. The endpoints known stay.`, error)
        },
      )
      .finally(() => {
        this.#running.delete(abort)
        again()
      })
  }

  #resolved(name: string, named: readonly ResolvedEndpoint[]): void {
    if (this.#closed) return
    if (!Array.isArray(named) || named.length === 0) {
      return this.hooks.warn('RESOLVER_FAILED', `${name} gave no endpoints. The endpoints known stay.`)
    }
    this.#merge('dns', this.accept(name, named))
    const designated = named.filter((one) => one.designated === true)
    const only = designated.length === 1 ? designated[0] : undefined
    this.hooks.designated(only === undefined ? undefined : this.accept(name, [only])[0]?.id)
  }

  #merge(source: EndpointSource, seeds: readonly EndpointSeed[]): void {
    if (seeds.length > 0) this.hooks.merge(source, seeds)
  }
}

function seedOf(endpoint: ClientConfig['endpoints'][number]): EndpointSeed {
  const { id, url, name, rank, site, address, hostname } = endpoint
  return {
    id,
    url,
    name,
    rank,
    ...(site === undefined ? {} : { site }),
    ...(address === undefined ? {} : { address }),
    ...(hostname === undefined ? {} : { hostname }),
  }
}
