/** Where endpoints come from: configuration, topology documents, resolvers of the user, peers, last known good. */
import { endpointId } from '../core/endpoint-id'
import { parseTopology } from '../core/parse-readiness'
import { CONFIRM_MS } from '../core/designation'
import type { EndpointSeed, EndpointSource } from '../core/pool-protocol'
import { NEVER, type Instant } from '../core/time'
import type { Peer } from '../core/wire'
import type { Cancel, ExchangeOutcome, KnownEndpoint, Platform } from '../platform/platform'
import { askResolver } from './ask-resolver'
import type { ClientConfig } from './options'
import { defaultName } from './options-endpoints'
import { hostOf, readNamed } from './resolved-endpoint'
import { ResolverPoll, type Answered } from './resolver-poll'
import { DEFAULT_POLL_MS, distinct, type ResolvedEndpoint, type ResolverSpec } from './resolvers'
import { acceptLearnedUrl, type LearnedRules } from './urls'
import type { WarningCode } from './warnings'

export interface ResolutionHooks {
  /** `name`: which source of its kind, where there are several. */
  merge(source: EndpointSource, seeds: readonly EndpointSeed[], name?: string): void
  designated(endpointId: string | undefined): void
  /** Endpoints known by other sources than resolvers. */
  known(): readonly KnownEndpoint[]
  warn(code: WarningCode, sentence: string, cause?: unknown): void
}

type TopologySpec = Extract<ResolverSpec, { kind: 'topology' }>
type CustomSpec = Extract<ResolverSpec, { kind: 'custom' }>

/** Learned endpoints rank behind everything configured, in the order they were named. */
const LEARNED_RANK = 100
const TOPOLOGY_TIMEOUT_MS = 5000
const MAX_TOPOLOGY_BYTES = 262_144
/** How long the last good answer of a source that fails still counts (RFC 8767 suggests one to three days). */
const STALE_MS = 86_400_000
const MAX_WARNED = 64
const MAX_TAG = 1024
/** A name that leads elsewhere at each question must not fill the memory. */
const MAX_KEPT = 64

export class Resolution {
  readonly #rules: LearnedRules
  readonly #polls: ResolverPoll[] = []
  /** Those that stand being asked by everybody at once. */
  readonly #urgent: ResolverPoll[] = []
  readonly #warned = new Set<string>()
  /** Resolvers that failed when they were asked last. */
  readonly #failing = new Set<string>()
  /** Whom each resolver designates. */
  readonly #designations = new Map<string, string>()
  /** What each resolver named last, and when it designated another endpoint than before. */
  readonly #last = new Map<string, { readonly seeds: readonly EndpointSeed[]; readonly changedAt: Instant }>()
  /** Entity tags of the documents whose answers hold. */
  readonly #tags = new Map<string, string>()
  /** When each resolver gave its last good answer. */
  readonly #answeredAt = new Map<string, Instant>()
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
    for (const spec of distinct(config.resolvers ?? this.#ownResolver())) {
      const poll = new ResolverPoll(this.platform, spec.pollMs, (done) => this.#ask(spec, done))
      this.#polls.push(poll)
      if (spec.kind === 'custom' && spec.resolver.refreshOnTrip === true) this.#urgent.push(poll)
    }
  }

  /** Every source has been asked, and none has answered. */
  get isExhausted(): boolean {
    return this.#answeredAt.size === 0 && this.#polls.every(({ hasEnded }) => hasEnded)
  }

  /** An endpoint was lost: what the sources said before may have led there. */
  refresh(): void {
    for (const poll of this.#urgent) poll.refresh()
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
      const configured = this.#configured(accepted.url, address)
      const seed = configured === undefined ? undefined : seedOf(configured)
      seeds.push({
        ...(seed ?? {
          id: endpointId(accepted.url, address),
          url: accepted.url,
          name: defaultName(accepted.url, address),
          rank: LEARNED_RANK + (rank ?? index),
          ...(address === undefined ? {} : { address }),
        }),
        ...(server === undefined ? {} : { server }),
      })
    }
    return seeds
  }

  /** The configured endpoint that is meant. A name without an address means the one of that name, wherever it is. */
  #configured(url: string, address: string | undefined): ClientConfig['endpoints'][number] | undefined {
    const { endpoints } = this.config
    const id = endpointId(url, address)
    const same = endpoints.find((one) => one.id === id)
    return same ?? (address === undefined ? endpoints.find((one) => one.url === url) : undefined)
  }

  close(): void {
    this.#closed = true
    for (const poll of this.#polls) poll.close()
  }

  /** The platform's own. An address, and this very machine, need no DNS. */
  #ownResolver(): readonly ResolverSpec[] {
    const { resolver } = this.platform
    const { isIp, name } = this.config.hostname
    if (resolver === undefined || isIp || name === 'localhost' || name.endsWith('.localhost')) return []
    return [{ kind: 'custom', name: resolver.name, resolver, pollMs: resolver.pollMs ?? DEFAULT_POLL_MS }]
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

  #ask(spec: ResolverSpec, done: (answered: Answered) => void): Cancel {
    return spec.kind === 'topology' ? this.#askDocument(spec, done) : this.#askResolver(spec, done)
  }

