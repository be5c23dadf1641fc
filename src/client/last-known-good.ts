/**
 * Last known good: the endpoints learned so far, and where their names led, kept in the store under a versioned key.
 * Read back as a hint: every endpoint is accepted by the same rules as a freshly learned one, and probed before use; an
 * address is used only where no name server gives one. Never a token, never a view.
 */
import { endpointId } from '../core/endpoint-id'
import { isObject, member, readText } from '../core/parse-frame'
import type { Endpoint } from '../core/endpoint'
import type { EndpointSeed } from '../core/pool-protocol'
import type { Cancel, Platform, Store } from '../platform/platform'
import type { ClientConfig } from './options'
import type { Resolution } from './resolution'
import type { ResolvedEndpoint } from './resolvers'
import { normaliseAddress } from './urls'
import type { WarningCode } from './warnings'

const VERSION = 1
/** Older knowledge is not used: serve-stale has its limit. */
const MAX_AGE_MS = 86_400_000
/** The same is written again after this: a program that ran well for days must not begin with nothing. */
const WRITE_AGAIN_MS = 3_600_000
const MAX_ENDPOINTS = 16
const MAX_CHARACTERS = 65_536
const CLOSE_WAIT_MS = 300

export class LastKnownGood {
  readonly #store: Store | undefined
  readonly #key: string
  /** Has the store been read, where there is one? */
  isLoaded = false
  #saved = ''
  #active: string | undefined
  #endpoints: readonly Endpoint[] = []
  /** When those that nobody but the store names were heard of last, by id. */
  #heardAt: ReadonlyMap<string, number> = new Map()
  #stopTimer: Cancel = () => undefined
  #writing: Promise<void> = Promise.resolve()
  #isFailing = false
  #closed = false

  constructor(
    private readonly config: ClientConfig,
    private readonly platform: Platform,
    private readonly resolution: Resolution,
    private readonly warn: (code: WarningCode, sentence: string, cause?: unknown) => void,
  ) {
    this.#store = config.store === false ? undefined : (config.store ?? platform.store)
    this.#key = `failover-client ${config.hostname.url}`
  }

