/** The public face of the swarm: one seed, run again, with all there is to know about it. */
import { drawPlan } from './draw-plan'
import { runPlan, type SwarmRun } from './run-plan'

/**
 * Runs one seed of the swarm again: a drawn pool of servers, clients, work and faults, on simulated time. The same seed
 * gives the same trace in the same version of this package.
 *
 * ```ts
 * const { plan, violations, trace, decisions } = await replay(4711)
 * ```
 *
 * @param seed An integer from 0.
 */
export function replay(seed: number): Promise<SwarmRun> {
  return runPlan(drawPlan(seed), { keepsTrace: true })
}
