/** Streams of chance: each part of the world draws from its own, so that one more draw here changes nothing there. */
import { seededRandom, type Random } from '../core/random'
import type { Latency } from './network-types'

/** FNV-1a over UTF-16 units. */
export function hashText(text: string, start = 0x811c9dc5): number {
  let hash = start
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}

/** The stream of one part of the world. */
export function stream(seed: number, name: string): Random {
  return seededRandom(hashText(name, hashText(String(seed))))
}

/** z of the 99th percentile of the normal distribution. */
const Z_99 = 2.326

/** One way of one packet. */
export function drawLatency(latency: Latency, random: Random): number {
  if (typeof latency === 'number') return latency
  if ('min' in latency) return latency.min + (latency.max - latency.min) * random()
  const sigma = Math.log(Math.max(1, latency.p99 / latency.median)) / Z_99
  // Box and Muller; 1 - random() is never 0.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return latency.median * Math.exp(sigma * normal)
}

const ID_CHARACTERS = '0123456789abcdef'

/** 128 bits as text. */
export function drawId(random: Random): string {
  return Array.from({ length: 32 }, () => ID_CHARACTERS[Math.floor(random() * 16)]).join('')
}
