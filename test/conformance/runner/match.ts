/**
 * Is a value as expected? Objects must have at least the members that are expected, lists exactly the ones, in order;
 * anything else must be equal. Where that says too much:
 *
 * | matcher | holds for |
 * |---|---|
 * | `{ "$between": [a, b] }` | a number from a to b, both included |
 * | `{ "$atMost": n }` | a list of at most n, or a number up to n |
 * | `{ "$contains": x }` | text that contains x; a list with a member that is as x |
 * | `{ "$absent": true }` | a member that is not there |
 */
import { show } from './fields'

const MATCHERS: Readonly<Record<string, (operand: unknown, actual: unknown) => boolean>> = {
  $between: (operand, actual) => {
    const [from, to] = operand as readonly [number, number]
    return typeof actual === 'number' && actual >= from && actual <= to
  },
  $atMost: (operand, actual) => (Array.isArray(actual) ? actual.length : (actual as number)) <= (operand as number),
  $contains: (operand, actual) => contains(operand, actual),
  $absent: (_operand, actual) => actual === undefined,
}

/** Where they differ, in words; empty when all is as expected. */
export function differences(path: string, expected: unknown, actual: unknown): string[] {
  const matcher = matcherOf(expected)
  if (matcher !== undefined) {
    const [name, operand] = matcher
    const holds = MATCHERS[name]
    if (holds === undefined) return [`${path}: no matcher is called ${name}`]
    return holds(operand, actual) ? [] : [`${path}: ${name} ${show(operand)} expected, not ${show(actual)}`]
  }
  if (Array.isArray(expected)) return listDifferences(path, expected, actual)
  if (typeof expected !== 'object' || expected === null) {
    return expected === actual ? [] : [`${path}: ${show(expected)} expected, not ${show(actual)}`]
  }
  if (typeof actual !== 'object' || actual === null) return [`${path}: ${show(expected)} expected, not ${show(actual)}`]
  const found = actual as Readonly<Record<string, unknown>>
  return Object.entries(expected).flatMap(([name, value]) => {
    const problems = differences(`${path}.${name}`, value, found[name])
    // It may be the name that is wrong.
    const isUnknown = problems.length > 0 && !(name in found)
    return isUnknown ? problems.map((problem) => `${problem}; there are ${Object.keys(found).join(', ')}`) : problems
  })
}

function listDifferences(path: string, expected: readonly unknown[], actual: unknown): string[] {
  if (!Array.isArray(actual) || actual.length !== expected.length) {
    return [`${path}: ${show(expected)} expected, not ${show(actual)}`]
  }
  return expected.flatMap((value, n) => differences(`${path}[${n}]`, value, actual[n]))
}

function matcherOf(expected: unknown): [string, unknown] | undefined {
  if (typeof expected !== 'object' || expected === null || Array.isArray(expected)) return undefined
  const [first, ...more] = Object.entries(expected)
  return first !== undefined && more.length === 0 && first[0].startsWith('$') ? first : undefined
}

function contains(operand: unknown, actual: unknown): boolean {
  if (typeof actual === 'string') return typeof operand === 'string' && actual.includes(operand)
  return Array.isArray(actual) && actual.some((one) => differences('', operand, one).length === 0)
}
