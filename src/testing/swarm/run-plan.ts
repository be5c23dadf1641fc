/**
 * One run of a plan, in two phases as TigerBeetle's VOPR has them: first things go wrong, and what must never happen is
 * watched for; then everything is healed, and everybody must come back to where they belong within a bound, and stay
 * there. At last the clients close, and nothing may be left alive.
 */
import type { Decision } from '../../client/reports'
import { convergeWithinMs } from './bounds'
import type { Invariant, Violation } from './invariant'
import { whatIsMissing } from './invariants/endings'
import { INVARIANTS } from './invariants/index'
import type { SwarmPlan } from './plan'
import { Stage } from './stage'

/** One run, and all there is to know of it. */
export interface SwarmRun {
  /** What was run. */
  readonly plan: SwarmPlan
  /** Empty: all is well. In the order of their instants. */
  readonly violations: readonly Violation[]
  /** One word for everything that was seen: the same plan gives the same word. */
  readonly hash: string
  /** Everything that was seen, a line each, where it was asked for. */
  readonly trace: readonly string[]
  /** Of each client, the last decisions before its close. */
  readonly decisions: readonly (readonly Decision[])[]
  /** Virtual milliseconds of the whole run. */
  readonly lastedMs: number
  /** Virtual milliseconds from the healing until everybody was where they belong. */
  readonly convergedMs: number
  /** How many moves were reported, by kind. */
  readonly moves: Readonly<Record<string, number>>
}

export interface RunPlanOptions {
  /** @default false */
  readonly keepsTrace?: boolean
  /** @default all */
  readonly invariants?: readonly Invariant[]
}

/** How often it is looked whether everybody is back, and for how long they must have been. */
const LOOK_MS = 1000
const BACK_FOR_MS = 8000
/** Nothing is published any more for so long before contents are compared; the slowest road has retransmitted. */
const QUIET_MS = 3000
const LAST_LOOKS = 3
/** The last publications, before silence. */
const LAST_WORDS = 3

export async function runPlan(plan: SwarmPlan, options: RunPlanOptions = {}): Promise<SwarmRun> {
  const { keepsTrace = false, invariants = INVARIANTS } = options
  const stage = new Stage(plan, keepsTrace)
  stage.story.begin(stage.view, invariants)
  stage.begin()
  await stage.world.run(plan.healAtMs)
  stage.heal()
  const convergedMs = await converge(stage)
  await stage.calm(plan.calmMs ?? 0)
  stage.lastWords(LAST_WORDS)
  await stage.world.run(QUIET_MS)
  // A beat that is late in the last moment is a suspicion, soon cleared: nobody is to be judged by that moment.
  for (let looks = 0; looks < LAST_LOOKS && !isBack(stage); looks += 1) await stage.world.run(LOOK_MS)
  stage.tell({ is: 'quiet' })
  const decisions = stage.actors.map(({ client }) => client.decisions())
  await stage.close()
  const { violations, hash, lines } = stage.story
  const { now } = stage.world
  stage.world.close()
  const { moves } = stage
  return { plan, violations, hash, trace: lines, decisions, lastedMs: now, convergedMs, moves }
}

/** @returns how long it took. */
async function converge(stage: Stage): Promise<number> {
  const since = stage.world.now
  const until = since + convergeWithinMs(stage.plan)
  let backSince = Infinity
  while (stage.world.now < until && !(stage.world.now - backSince >= BACK_FOR_MS)) {
    backSince = isBack(stage) ? Math.min(backSince, stage.world.now) : Infinity
    await stage.world.run(LOOK_MS)
  }
  return Math.min(backSince, stage.world.now) - since
}

function isBack({ actors, view }: Stage): boolean {
  return actors.every((_actor, index) => whatIsMissing(view, index) === undefined)
}
