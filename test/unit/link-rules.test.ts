import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Link } from '../../src/testing/link'
import { aspectsOf, LinkRules, type Rule } from '../../src/testing/link-rules'
import type { LinkDirection, LinkQuality } from '../../src/testing/network-types'

const END = { isCutOff: false }

function linkOf(device: string, host: string): Link {
  return new Link({ ...END, name: device }, { ...END, name: host }, { latencyMs: 1, loss: 0 }, () => 0.5)
}

function stateOf(link: Link): readonly unknown[] {
  return [link.fault, ...(['up', 'down'] as const).flatMap((way) => [link.latency(way), link.loses(way)])]
}

function qualityRule(where: Rule['where'], change: LinkQuality, direction: LinkDirection): Rule {
  return { where, decides: aspectsOf(change, direction), apply: (link) => link.change(change, direction) }
}

const wheres = fc.record(
  { device: fc.constantFrom('pc', 'phone'), server: fc.constantFrom('srv1', 'srv2') },
  { requiredKeys: [] },
)
const qualities = fc.record({ latencyMs: fc.nat({ max: 99 }), loss: fc.constantFrom(0, 1) }, { requiredKeys: [] })
const rules: fc.Arbitrary<Rule> = fc.oneof(
  fc
    .tuple(wheres, qualities, fc.constantFrom<LinkDirection>('up', 'down', 'both'))
    .map(([where, change, direction]) => qualityRule(where, change, direction)),
  fc.tuple(wheres, fc.constantFrom('partition' as const, 'refused' as const, undefined)).map(([where, fault]) => ({
    where,
    decides: ['fault' as const],
    apply: (link: Link) => {
      link.fault = fault
    },
  })),
)

test('a link that is made later is as if it had heard every word, whatever was forgotten', () => {
  fc.assert(
    fc.property(fc.array(rules, { maxLength: 30 }), (said) => {
      for (const [device, host] of [
        ['pc', 'srv1'],
        ['pc', 'srv2'],
        ['phone', 'srv1'],
      ] as const) {
        const kept = new LinkRules()
        const early = linkOf(device, host)
        for (const rule of said) {
          kept.add(rule)
          const { where } = rule
          if ((where.device ?? device) === device && (where.server ?? host) === host) rule.apply(early)
        }
        const late = linkOf(device, host)
        kept.applyTo(late)
        expect(stateOf(late)).toEqual(stateOf(early))
      }
    }),
    { numRuns: 300 },
  )
})

test('slow moments, again and again, stay as many rules as there are kinds of words', () => {
  const kept = new LinkRules()
  kept.add(qualityRule({}, { loss: 0 }, 'both'))
  for (let n = 0; n < 1000; n += 1) {
    kept.add(qualityRule({ device: 'pc' }, { latencyMs: n }, 'both'))
    kept.add(qualityRule({ device: 'pc' }, { loss: 1 }, 'up'))
  }
  expect(kept.size).toBe(3)
})
