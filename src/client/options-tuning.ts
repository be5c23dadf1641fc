/** Checks the tuning groups (`health`, `breaker`, …) and merges them with `DEFAULTS`. */
import { DEFAULTS } from './defaults'
import { checkKeys, checkRule, fail, failUrl, given, isGiven, join, list, refuse, type Given } from './options-check'
import { ORDERED, TUNING_GROUPS, TUNING_RULES } from './options-schema'
import { httpProbe, readinessProbe, tcpProbe } from './probes'
import type { TuningConfig } from './tuning-types'
import { normaliseBase } from './urls'

/** Where a name that is unknown here is at home: `detection.heartbeatMs`, `retry.sharedKeys or commands.sharedKeys`. */
export function homeOf(name: string): string | undefined {
  const homes = TUNING_GROUPS.filter((group) => Object.hasOwn(TUNING_RULES[group], name))
  return homes.length === 0
    ? undefined
    : list(
        homes.map((group) => `${group}.${name}`),
        'or',
      )
}

/** All groups, complete and frozen. @throws FailoverError `INVALID_OPTION` */
export function resolveTuning(options: Given): TuningConfig {
  const groups = TUNING_GROUPS.map((group) => [group, resolveGroup(group, given(options, group))] as const)
  const config = Object.fromEntries(groups) as Record<string, Record<string, unknown>>
  for (const [group, smaller, greater] of ORDERED) checkOrder(options, config, group, smaller, greater)
  // Only what the rules let through, under exactly their names, is in it.
  return config as unknown as TuningConfig
}

function resolveGroup(group: keyof TuningConfig, value: unknown): Record<string, unknown> {
  const rules = TUNING_RULES[group] as Readonly<Record<string, (typeof TUNING_RULES.health)['probe']>>
  const options = value === undefined ? {} : checkKeys(value, Object.keys(rules), group, elsewhere(group))
  const result: Record<string, unknown> = { ...DEFAULTS[group] }
  for (const [name, rule] of Object.entries(rules)) {
    const member = given(options, name)
    if (member === undefined) continue
    const field = join(group, name)
    result[name] = rule === 'special' ? checkSpecial(field, member) : checkRule(rule, member, field)
  }
  return Object.freeze(result)
}

function elsewhere(group: string): (name: string) => string | undefined {
  return (name) => {
    const home = homeOf(name)
    return home?.includes(`${group}.`) === true ? undefined : home
  }
}

function checkSpecial(field: string, value: unknown): unknown {
  return field === 'health.probe' ? checkProbe(field, value) : checkReferenceUrl(field, value)
}

function checkProbe(field: string, value: unknown): unknown {
  // Forgetting the parentheses would make the maker itself the probe, and every endpoint dead.
  if ([readinessProbe, httpProbe, tcpProbe].includes(value as () => never)) {
    refuse(field, 'must be a probe; call the function: readinessProbe(), httpProbe({ path }), tcpProbe({ port })')
  }
  if (typeof value === 'function') return value
  return fail(
    field,
    'must be a probe: readinessProbe(), httpProbe({ path }), tcpProbe({ port }) or (endpoint, context) => Promise',
    value,
  )
}

/** Any URL; its path and query are its own affair, its credentials are not. */
function checkReferenceUrl(field: string, value: unknown): string {
  const text = value instanceof URL ? value.href : value
  if (typeof text !== 'string' || !/^https?:\/\//i.test(text))
    return failUrl(field, 'must be an http or https URL', value)
  const result = normaliseBase(text.replace(/[?#].*$/s, ''))
  if (!result.ok) return failUrl(field, result.problem, value)
  return new URL(text).href
}

function checkOrder(
  options: Given,
  config: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  group: string,
  smaller: string,
  greater: string,
): void {
  const low = config[group]?.[smaller] as number
  const high = config[group]?.[greater] as number
  if (low <= high) return
  // Blame the one the user wrote: the other may be a default.
  const own = given(options, group)
  const gave = (name: string): boolean => isGiven(own) && given(own, name) !== undefined
  const origin = (name: string): string => (gave(name) ? '' : ', the default')
  if (gave(greater)) {
    refuse(join(group, greater), `must be at least ${group}.${smaller} (${low}${origin(smaller)}); got ${high}`)
  }
  refuse(join(group, smaller), `must be at most ${group}.${greater} (${high}${origin(greater)}); got ${low}`)
}