  load(merge: (seeds: readonly EndpointSeed[]) => void): void {
    const store = this.#store
    if (store === undefined) {
      this.isLoaded = true
      return
    }
    void Promise.resolve()
      .then(() => store.load(this.#key))
      .then(
        (text) => {
          if (text !== undefined && !this.#closed) this.#take(text, merge)
        },
        (error: unknown) => this.warn('STORE_FAILED', 'The stored endpoints could not be read.', error),
      )
      .finally(() => {
        this.isLoaded = true
        if (this.#endpoints.length > 0 && !this.#closed) this.#write(store, false)
      })
  }

  /** Keeps these, and the id of the one in use; the same again writes nothing. */
  save(endpoints: readonly Endpoint[], activeNow: string | undefined): void {
    const store = this.#store
    if (store === undefined || this.#closed) return
    this.#endpoints = endpoints
    this.#active = activeNow ?? this.#active
    // Not before it was read: a store that answers at once (localStorage) would lose what it holds, unseen.
    if (this.isLoaded) this.#write(store, false)
  }

  #write(store: Store, isAgain: boolean): void {
    const savedAt = this.platform.wallClock()
    const present = this.#endpoints.filter(({ removedAt }) => removedAt === undefined)
    const known = present.filter((one) => savedAt - this.#lastHeard(one, savedAt) <= MAX_AGE_MS).slice(0, MAX_ENDPOINTS)
    const named = known.map(({ seed: { url, address }, server }) => ({ url, address, server }))
    const addresses = this.#addresses(known)
    const content = JSON.stringify({ endpoints: named, active: this.#active, addresses })
    if (content === this.#saved && !isAgain) return
    this.#saved = content
    const endpoints = known.map((one, index) => ({ ...named[index], at: this.#lastHeard(one, savedAt) }))
    const text = JSON.stringify({ version: VERSION, savedAt, endpoints, active: this.#active, addresses })
    this.#writing = Promise.resolve()
      .then(() => store.save(this.#key, text))
      .then(
        () => void (this.#isFailing = false),
        (error: unknown) => this.#notStored(error),
      )
    this.#writeAgainLater(store)
  }

  /** Told once, until it works again: a full store fails at every change. */
  #notStored(error: unknown): void {
    if (!this.#isFailing) this.warn('STORE_FAILED', 'The endpoints could not be stored.', error)
    this.#isFailing = true
  }

  #writeAgainLater(store: Store): void {
    this.#stopTimer()
    this.#stopTimer = this.platform.setTimer(WRITE_AGAIN_MS, () => {
      // While nobody answers nothing is known better than before.
      if (this.#endpoints.some(({ liveness }) => liveness.is === 'up')) this.#write(store, true)
      else this.#writeAgainLater(store)
    })
  }

  /** What the store alone names, and does not answer, is no younger for being stored again. */
  #lastHeard({ id, sources, liveness }: Endpoint, now: number): number {
    const isHeard = liveness.is === 'up' || [...sources.values()].some((source) => source !== 'store')
    return isHeard ? now : (this.#heardAt.get(id) ?? now)
  }

  /** Resolves when what was being written is written: nothing goes on after the end. A stuck store is left. */
  close(): Promise<void> {
    this.#closed = true
    this.#stopTimer()
    return new Promise((resolve) => {
      const cancel = this.platform.setTimer(CLOSE_WAIT_MS, resolve)
      void this.#writing.then(() => {
        cancel()
        resolve()
      })
    })
  }

  /** Where the names of these endpoints led when they were dialled last. */
  #addresses(endpoints: readonly Endpoint[]): Readonly<Record<string, string>> | undefined {
    const { names } = this.platform
    if (names === undefined) return undefined
    const found = endpoints.flatMap(({ seed }) => {
      const name = new URL(seed.url).hostname
      const address = seed.address === undefined ? names.known(name) : undefined
      return address === undefined ? [] : [[name, address] as const]
    })
    return Object.fromEntries(found)
  }

  #take(text: string, merge: (seeds: readonly EndpointSeed[]) => void): void {
    const stored = readStored(text, this.platform.wallClock())
    if (stored === 'corrupt')
      return this.warn('STORE_CORRUPT', 'The stored endpoints are not readable and are ignored.')
    this.#heardAt = stored.heardAt
    const seeds = this.resolution.accept('the store', stored.named)
    const wanted = new Set([...this.config.endpoints, ...seeds].map(({ url }) => new URL(url).hostname))
    for (const [name, address] of stored.addresses) {
      if (wanted.has(name)) this.platform.names?.hint(name, address, stored.ageMs)
    }
    if (seeds.length > 0) merge(seeds)
  }
}

/** What a stored text says. */
export interface Stored {
  /** Who served last first; none when they are too old. */
  readonly named: readonly ResolvedEndpoint[]
  /** When each was heard of last, by id. */
  readonly heardAt: ReadonlyMap<string, number>
  /** By name. */
  readonly addresses: readonly (readonly [string, string])[]
  readonly ageMs: number
}

/** Reads a stored text, which anybody may have written. */
export function readStored(text: string, wallClock: number): Stored | 'corrupt' {
  let value: unknown
  try {
    value = text.length > MAX_CHARACTERS ? undefined : JSON.parse(text)
  } catch {
    return 'corrupt'
  }
  if (!isObject(value)) return 'corrupt'
  const savedAt = member(value, 'savedAt')
  const endpoints = member(value, 'endpoints')
  if (member(value, 'version') !== VERSION || typeof savedAt !== 'number' || !Array.isArray(endpoints)) return 'corrupt'
  const ageMs = Math.abs(wallClock - savedAt)
  const heardAt = new Map<string, number>()
  if (ageMs > MAX_AGE_MS) return { named: [], heardAt, addresses: [], ageMs }
  const active = readText(member(value, 'active'), 2048)
  const named: ResolvedEndpoint[] = []
  for (const entry of endpoints.slice(0, MAX_ENDPOINTS) as unknown[]) {
    const url = isObject(entry) ? readText(member(entry, 'url'), 2048) : undefined
    if (!isObject(entry) || url === undefined) continue
    const given = member(entry, 'at')
    const at = typeof given === 'number' ? Math.min(given, savedAt) : savedAt
    if (Math.abs(wallClock - at) > MAX_AGE_MS) continue
    const address = readText(member(entry, 'address'), 64)
    heardAt.set(endpointId(url, address), at)
    const server = readText(member(entry, 'server'), 256)
    named.push({ url, ...(address === undefined ? {} : { address }), ...(server === undefined ? {} : { server }) })
  }
  // An order hint: whoever served last is asked for first, among those that are learned.
  const servedLast = ({ url, address }: ResolvedEndpoint): boolean => endpointId(url, address) === active
  const inOrder = [...named.filter(servedLast), ...named.filter((one) => !servedLast(one))]
  return { named: inOrder, heardAt, addresses: readAddresses(member(value, 'addresses')), ageMs }
}

function readAddresses(value: unknown): Stored['addresses'] {
  if (!isObject(value)) return []
  return Object.entries(value)
    .slice(0, MAX_ENDPOINTS)
    .flatMap(([name, address]) => {
      const right = typeof address === 'string' ? normaliseAddress(address) : undefined
      return right === undefined ? [] : [[name, right] as const]
    })
}
