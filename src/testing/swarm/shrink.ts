/**
 * Makes a failing plan small: whatever can be left out while the same invariant is still violated, is. Delta debugging
 * (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) on faults, deeds and clients.
 */
import type { Latency } from '../network-types'
import type { SwarmPlan, TopologyPlan } from './plan'

/** Does this plan still fail in the same way? */
export type StillFails = (plan: SwarmPlan) => Promise<boolean>

type Lists = Pick<SwarmPlan, 'faults' | 'deeds'>

/** @returns the smallest plan found. `budget`: how many runs it may cost. */
export async function shrinkPlan(plan: SwarmPlan, fails: StillFails, budget = 400): Promise<SwarmPlan> {
  let runs = 0
  const test: StillFails = async (candidate) => {
    runs += 1
    return runs <= budget && (await fails(candidate))
  }
  let smallest = plan
  for (let before = ''; before !== textOf(smallest);) {
    before = textOf(smallest)
    for (const simplify of SIMPLIFICATIONS) {
      const simpler = simplify(smallest)
      if (textOf(simpler) !== textOf(smallest) && (await test(simpler))) smallest = simpler
    }
    for (const list of ['faults', 'deeds'] as const) smallest = await shrinkList(smallest, list, test)
  }
  return smallest
}

function textOf(plan: SwarmPlan): string {
  return JSON.stringify(plan)
}

/** Leaves out ever smaller parts of a list. */
async function shrinkList<Name extends keyof Lists>(
  plan: SwarmPlan,
  name: Name,
  fails: StillFails,
): Promise<SwarmPlan> {
  let smallest = plan
  for (let part = Math.ceil(smallest[name].length / 2); part >= 1; part = Math.floor(part / 2)) {
    for (let from = 0; from < smallest[name].length;) {
      const kept = [...smallest[name].slice(0, from), ...smallest[name].slice(from + part)]
      const candidate: SwarmPlan = { ...smallest, [name]: kept }
      if (await fails(candidate)) smallest = candidate
      else from += part
    }
  }
  return smallest
}

type Simplification = (plan: SwarmPlan) => SwarmPlan

function simplerTopology(change: (topology: TopologyPlan) => Partial<TopologyPlan>): Simplification {
  return (plan) => ({ ...plan, topology: { ...plan.topology, ...change(plan.topology) } })
}

/** Steps towards the plainest plan there is, one at a time. */
const SIMPLIFICATIONS: readonly Simplification[] = [
  (plan) => withoutClient(plan, 2),
  (plan) => withoutClient(plan, 1),
  (plan) => withoutClient(plan, 0),
  (plan) => {
    const last = Math.max(1000, ...plan.faults.map(({ at, forMs }) => at + forMs))
    const healAtMs = Math.min(plan.healAtMs, last + 5000)
    return { ...plan, healAtMs, deeds: plan.deeds.filter(({ at }) => at < healAtMs) }
  },
  (plan) => ({ ...plan, calmMs: 0 }),
  ({ leftBehind: _leftBehind, ...plan }) => plan,
  (plan) => ({ ...plan, network: { ...plan.network, loss: 0 } }),
  // Whether it takes a race between packets: without jitter there is none.
  ({ network, ...plan }) => ({ ...plan, network: { ...network, latencyMs: withoutJitter(network.latencyMs) } }),
  simplerTopology(() => ({ hasSecondRoad: false })),
  simplerTopology(() => ({ hasDesignation: false })),
  simplerTopology(() => ({ hasTokens: false })),
  simplerTopology(() => ({ answerAfterMs: 0 })),
  simplerTopology(() => ({ withoutSockets: [] })),
  (plan) => {
    const used = plan.topology.uccs.filter((ucc) => plan.clients.some((client) => client.ucc === ucc))
    return { ...plan, topology: { ...plan.topology, uccs: used } }
  },
  (plan) => ({ ...plan, clients: plan.clients.map((client) => ({ ...client, standby: 'cold', restores: false })) }),
  (plan) => ({ ...plan, clients: plan.clients.map((client) => ({ ...client, asksCanMove: false })) }),
]

function withoutJitter(latency: Latency): Latency {
  return typeof latency === 'object' && 'median' in latency ? latency.median : latency
}

/** Indices of those behind it become one less. One has to stay. */
function withoutClient(plan: SwarmPlan, gone: number): SwarmPlan {
  if (plan.clients.length < 2 || gone >= plan.clients.length) return plan
  const moved = (index: number): number => (index > gone ? index - 1 : index)
  return {
    ...plan,
    clients: plan.clients.filter((_client, index) => index !== gone),
    deeds: plan.deeds
      .filter((deed) => !('client' in deed) || deed.client !== gone)
      .map((deed) => ('client' in deed ? { ...deed, client: moved(deed.client) } : deed)),
  }
}
