/** Checks the options of `createFailoverDirectory`: pools, and what their clients share. */
import type { FailoverDirectoryOptions } from './option-types'
import { resolveClient, resolveShared, SHARED_OPTIONS, UCC_RULE, type ClientConfig } from './options'
import { checkKeys, checkRule, describe, fail, given, nearest, refuse, type Given } from './options-check'
import { homeOf } from './options-tuning'

/** One pool: everything of a client but its UCC. */
export interface PoolConfig {
  readonly uccs: readonly string[]
  /** `ucc` is not set: see {@link clientConfigOf}. */
  readonly config: ClientConfig
}

export interface DirectoryConfig {
  readonly pools: readonly PoolConfig[]
}

const POOL_OPTIONS = ['hostname', 'endpoints', 'allowedHosts', 'uccs']

/**
 * Checks and completes the options of a directory.
 * @throws FailoverError `INVALID_OPTION`; fields of a pool are named `pools[0].hostname`.
 */
export function resolveDirectoryOptions(options: FailoverDirectoryOptions): DirectoryConfig
export function resolveDirectoryOptions(options: unknown): DirectoryConfig
export function resolveDirectoryOptions(options: unknown): DirectoryConfig {
  const object = checkKeys(options, ['pools', ...SHARED_OPTIONS], '', homeInDirectory)
  const inputs = given(object, 'pools')
  if (inputs === undefined) refuse('pools', 'is required: an array of { hostname, endpoints, uccs }')
  if (!Array.isArray(inputs) || inputs.length === 0) {
    return fail('pools', 'must be an array of at least one { hostname, endpoints, uccs }', inputs)
  }
  const shared = resolveShared(object)
  const pools = Array.from(inputs as readonly unknown[], (input, index): PoolConfig => {
    const at = `pools[${index}]`
    const pool = checkKeys(input, POOL_OPTIONS, at, (name) =>
      SHARED_OPTIONS.includes(name) ? `the directory: ${name}` : homeOf(name),
    )
    return Object.freeze({ uccs: resolveUccs(pool, at), config: resolveClient(pool, at, shared) })
  })
  checkPools(pools)
  return Object.freeze({ pools: Object.freeze(pools) })
}

function homeInDirectory(name: string): string | undefined {
  if (name === 'ucc') return 'pools[].uccs'
  return POOL_OPTIONS.includes(name) ? `pools[].${name}` : homeOf(name)
}

function resolveUccs(pool: Given, at: string): readonly string[] {
  const value = given(pool, 'uccs')
  const field = `${at}.uccs`
  if (!Array.isArray(value) || value.length === 0)
    return fail(field, 'must be an array of at least one UCC name', value)
  return Object.freeze(
    Array.from(value as readonly unknown[], (ucc, index) => checkRule(UCC_RULE, ucc, `${field}[${index}]`) as string),
  )
}

/** One pool per dedicated hostname, one pool per UCC: else two judges, or two truths. */
function checkPools(pools: readonly PoolConfig[]): void {
  const hostnames = new Map<string, number>()
  const uccs = new Map<string, string>()
  pools.forEach((pool, index) => {
    const { url } = pool.config.hostname
    const other = hostnames.get(url)
    if (other !== undefined)
      refuse(`pools[${index}].hostname`, `is that of pools[${other}] (${url}); put their uccs into one pool`)
    hostnames.set(url, index)
    pool.uccs.forEach((ucc, place) => {
      const field = `pools[${index}].uccs[${place}]`
      const owner = uccs.get(ucc)
      if (owner !== undefined) refuse(field, `must be named once; ${JSON.stringify(ucc)} is ${owner} already`)
      uccs.set(ucc, field)
    })
  })
}

/**
 * Arguments of `directory.client(ucc, { basePath? })`: the pool, and the checked base path (`''` for the root), which
 * replaces that of the dedicated hostname in the URLs of that client only.
 * @throws FailoverError `INVALID_OPTION`
 */
export function checkDirectoryClientArguments(
  directory: DirectoryConfig,
  ucc: unknown,
  options?: unknown,
): { readonly pool: PoolConfig; readonly ucc: string; readonly basePath?: string } {
  const pool = directory.pools.find(({ uccs }) => uccs.includes(ucc as string))
  if (pool === undefined || typeof ucc !== 'string') {
    const near =
      typeof ucc === 'string'
        ? nearest(
            ucc,
            directory.pools.flatMap(({ uccs }) => uccs),
          )
        : undefined
    return fail(
      'ucc',
      `must be one of pools[].uccs${near === undefined ? '' : ` (did you mean ${describe(near)}?)`}`,
      ucc,
    )
  }
  const object = options === undefined ? {} : checkKeys(options, ['basePath'], '')
  const path = given(object, 'basePath')
  if (path === undefined) return { pool, ucc }
  return {
    pool,
    ucc,
    basePath: path === '' ? '' : (checkRule({ kind: 'path' }, path, 'basePath') as string).replace(/\/+$/, ''),
  }
}

/** The configuration of one client of this pool. */
export function clientConfigOf(pool: PoolConfig, ucc: string): ClientConfig {
  return Object.freeze({ ...pool.config, ucc })
}
