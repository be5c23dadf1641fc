/** One link: what is between one device and one host, each way for itself. */
import type { Random } from '../core/random'
import { drawLatency } from './chance'
import type { Latency, LinkDirection, LinkFault, LinkQuality } from './network-types'

export type Way = 'up' | 'down'

/** What an end of a link can do to it by itself. */
export interface LinkEnd {
  readonly name: string
  /** Asleep, offline, switched off: nothing comes from there or gets there. */
  readonly isCutOff: boolean
}

export interface Conditions {
  readonly latencyMs: Latency
  readonly loss: number
}

const LOST: Readonly<Record<Way, ReadonlySet<LinkFault>>> = {
  up: new Set(['partition', 'lost-up']),
  down: new Set(['partition', 'lost-down']),
}

export class Link {
  readonly device: LinkEnd
  readonly host: LinkEnd
  fault: LinkFault | undefined
  readonly #random: Random
  readonly #conditions: Record<Way, Conditions>

  constructor(device: LinkEnd, host: LinkEnd, conditions: Conditions, random: Random) {
    this.device = device
    this.host = host
    this.#random = random
    this.#conditions = { up: conditions, down: conditions }
  }

  change({ latencyMs, loss }: LinkQuality, direction: LinkDirection): void {
    const ways: readonly Way[] = direction === 'both' ? ['up', 'down'] : [direction]
    for (const way of ways) {
      const before = this.#conditions[way]
      this.#conditions[way] = { latencyMs: latencyMs ?? before.latencyMs, loss: loss ?? before.loss }
    }
  }

  /** Nothing gets through this way now. */
  isBlocked(way: Way): boolean {
    if (this.device.isCutOff || this.host.isCutOff) return true
    return this.fault !== undefined && LOST[way].has(this.fault)
  }

  latency(way: Way): number {
    return drawLatency(this.#conditions[way].latencyMs, this.#random)
  }

  /** Is this packet lost by chance? */
  loses(way: Way): boolean {
    const { loss } = this.#conditions[way]
    return loss > 0 && this.#random() < loss
  }
}
