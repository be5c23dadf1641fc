/** Where endpoints come from: configuration, topology documents, resolvers of the user, peers, last known good. */
import { endpointId } from '../core/endpoint-id'
import { parseTopology } from '../core/parse-readiness'
import type { EndpointSeed, EndpointSource } from '../core/pool-protocol'
import type { Peer } from '../core/wire'
import type { Cancel, Platform } from '../platform/platform'
import type { ClientConfig } from './options'
import type { ResolvedEndpoint, ResolverSpec } from './resolvers'
import { acceptLearnedUrl, normaliseAddress, type LearnedRules } from './urls'
import type { WarningCode } from './warnings'

export interface ResolutionHooks {
  /** `name`: which source of its kind, where there are several. */
  merge(source: EndpointSource, seeds: readonly EndpointSeed[], name?: string): void
  designated(endpointId: string | undefined): void
  warn(code: WarningCode, sentence: string, cause?: unknown): void
}

/** Learned endpoints rank behind everything configured, in the order they were named. */
const LEARNED_RANK = 100
const TOPOLOGY_TIMEOUT_MS = 5000
const MAX_TOPOLOGY_BYTES = 262_144
const SPREAD_OF_POLLS = 0.1
const MAX_WARNED = 64

export class Resolution {
  readonly #rules: LearnedRules
  readonly #running = new Set<Cancel>()
  readonly #warned = new Set<string>()
  /** Resolvers that failed when they were asked last. */
  readonly #failing = new Set<string>()
  /** Whom each resolver designates. */
  readonly #designations = new Map<string, string>()
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
    for (const spec of distinct(config.resolvers ?? [])) this.#poll(spec)
  }

  /** Learned peers as seeds. What is foreign, a downgrade or malformed is refused with a warning. */
  acceptPeers(server: string, peers: readonly Peer[]): EndpointSeed[] {
    const named = peers.map((peer) => ({ url: peer.url, server: peer.server }))
    if (named.length === 0) this.#warnOnce('MALFORMED_ANSWER', `${server} (peers) named no endpoints.`)
    return this.accept(`${server} (peers)`, named)
  }

  accept(source: string, named: readonly ResolvedEndpoint[]): EndpointSeed[] {
    const seeds: EndpointSeed[] = []
    for (const [index, entry] of named.entries()) {
      const read = readNamed(entry)
      if (read === undefined) {
        this.#refuse(source, '', 'malformed')
        continue
      }
      const { url, address, server, rank } = read
      const accepted = acceptLearnedUrl(url, this.#rules)
      if (!accepted.ok) {
        this.#refuse(source, url, accepted.reason)
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

  #refuse(source: string, url: string, reason: 'foreign' | 'downgrade' | 'malformed'): void {
    const codes = {
      foreign: 'FOREIGN_PEER_REFUSED',
      downgrade: 'DOWNGRADE_REFUSED',
      malformed: 'MALFORMED_ANSWER',
    } as const
    this.#warnOnce(codes[reason], `${source} named ${hostOf(url)}, which was refused: ${reason}.`)
  }

  /** The same answer comes again with every poll. */
  #warnOnce(code: WarningCode, sentence: string): void {
    const key = `${code} ${sentence}`
    if (this.#warned.has(key)) return
    // A hostile source could name others for ever.
    if (this.#warned.size >= MAX_WARNED) return
    this.#warned.add(key)
    this.hooks.warn(code, sentence)
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
      if (peers !== undefined) {
        this.#failing.delete(name)
        return this.#merge('topology', this.accept(name, peers), name)
      }
      const why = outcome.ok ? `HTTP ${outcome.status} without peers` : outcome.failure.message
      this.#failed(name, `${name}: ${why}. The endpoints known stay.`)
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
        (error: unknown) => this.#failed(name, `${name} failed. The endpoints known stay.`, error),
      )
      .finally(() => {
        this.#running.delete(abort)
        again()
      })
  }

  #resolved(name: string, named: readonly ResolvedEndpoint[]): void {
    if (this.#closed) return
    if (!Array.isArray(named) || named.length === 0) {
      return this.#failed(name, `${name} gave no endpoints. The endpoints known stay.`)
    }
    this.#failing.delete(name)
    this.#merge('dns', this.accept(name, named), name)
    const designated = named.filter((one) => readNamed(one)?.designated === true)
    const only = designated.length === 1 ? designated[0] : undefined
    const id = only === undefined ? undefined : this.accept(name, [only])[0]?.id
    if (id === undefined) this.#designations.delete(name)
    else this.#designations.set(name, id)
    // Two that disagree designate nobody.
    const [first, ...others] = new Set(this.#designations.values())
    this.hooks.designated(others.length > 0 ? undefined : first)
  }

  /** Told once until it has answered again: it is asked every few seconds. */
  #failed(name: string, sentence: string, cause?: unknown): void {
    if (this.#closed || this.#failing.has(name)) return
    this.#failing.add(name)
    this.hooks.warn('RESOLVER_FAILED', sentence, cause)
  }

  #merge(source: EndpointSource, seeds: readonly EndpointSeed[], name: string): void {
    if (seeds.length > 0) this.hooks.merge(source, seeds, name)
  }
}

/** Names are the user's: two resolvers of one name must not overwrite each other. */
function distinct(specs: readonly ResolverSpec[]): ResolverSpec[] {
  const taken = new Set<string>()
  return specs.map((spec) => {
    let { name } = spec
    for (let count = 2; taken.has(name); count += 1) name = `${spec.name} (${count})`
    taken.add(name)
    return { ...spec, name }
  })
}

/** What resolvers of the user and the store give is untrusted, whatever its type says. */
function readNamed(entry: unknown): ResolvedEndpoint | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined
  const { url, address, server, rank, designated } = entry as { readonly [Name in keyof ResolvedEndpoint]?: unknown }
  if (typeof url !== 'string') return undefined
  // A name in its place would be dialled under the name, and the certificate, of another.
  if (address !== undefined && (typeof address !== 'string' || normaliseAddress(address) === undefined))
    return undefined
  return {
    url,
    ...(address === undefined ? {} : { address }),
    ...(typeof server === 'string' ? { server } : {}),
    ...(typeof rank === 'number' && Number.isFinite(rank) ? { rank } : {}),
    ...(designated === true ? { designated } : {}),
  }
}

/** For people: the host alone, so that nothing else of a foreign text is shown. */
function hostOf(url: string): string {
  const host = /^[a-z][a-z\d+.-]*:\/\/(?:[^@/]*@)?([\w.:[\]-]{1,100})/i.exec(url)?.[1]
  return host === undefined ? 'an endpoint' : `the host ${host}`
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
