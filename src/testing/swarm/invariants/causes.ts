/** Why a client goes anywhere: never without a reason that somebody could see from outside. */
import type { MoveEvent } from '../../../client/events'
import { noticedWithinMs, OLD_TOKEN_MS } from '../bounds'
import { FAULTS } from '../faults'
import type { Invariant } from '../invariant'
import type { SwarmPlan } from '../plan'

/** What is wrong everywhere, or changes who is right: terms, names, contents. */
const EVERYWHERE: ReadonlySet<string> = new Set([
  ...Object.entries(FAULTS).flatMap(([name, kind]) => (kind.separates === 'all' ? [name] : [])),
  ...['promote', 'split-brain', 'kill-and-promote', 'flip', 'dns-rotate', 'new-epoch', 'forget-keys', 'slow-commands'],
])

/** Where it was wrong: at a server, at a client, or everywhere. */
type Place = string
const ALL: Place = 'everywhere'

interface Span {
  readonly place: Place
  readonly from: number
  to: number
}

/** When something was wrong, or had just been put right, and where. */
class Troubles {
  readonly #spans: Span[] = []
  readonly #open = new Map<string, Span[]>()

  constructor({ deeds, network, healAtMs }: SwarmPlan) {
    for (const deed of deeds)
      if (deed.do === 'rotate-token') this.#spans.push({ place: ALL, from: deed.at, to: deed.at + OLD_TOKEN_MS })
    // Packets are lost all along, and repeats of what was lost are late.
    if (network.loss > 0) this.#spans.push({ place: ALL, from: 0, to: healAtMs })
  }

  begin(fault: string, target: string, at: number): void {
    const span = { place: EVERYWHERE.has(fault) ? ALL : target, from: at, to: Infinity }
    this.#spans.push(span)
    const name = `${fault} ${target}`
    this.#open.set(name, [...(this.#open.get(name) ?? []), span])
  }

  end(fault: string, target: string, at: number): void {
    const name = `${fault} ${target}`
    const [first, ...others] = this.#open.get(name) ?? []
    if (first !== undefined) first.to = at
    this.#open.set(name, others)
  }

  /** Everything is put right now, which servers and clients notice as well. */
  heal(at: number): void {
    for (const span of this.#spans) span.to = Math.min(span.to, at)
    this.#spans.push({ place: ALL, from: at, to: at })
  }

  /** Was nothing wrong there from one moment to the other, nor shortly before? */
  isQuiet(places: readonly Place[], from: number, to: number): boolean {
    return this.#spans
      .filter(({ place }) => place === ALL || places.includes(place))
      .every((span) => span.from > to || span.to < from - noticedWithinMs())
  }
}

export const noFailoverWithoutACause: Invariant = {
  name: 'no-failover-without-a-cause',
  statement: 'While nothing is wrong, nor was shortly before, nobody leaves a server but for a planned reason.',
  watch({ plan }, violated) {
    const troubles = new Troubles(plan)
    const wishes = new Set<number>()
    return {
      fault: ({ at, fault, target, on }) => troubles[on ? 'begin' : 'end'](fault, target, at),
      healed: ({ at }) => troubles.heal(at),
      called({ client, what }) {
        if (what === 'switchover' || what === 'failback') wishes.add(client)
      },
      event({ client, at, name, context }) {
        if (name !== 'failover' && name !== 'switchover' && name !== 'failback') return
        const { totalMs, detectMs } = context.timings
        const leftAt = at - (totalMs - detectMs)
        const { from, to, reason, evidence } = context
        // Where upgrades are stripped the first attempt fails, whatever else is well.
        if (strippedOf(plan).has(from.server ?? '')) return
        const places = [`client ${client}`, from.server ?? ALL, to.server ?? ALL]
        if (!troubles.isQuiet(places, leftAt, at) || isPlanned(context, plan, wishes.has(client))) return
        const facts = `${name} from ${from.name} to ${to.name} (${reason}), decided at ${Math.round(leftAt)} ms`
        violated(`client ${client}: ${facts}: ${evidence.join('; ')}`)
      },
    }
  },
}

function strippedOf({ topology }: SwarmPlan): ReadonlySet<string> {
  return new Set(topology.withoutSockets.map((index) => `srv${index + 1}`))
}

/** The documented reasons for which a client leaves a server that works. */
function isPlanned({ kind, reason, from, to }: MoveEvent, plan: SwarmPlan, hasWished: boolean): boolean {
  if (kind === 'failover') return false
  switch (reason) {
    case 'switchover':
      return hasWished
    case 'term':
      return (to.term ?? -Infinity) > (from.term ?? -Infinity)
    case 'designation':
      // A virtual address that leads somewhere else is left for itself: its connection is still with the server before.
      return plan.topology.hasDesignation || (plan.topology.hasSecondRoad && from.id === to.id)
    case 'rank':
      return to.rank < from.rank
    default:
      return false
  }
}
