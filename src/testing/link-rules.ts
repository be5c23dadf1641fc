/** What was said of links, for those that are made later. What a later word says anew is forgotten. */
import type { Link } from './link'
import type { LinkDirection, LinkQuality } from './network-types'

export interface Selector {
  readonly device?: string | undefined
  readonly server?: string | undefined
}

export function matches({ device, server }: Selector, link: Link): boolean {
  return (device === undefined || device === link.device.name) && (server === undefined || server === link.host.name)
}

/** What a rule decides of a link, whatever was said before. */
export type Aspect = 'fault' | `${'up' | 'down'} ${'latency' | 'loss'}`

export interface Rule {
  readonly where: Selector
  readonly decides: readonly Aspect[]
  readonly apply: (link: Link) => void
}

export function aspectsOf({ latencyMs, loss }: LinkQuality, direction: LinkDirection): readonly Aspect[] {
  const ways = direction === 'both' ? (['up', 'down'] as const) : [direction]
  return ways.flatMap((way): Aspect[] => [
    ...(latencyMs === undefined ? [] : [`${way} latency` as const]),
    ...(loss === undefined ? [] : [`${way} loss` as const]),
  ])
}

export class LinkRules {
  #rules: Rule[] = []

  get size(): number {
    return this.#rules.length
  }

  /** Those of the same links that decide nothing more than this one are void: months of slow moments stay one rule. */
  add(rule: Rule): void {
    this.#rules = this.#rules.filter((old) => !isVoid(old, rule))
    this.#rules.push(rule)
  }

  /** In the order in which they were said. */
  applyTo(link: Link): void {
    for (const { where, apply } of this.#rules) if (matches(where, link)) apply(link)
  }

  clear(): void {
    this.#rules = []
  }
}

function isVoid(old: Rule, { where, decides }: Rule): boolean {
  const isSame = old.where.device === where.device && old.where.server === where.server
  return isSame && old.decides.every((aspect) => decides.includes(aspect))
}
