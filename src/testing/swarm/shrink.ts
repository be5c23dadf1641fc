/**
 * Makes a failing plan small: whatever can be left out while the same invariant is still violated, is. Delta debugging
 * (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) on faults, deeds and clients.
 */
import type { SwarmPlan } from './plan'

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
  for (let before = NaN; before !== sizeOf(smallest);) {
    before = sizeOf(smallest)
    for (const simpler of simplifications(smallest)) if (await test(simpler)) smallest = simpler
    for (const list of ['faults', 'deeds'] as const) smallest = await shrinkList(smallest, list, test)
  }
  return smallest
}

function sizeOf(plan: SwarmPlan): number {
  return JSON.stringify(plan).length
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

/** One step each towards the plainest plan there is. */
function simplifications(plan: SwarmPlan): readonly SwarmPlan[] {
  const { topology, network, clients, faults } = plan
  const plainer: SwarmPlan[] = []
  for (const [index] of clients.entries()) if (clients.length > 1) plainer.push(withoutClient(plan, index))
  const last = Math.max(1000, ...faults.map(({ at, forMs }) => at + forMs))
  const healAtMs = last + 5000
  if (healAtMs < plan.healAtMs) plainer.push({ ...plan, healAtMs, deeds: plan.deeds.filter(({ at }) => at < healAtMs) })
  if (network.loss > 0) plainer.push({ ...plan, network: { ...network, loss: 0 } })
  if (topology.hasSecondRoad) plainer.push({ ...plan, topology: { ...topology, hasSecondRoad: false } })
  if (topology.hasDesignation) plainer.push({ ...plan, topology: { ...topology, hasDesignation: false } })
  if (topology.hasTokens) plainer.push({ ...plan, topology: { ...topology, hasTokens: false } })
  if (topology.uccs.length > 1 && clients.every(({ ucc }) => ucc === topology.uccs[0]))
    plainer.push({ ...plan, topology: { ...topology, uccs: topology.uccs.slice(0, 1) } })
  if (topology.withoutSockets.length > 0) plainer.push({ ...plan, topology: { ...topology, withoutSockets: [] } })
  const plain = { standby: 'cold', restores: false, asksCanMove: false } as const
  plainer.push({ ...plan, clients: clients.map((client) => ({ ...client, ...plain })) })
  return plainer
}

/** Indices of those behind it become one less. */
function withoutClient(plan: SwarmPlan, gone: number): SwarmPlan {
  const moved = (index: number): number => (index > gone ? index - 1 : index)
  return {
    ...plan,
    clients: plan.clients.filter((_client, index) => index !== gone),
    deeds: plan.deeds
      .filter((deed) => !('client' in deed) || deed.client !== gone)
      .map((deed) => ('client' in deed ? { ...deed, client: moved(deed.client) } : deed)),
  }
}
