/**
 * The roster of endpoints: what the sources name, merged. A source is a kind and, where there are several (resolvers,
 * documents, servers with peers), a name. Its word replaces its own former word; an endpoint nobody
 * names any more drains for a while and is then forgotten. Configuration is never outvoted.
 */
import { Endpoint } from './endpoint'
import type { EndpointSeed, EndpointSource } from './pool-protocol'
import type { Random } from './random'
import type { BreakerSettings } from './settings'
import { NEVER, type Instant } from './time'

/** A removed endpoint is kept this long, so that a short-sighted answer cuts nobody off. */
export const REMOVED_DRAIN_MS = 60_000
/** Sources that know best come first: an endpoint keeps the seed of the best one that names it. */
const AUTHORITY: readonly EndpointSource[] = ['configured', 'topology', 'peers', 'hostname', 'dns', 'store']
/** More endpoints than any pool has; hostile sources are cut off here. */
const MAX_ENDPOINTS = 64

export class Roster {
  readonly #endpoints = new Map<string, Endpoint>()
  #order = 0
  #version = 0

  constructor(
    private readonly settings: BreakerSettings,
    private readonly random: Random,
  ) {}

  /** Another one whenever an endpoint has come or gone. */
  get version(): number {
    return this.#version
  }

  get(id: string): Endpoint | undefined {
    return this.#endpoints.get(id)
  }

  /** In order of registration. */
  all(): Endpoint[] {
    return [...this.#endpoints.values()]
  }

  /** Those a source names now. */
  present(): Endpoint[] {
    const present: Endpoint[] = []
    for (const endpoint of this.#endpoints.values()) if (endpoint.removedAt === undefined) present.push(endpoint)
    return present
  }

  merge(
    now: Instant,
    source: EndpointSource,
    seeds: readonly EndpointSeed[],
    name = '',
  ): { added: string[]; removed: string[] } {
    const key = `${source} ${name}`
    const added: string[] = []
    const removed: string[] = []
    const named = new Set(seeds.map((seed) => seed.id))
    for (const endpoint of this.#endpoints.values()) {
      if (named.has(endpoint.id) || !endpoint.sources.delete(key) || endpoint.sources.size > 0) continue
      endpoint.removedAt = now
      removed.push(endpoint.id)
    }
    for (const seed of seeds) {
      if (this.#add(source, key, seed)) added.push(seed.id)
    }
    return { added, removed }
  }

  /** Forgets what has been removed for long, except what somebody still uses. */
  purge(now: Instant, used: (id: string) => boolean): string[] {
    const purged: string[] = []
    for (const endpoint of this.all()) {
      if (endpoint.removedAt === undefined || now < endpoint.removedAt + REMOVED_DRAIN_MS || used(endpoint.id)) continue
      this.#endpoints.delete(endpoint.id)
      this.#version += 1
      purged.push(endpoint.id)
    }
    return purged
  }

  deadline(used: (id: string) => boolean): Instant {
    let at = NEVER
    for (const { removedAt, refusedUntil, id } of this.#endpoints.values()) {
      at = Math.min(at, refusedUntil)
      if (removedAt !== undefined && !used(id)) at = Math.min(at, removedAt + REMOVED_DRAIN_MS)
    }
    return at
  }

  #add(source: EndpointSource, key: string, seed: EndpointSeed): boolean {
    const known = this.#endpoints.get(seed.id)
    if (known !== undefined) {
      if (isBetter(known, source, key)) {
        known.seed = seed
        known.seedFrom = key
      }
      known.sources.set(key, source)
      known.removedAt = undefined
      known.server ??= seed.server
      return false
    }
    if (this.#endpoints.size >= MAX_ENDPOINTS) return false
    this.#order += 1
    const endpoint = new Endpoint(seed, this.#order, this.settings, this.random)
    endpoint.sources.set(key, source)
    endpoint.seedFrom = key
    this.#endpoints.set(seed.id, endpoint)
    this.#version += 1
    return true
  }
}

/** Among equals the first keeps its seed, or two that disagree on the rank would move everybody to and fro. */
function isBetter({ sources, seedFrom }: Endpoint, source: EndpointSource, key: string): boolean {
  const best = Math.min(...[...sources.values()].map((one) => AUTHORITY.indexOf(one)))
  const authority = AUTHORITY.indexOf(source)
  return authority < best || (authority === best && (key === seedFrom || !sources.has(seedFrom)))
}
