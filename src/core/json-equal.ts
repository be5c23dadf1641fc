/**
 * Structural equality of JSON values. Iterative: a hostile server can nest arrays deeper than any call stack, and
 * `JSON.parse` reads them without complaint.
 */

/**
 * Are both the same JSON? Order of members means nothing. Only own members count, so a `__proto__` key sent by a
 * server is compared like any other and reaches nobody's prototype.
 */
export function jsonEqual(left: unknown, right: unknown): boolean {
  if (left === right) return true
  // Pairs still to be compared, flat: left at even places, right behind it.
  const pairs: unknown[] = [left, right]
  while (pairs.length > 0) {
    const b = pairs.pop()
    const a = pairs.pop()
    if (!pushChildren(a, b, pairs)) return false
  }
  return true
}

/** False when this pair differs by itself; else its children wait in `pairs`. */
function pushChildren(a: unknown, b: unknown, pairs: unknown[]): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    // NaN is no JSON, but a value made by hand must not differ from itself for ever.
    return Number.isNaN(a) && Number.isNaN(b)
  }
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && pushItems(a, b, pairs)
  return pushMembers(a as Record<string, unknown>, b as Record<string, unknown>, pairs)
}

function pushItems(a: readonly unknown[], b: readonly unknown[], pairs: unknown[]): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index += 1) pushUnlessSame(a[index], b[index], pairs)
  return true
}

function pushMembers(a: Record<string, unknown>, b: Record<string, unknown>, pairs: unknown[]): boolean {
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  for (const name of names) {
    if (!Object.hasOwn(b, name)) return false
    pushUnlessSame(a[name], b[name], pairs)
  }
  return true
}

function pushUnlessSame(a: unknown, b: unknown, pairs: unknown[]): void {
  if (a !== b) pairs.push(a, b)
}
