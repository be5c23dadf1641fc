import { drawPlan, INVARIANTS, runPlan, shrinkPlan, type SwarmPlan } from '../../src/testing/swarm/index'

/** Shrinking costs a run a step: the first failures are shown whole, and little is spent on each. */
const SHOWN = 2
const SHRINK_RUNS = 100
const SHOWN_DECISIONS = 25

export interface Failure {
  readonly seed: number
  readonly violations: readonly string[]
}

/** What whoever sees a failing `npm test` needs: seeds, what each violated, the plan made small, the last decisions. */
export async function tellFailures(failures: readonly Failure[], draw = drawPlan): Promise<string> {
  const all = failures.map(({ seed, violations }) => `seed ${seed}: ${violations.join('; ')}`)
  const shown: string[] = []
  for (const { seed } of failures.slice(0, SHOWN)) shown.push(await tell(seed, draw(seed)))
  return [`${failures.length} seeds failed`, ...all, ...shown].join('\n')
}

async function tell(seed: number, drawn: SwarmPlan): Promise<string> {
  const again = `npm run simulate -- --replay ${seed} --shrink`
  try {
    const name = (await runPlan(drawn)).violations[0]?.invariant
    // Told by the runner (a rejection, another trace), not by an invariant: nothing to shrink by.
    const plan = name === undefined ? drawn : await smallest(drawn, name)
    const { violations, decisions } = await runPlan(plan)
    return [
      `seed ${seed}, shrunk (look closer: ${again})`,
      JSON.stringify(plan),
      ...violations.map(({ invariant, at, facts }) => `violated at ${Math.round(at)} ms: ${invariant}: ${facts}`),
      ...decisions.flatMap((made, client) => [
        `client ${client}, last decisions:`,
        ...made.slice(-SHOWN_DECISIONS).map(({ at, kind, sentence }) => `  ${at} ${kind}: ${sentence}`),
      ]),
    ].join('\n')
  } catch (error) {
    return `seed ${seed} does not run to its end: ${String(error)} (${again})`
  }
}

function smallest(plan: SwarmPlan, name: string): Promise<SwarmPlan> {
  const invariants = INVARIANTS.filter((invariant) => invariant.name === name)
  const fails = async (candidate: SwarmPlan): Promise<boolean> =>
    (await runPlan(candidate, { invariants })).violations.length > 0
  return shrinkPlan(plan, fails, SHRINK_RUNS)
}
