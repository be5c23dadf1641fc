/** Checks the options of `createFailoverClient` up front and completes them: what comes out holds everywhere. */
import type { Platform, Store } from '../platform/platform'
import type { CanMove, FailoverClientOptions, Priority, RestoreSession, TokenProvider } from './option-types'
import { checkKeys, checkMembers, checkRule, fail, given, refuse, type Given, type Rule } from './options-check'
import {
  resolveAllowedHosts,
  resolveEndpoints,
  resolveHostname,
  type ConfiguredEndpoint,
  type HostnameConfig,
} from './options-endpoints'
import { TUNING_GROUPS } from './options-schema'
import { homeOf, resolveTuning } from './options-tuning'
import { resolveResolvers } from './options-resolvers'
import { probeSpec } from './probes'
import type { ResolverSpec } from './resolvers'
import type { TuningConfig } from './tuning-types'

export type { ConfiguredEndpoint, HostnameConfig } from './options-endpoints'

/** The options, checked, normalised and completed with `DEFAULTS`. Frozen. */
export interface ClientConfig extends TuningConfig {
  readonly hostname: HostnameConfig
  /** In rank order, never empty. */
  readonly endpoints: readonly ConfiguredEndpoint[]
  /** The user listed endpoints: `false` means that `endpoints` is the dedicated hostname alone. */
  readonly endpointsGiven: boolean
  readonly allowedHosts: readonly string[]
  readonly ucc: string | undefined
  /** `id` is drawn by the client when the user gave none. */
  readonly client: { readonly id?: string; readonly name?: string; readonly version?: string }
  readonly token: TokenProvider | undefined
  readonly priority: Priority | (() => Priority)
  /** Nothing or empty: none. */
  readonly resolvers: readonly ResolverSpec[] | undefined
  readonly restoreSession: RestoreSession | undefined
  readonly canMove: CanMove | undefined
  readonly standby: 'cold' | 'warm'
  /** Nothing: the platform's own. */
  readonly store: Store | false | undefined
  /** Nothing: the entry point's own. */
  readonly platform: Platform | undefined
}

/** Options that all clients of a directory may share. */
export const SHARED_OPTIONS: readonly string[] = [
  'allowedHosts',
  'client',
  'token',
  'priority',
  'resolver',
  'restoreSession',
  'canMove',
  'standby',
  'store',
  'platform',
  ...TUNING_GROUPS,
]
const CLIENT_OPTIONS: readonly string[] = ['hostname', 'endpoints', 'ucc', ...SHARED_OPTIONS]

export const PRIORITIES: readonly Priority[] = ['interactive', 'agent', 'board', 'visitor']
/** The longest UCC name a server may answer with (PROTOCOL.md). */
export const UCC_RULE: Rule = { kind: 'text', maxLength: 256 }
const IDENTITY_RULES: Readonly<Record<string, Rule>> = {
  id: { kind: 'text' },
  name: { kind: 'text' },
  version: { kind: 'text' },
}
/** Enough of the interface to tell a Platform from anything else. */
const PLATFORM_METHODS = [
  'now',
  'wallClock',
  'random',
  'setTimer',
  'exchange',
  'fetch',
  'stream',
  'openSocket',
  'close',
]

/**
 * Checks and completes the options.
 * @throws FailoverError `INVALID_OPTION` with `fields.field`, the dotted path of the first wrong option.
 */
export function resolveOptions(options: FailoverClientOptions): ClientConfig
export function resolveOptions(options: unknown): ClientConfig
export function resolveOptions(options: unknown): ClientConfig {
  const object = checkKeys(options, CLIENT_OPTIONS, '', homeOf)
  return resolveClient(object, '', resolveShared(object))
}

/** Everything but the pool's own options. */
export type SharedConfig = Omit<
  ClientConfig,
  'hostname' | 'endpoints' | 'endpointsGiven' | 'allowedHosts' | 'ucc' | 'resolvers'
> & { readonly given: Given }

/** @param options Known to have no other names than the allowed ones. */
export function resolveShared(options: Given): SharedConfig {
  const tuning = resolveTuning(options)
  const store = resolveStore(given(options, 'store'))
  if (tuning.streams.persistViews && store === false) {
    refuse('streams.persistViews', 'needs a store, and store is false; set one of them otherwise')
  }
  return {
    ...tuning,
    client: resolveIdentity(given(options, 'client')),
    token: resolveToken(given(options, 'token')),
    priority: resolvePriority(given(options, 'priority')),
    restoreSession: optionalFunction<RestoreSession>(options, 'restoreSession'),
    canMove: optionalFunction<CanMove>(options, 'canMove'),
    standby: resolveStandby(given(options, 'standby')),
    store,
    platform: resolvePlatform(given(options, 'platform')),
    given: options,
  }
}

