/** A source of randomness in [0, 1). Injected, so that a simulation replays bit for bit from its seed. */
export type Random = () => number

/** `value` spread evenly over ± `fraction` of itself. */
export function jittered(value: number, fraction: number, random: Random): number {
  return value * (1 + fraction * (2 * random() - 1))
}

/** A small seeded generator (mulberry32): for tests and simulations, never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
