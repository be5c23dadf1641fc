/** The swarm: seeds become plans, plans become runs, and what must always hold is asserted in each. */
export { drawPlan } from './draw-plan'
export { FAULTS, type FaultKind } from './faults'
export type { Invariant, Reader, RunView, Violation } from './invariant'
export { INVARIANTS } from './invariants/index'
export type { ClientPlan, Deed, Fault, SwarmPlan } from './plan'
export { replay } from './replay'
export { runPlan, type RunPlanOptions, type SwarmRun } from './run-plan'
export { shrinkPlan, type StillFails } from './shrink'
