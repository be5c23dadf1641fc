/** `createFailoverDirectory`: several pools, each with one judge; a client for each UCC, made when first asked for. */
import { FailoverError } from '../errors'
import type { Platform } from '../platform/platform'
import { disposeByClosing, type DisposedByClosing } from './disposable'
import { Client } from './failover-client'
import type { FailoverClient } from './failover-client-types'
import type { FailoverDirectoryOptions } from './option-types'
import { checkPlatformCan } from './options'
import {
  checkDirectoryClientArguments,
  clientConfigOf,
  resolveDirectoryOptions,
  type DirectoryConfig,
  type PoolConfig,
} from './options-directory'
import { PoolRuntime } from './pool-runtime'

/** Options of `directory.client(ucc, options)`. */
export interface DirectoryClientOptions {
  /** Base path of this client's URLs, in place of that of the dedicated hostname. */
  readonly basePath?: string | undefined
}

/** The clients of several pools. Clients of one pool share its judge: one prober and breaker per endpoint. */
export interface FailoverDirectory extends DisposedByClosing {
  /**
   * The client of this UCC, on the pool that serves it. Made when first asked for; the same one again later.
   * @throws FailoverError `INVALID_OPTION` for a UCC that no pool names, `CLIENT_CLOSED` after `close()`.
   */
  client(ucc: string, options?: DirectoryClientOptions): FailoverClient
  /** Those made so far. */
  readonly clients: readonly FailoverClient[]
  /** Closes all of them. Idempotent. */
  close(): Promise<void>
}

/** Makes a directory on a platform. Entry points bind their own. */
export function createDirectoryOn(
  options: FailoverDirectoryOptions,
  defaultPlatform: () => Platform,
): FailoverDirectory {
  const config = resolveDirectoryOptions(options)
  const given = config.pools[0]?.config.platform
  const platform = given ?? defaultPlatform()
  for (const pool of config.pools) checkPlatformCan(pool.config, platform)
  return new Directory(config, platform, given === undefined)
}

class Directory implements FailoverDirectory {
  declare readonly [Symbol.asyncDispose]: () => Promise<void>
  readonly #clients = new Map<string, Client>()
  readonly #runtimes = new Map<PoolConfig, PoolRuntime>()
  #closing: Promise<void> | undefined

  constructor(
    private readonly config: DirectoryConfig,
    private readonly platform: Platform,
    private readonly ownsPlatform: boolean,
  ) {
    disposeByClosing(this)
  }

  get clients(): readonly FailoverClient[] {
    return [...this.#clients.values()]
  }

  client(ucc: string, options?: DirectoryClientOptions): FailoverClient {
    const { pool, basePath } = checkDirectoryClientArguments(this.config, ucc, options)
    if (this.#closing !== undefined) throw new FailoverError('CLIENT_CLOSED', 'the directory is closed')
    const key = `${ucc} ${basePath ?? ''}`
    const known = this.#clients.get(key)
    if (known !== undefined) return known
    const isFirst = !this.#runtimes.has(pool)
    const runtime = this.#runtime(pool)
    const client = new Client(clientConfigOf(pool, ucc), runtime, () => void this.#clients.delete(key), basePath)
    this.#clients.set(key, client)
    if (isFirst) runtime.start()
    return client
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()))
    await Promise.all([...this.#runtimes.values()].map((runtime) => runtime.close()))
    if (this.ownsPlatform) this.platform.close()
  }

  #runtime(pool: PoolConfig): PoolRuntime {
    let runtime = this.#runtimes.get(pool)
    if (runtime === undefined) {
      runtime = new PoolRuntime({ config: pool.config, platform: this.platform })
      this.#runtimes.set(pool, runtime)
    }
    return runtime
  }
}
