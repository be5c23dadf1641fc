/**
 * Last known good: the endpoints learned so far, kept in the store under a versioned key. Read back as a hint: every
 * endpoint is accepted by the same rules as a freshly learned one, and probed before use. Never a token, never a view.
 */
import { endpointId } from '../core/endpoint-id'
import { isObject, member, readText } from '../core/parse-frame'
import type { Endpoint } from '../core/endpoint'
import type { EndpointSeed } from '../core/pool-protocol'
import type { Platform, Store } from '../platform/platform'
import type { ClientConfig } from './options'
import type { Resolution } from './resolution'
import type { ResolvedEndpoint } from './resolvers'
import type { WarningCode } from './warnings'

const VERSION = 1
/** Older knowledge is not used: serve-stale has its limit. */
const MAX_AGE_MS = 86_400_000
const MAX_ENDPOINTS = 16
const MAX_CHARACTERS = 65_536
const CLOSE_WAIT_MS = 300

export class LastKnownGood {
  readonly #store: Store | undefined
  readonly #key: string
  #saved = ''
  #active: string | undefined
  #writing: Promise<void> = Promise.resolve()
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
    if (store === undefined) return
    void Promise.resolve()
      .then(() => store.load(this.#key))
      .then(
        (text) => {
          if (text !== undefined && !this.#closed) this.#take(text, merge)
        },
        (error: unknown) => this.warn('STORE_FAILED', 'The stored endpoints could not be read.', error),
      )
  }

  /** Keeps these, and the id of the one in use; the same again writes nothing. */
  save(endpoints: readonly Endpoint[], activeNow: string | undefined): void {
    const store = this.#store
    if (store === undefined || this.#closed) return
    const present = endpoints.filter(({ removedAt }) => removedAt === undefined).slice(0, MAX_ENDPOINTS)
    const kept = present.map(({ seed: { url, address }, server }) => ({ url, address, server }))
    const active = (this.#active = activeNow ?? this.#active)
    const content = JSON.stringify({ endpoints: kept, active })
    if (content === this.#saved) return
    this.#saved = content
    const text = JSON.stringify({ version: VERSION, savedAt: this.platform.wallClock(), endpoints: kept, active })
    this.#writing = Promise.resolve()
      .then(() => store.save(this.#key, text))
      .catch((error: unknown) => this.warn('STORE_FAILED', 'The endpoints could not be stored.', error))
  }

  /** Resolves when what was being written is written: nothing goes on after the end. A stuck store is left. */
  close(): Promise<void> {
    this.#closed = true
    return new Promise((resolve) => {
      const cancel = this.platform.setTimer(CLOSE_WAIT_MS, resolve)
      void this.#writing.then(() => {
        cancel()
        resolve()
      })
    })
  }

  #take(text: string, merge: (seeds: readonly EndpointSeed[]) => void): void {
    const named = readStored(text, this.platform.wallClock())
    if (named === 'corrupt') return this.warn('STORE_CORRUPT', 'The stored endpoints are not readable and are ignored.')
    const seeds = this.resolution.accept('the store', named)
    if (seeds.length > 0) merge(seeds)
  }
}

function readStored(text: string, wallClock: number): ResolvedEndpoint[] | 'corrupt' {
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
  if (Math.abs(wallClock - savedAt) > MAX_AGE_MS) return []
  const active = readText(member(value, 'active'), 2048)
  const named: ResolvedEndpoint[] = []
  for (const entry of endpoints.slice(0, MAX_ENDPOINTS) as unknown[]) {
    const url = isObject(entry) ? readText(member(entry, 'url'), 2048) : undefined
    if (!isObject(entry) || url === undefined) continue
    const address = readText(member(entry, 'address'), 64)
    const server = readText(member(entry, 'server'), 256)
    named.push({ url, ...(address === undefined ? {} : { address }), ...(server === undefined ? {} : { server }) })
  }
  // An order hint: whoever served last is asked for first, among those that are learned.
  const servedLast = ({ url, address }: ResolvedEndpoint): boolean => endpointId(url, address) === active
  return [...named.filter(servedLast), ...named.filter((one) => !servedLast(one))]
}