/** @param pool Where `hostname`, `endpoints`, `allowedHosts`, `ucc` are read. @param at Its dotted path. */
export function resolveClient(pool: Given, at: string, shared: SharedConfig): ClientConfig {
  const field = (name: string): string => (at === '' ? name : `${at}.${name}`)
  const { given: options, ...rest } = shared
  const hostname = resolveHostname(given(pool, 'hostname'), field('hostname'))
  const ucc = given(pool, 'ucc')
  const ownHosts = resolveAllowedHosts(given(pool, 'allowedHosts'), field('allowedHosts'))
  const sharedHosts = pool === options ? [] : resolveAllowedHosts(given(options, 'allowedHosts'), 'allowedHosts')
  return Object.freeze({
    ...rest,
    hostname,
    endpoints: resolveEndpoints(given(pool, 'endpoints'), hostname, field('endpoints')),
    endpointsGiven: given(pool, 'endpoints') !== undefined,
    allowedHosts: Object.freeze([...new Set([...sharedHosts, ...ownHosts])]),
    ucc: ucc === undefined ? undefined : (checkRule(UCC_RULE, ucc, field('ucc')) as string),
    resolvers: resolveResolvers(given(options, 'resolver'), hostname),
  })
}

function resolveIdentity(value: unknown): ClientConfig['client'] {
  if (value === undefined) return Object.freeze({})
  const object = checkKeys(value, Object.keys(IDENTITY_RULES), 'client')
  return Object.freeze(checkMembers(object, IDENTITY_RULES, 'client'))
}

function resolveToken(value: unknown): TokenProvider | undefined {
  if (value === undefined || typeof value === 'function') return value as TokenProvider | undefined
  if (typeof value === 'string') return checkRule({ kind: 'headerValue' }, value, 'token') as string
  return refuse(
    'token',
    `must be a text, or a function that gives one; its type is ${value === null ? 'null' : typeof value}`,
  )
}

function resolvePriority(value: unknown): ClientConfig['priority'] {
  if (value === undefined) return 'agent'
  if (typeof value === 'function') return value as () => Priority
  return checkRule({ kind: 'choice', of: PRIORITIES }, value, 'priority') as Priority
}

function optionalFunction<T>(options: Given, name: string): T | undefined {
  const value = given(options, name)
  return value === undefined ? undefined : (checkRule({ kind: 'function' }, value, name) as T)
}

function resolveStandby(value: unknown): 'cold' | 'warm' {
  if (value === undefined) return 'cold'
  if (value === 'hot') refuse('standby', 'must be "cold" or "warm"; "hot" is reserved for a later version')
  return checkRule({ kind: 'choice', of: ['cold', 'warm'] }, value, 'standby') as 'cold' | 'warm'
}

function resolveStore(value: unknown): Store | false | undefined {
  if (value === undefined || value === false) return value
  if (hasMethods(value, ['load', 'save'])) return value as Store
  return fail('store', 'must be false or an object with load(key) and save(key, value)', value)
}

function resolvePlatform(value: unknown): Platform | undefined {
  if (value === undefined) return undefined
  if (hasMethods(value, PLATFORM_METHODS)) return value as Platform
  return fail('platform', 'must be a Platform, such as nodePlatform({ tls })', value)
}

/** Own or inherited: platforms and stores are often classes. */
function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}

/**
 * Refuses what this platform cannot do, instead of doing something else in silence.
 * @throws FailoverError `INVALID_OPTION`
 */
export function checkPlatformCan(config: ClientConfig, platform: Platform): void {
  if (!platform.can.pinAddress) {
    for (const { field, address, hostname } of config.endpoints) {
      const option = address !== undefined ? 'address' : hostname !== undefined ? 'hostname' : undefined
      if (option === undefined) continue
      refuse(
        `${field}.${option}`,
        'works in Node only: a page cannot choose the address or the TLS name; give each server a name of its own',
      )
    }
  }
  if (probeSpec(config.health.probe).kind === 'tcp' && platform.connectTcp === undefined) {
    refuse('health.probe', 'tcpProbe works in Node only; use readinessProbe() or httpProbe({ path })')
  }
}

/** What a priority function answered, or nothing when it is no priority (then the default holds, with a warning). */
export function readPriority(value: unknown): Priority | undefined {
  return PRIORITIES.find((priority) => priority === value)
}