  #askDocument({ name, url: target }: TopologySpec, done: (answered: Answered) => void): Cancel {
    const url = new URL(target, `${this.config.hostname.url}/`)
    const road = { endpointId: `topology ${url.origin}`, generation: 0, url: url.origin }
    const path = url.pathname + url.search
    const knownTag = this.#tags.get(name)
    const limits = { timeoutMs: TOPOLOGY_TIMEOUT_MS, maxBytes: MAX_TOPOLOGY_BYTES }
    const request = { road, path, method: 'GET' as const, ...limits, ...(knownTag === undefined ? {} : { knownTag }) }
    return this.platform.exchange(request, (outcome) => {
      done('same')
      if (knownTag !== undefined && outcome.ok && outcome.status === 304) return this.#heard(name)
      const peers = outcome.ok && outcome.status === 200 ? parseTopology(outcome.body) : undefined
      if (peers !== undefined) {
        this.#heard(name)
        this.#keepTag(name, outcome)
        return this.#merge('topology', this.accept(name, peers), name)
      }
      const why = outcome.ok ? `HTTP ${outcome.status} without peers` : outcome.failure.message
      this.#failed('topology', name, `${name}: ${why}. The endpoints known stay.`)
    })
  }

  #keepTag(name: string, outcome: ExchangeOutcome): void {
    const tag = outcome.ok ? outcome.header('etag') : undefined
    if (tag === undefined || tag.length > MAX_TAG) this.#tags.delete(name)
    else this.#tags.set(name, tag)
  }

  #askResolver(spec: CustomSpec, done: (answered: Answered) => void): Cancel {
    const { name } = spec
    const { name: hostname, url } = this.config.hostname
    const { ucc } = this.config
    const endpoints = this.hooks.known()
    return askResolver(
      this.platform,
      spec,
      { hostname, url, endpoints, ...(ucc === undefined ? {} : { ucc }) },
      {
        answered: (named) => done(this.#resolved(name, named)),
        failed: (sentence, cause) => {
          done('same')
          this.#failed('dns', name, `${sentence}. The endpoints known stay.`, cause)
        },
      },
    )
  }

  #resolved(name: string, named: readonly ResolvedEndpoint[]): Answered {
    if (this.#closed) return 'same'
    this.#heard(name)
    const seeds = this.accept(name, named)
    const designated = named.filter((one) => readNamed(one)?.designated === true)
    const only = designated.length === 1 ? designated[0] : undefined
    const id = only === undefined ? undefined : this.accept(name, [only])[0]?.id
    const isFirst = !this.#last.has(name)
    const isChanged = !isFirst && id !== this.#designations.get(name)
    if (id === undefined) this.#designations.delete(name)
    else this.#designations.set(name, id)
    // First whom to prefer: who is named no more is left for that one.
    this.#tellDesignated()
    this.#merge('dns', this.#kept(name, seeds, isChanged), name)
    return isChanged ? 'changed' : 'same'
  }

  /** One odd answer cuts nobody off: what was named before stays until it has been said again, as in `Designation`. */
  #kept(name: string, seeds: readonly EndpointSeed[], isChanged: boolean): readonly EndpointSeed[] {
    const last = this.#last.get(name)
    const now = this.platform.now()
    const changedAt = isChanged ? now : (last?.changedAt ?? -NEVER)
    const former = now - changedAt < CONFIRM_MS ? (last?.seeds ?? []) : []
    const all = [...seeds, ...former.filter(({ id }) => !seeds.some((seed) => seed.id === id))].slice(0, MAX_KEPT)
    this.#last.set(name, { seeds: all, changedAt })
    return all
  }

  /** Two that disagree designate nobody. */
  #tellDesignated(): void {
    const [first, ...others] = new Set(this.#designations.values())
    this.hooks.designated(others.length > 0 ? undefined : first)
  }

  #heard(name: string): void {
    this.#failing.delete(name)
    this.#answeredAt.set(name, this.platform.now())
  }

  /** Told once until it has answered again: it is asked every few seconds. */
  #failed(source: 'topology' | 'dns', name: string, sentence: string, cause?: unknown): void {
    if (this.#closed) return
    this.#lapse(source, name)
    if (this.#failing.has(name)) return
    this.#failing.add(name)
    this.hooks.warn('RESOLVER_FAILED', sentence, cause)
  }

  /** Nothing is believed for ever. */
  #lapse(source: 'topology' | 'dns', name: string): void {
    const answeredAt = this.#answeredAt.get(name)
    if (answeredAt === undefined || this.platform.now() - answeredAt < STALE_MS) return
    this.#answeredAt.delete(name)
    this.#tags.delete(name)
    this.#last.delete(name)
    this.hooks.merge(source, [], name)
    if (this.#designations.delete(name)) this.#tellDesignated()
  }

  #merge(source: EndpointSource, seeds: readonly EndpointSeed[], name: string): void {
    if (seeds.length > 0) this.hooks.merge(source, seeds, name)
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
