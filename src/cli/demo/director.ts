/** Plays one step of the script, or all of them, and says how each ended. */
import type { AuditCount } from './audit'
import { faultsOf, since } from './audit'
import { pause, until } from './pace'
import type { Expectation, Step } from './scenario'
import type { Mark, Stage } from './stage'
import { VIEWERS, type MoveRow, type ViewerName } from './view'

/** How a step ended. */
export interface StepReport {
  readonly id: string
  readonly title: string
  /** What was done, in words. */
  readonly done: readonly string[]
  readonly moves: readonly MoveRow[]
  /** Events published during the step, and what became of them. */
  readonly audit: AuditCount
  /** The longest time without any event, per client: what a person would have seen. */
  readonly silentMs: Readonly<Record<ViewerName, number>>
  readonly tookMs: number
  /** What was not as expected; empty when all was well. */
  readonly problems: readonly string[]
}

const CAUGHT_UP_WITHIN_MS = 5000

/** Undefined when the signal ended it halfway. */
export async function playStep(
  stage: Stage,
  step: Step,
  lingerMs: number,
  signal: AbortSignal,
): Promise<StepReport | undefined> {
  const startedAt = performance.now()
  const mark = stage.mark()
  const done: string[] = []
  for (const deed of step.deeds) {
    if (signal.aborted) return undefined
    if (typeof deed === 'number') await pause(deed, signal)
    else done.push(await stage.perform(deed))
  }
  const { expect } = step
  await until(() => stage.viewers.every(({ name }) => hasArrived(stage, name, mark, expect)), expect.withinMs, signal)
  // Whatever else would happen shall happen while somebody looks.
  await pause(lingerMs, signal)
  const isExact = await until(() => stage.isExact(), CAUGHT_UP_WITHIN_MS, signal)
  if (signal.aborted) return undefined
  const audit = since(stage.audit(), mark.audit)
  const moves = VIEWERS.flatMap((name) => stage.movesSince(mark).filter(({ client }) => client === name))
  const now = performance.now()
  return {
    id: step.id,
    title: step.title,
    done,
    moves,
    audit,
    silentMs: {
      wallboard: stage.wallboard.pulse.longestSilenceMs(now),
      desktop: stage.desktop.pulse.longestSilenceMs(now),
    },
    tookMs: now - startedAt,
    problems: [
      ...stage.viewers.flatMap(({ name }) => complaints(stage, name, mark, expect)),
      ...(isExact ? [] : stage.wrongViews().map((topic) => `the wallboard's view of ${topic} is not the cluster's`)),
      ...faultsOf(audit),
    ],
  }
}

function hasArrived(stage: Stage, name: ViewerName, mark: Mark, { to }: Expectation): boolean {
  const viewer = stage.viewers.find((one) => one.name === name)
  const isThere = viewer?.client.active?.name === to && viewer.client.state === 'connected'
  return isThere && stage.movesSince(mark).some((move) => move.client === name && move.to === to)
}

/** What a client did otherwise than expected. */
function complaints(stage: Stage, name: ViewerName, mark: Mark, expect: Expectation): readonly string[] {
  const { kind, reasons, to, via, withinMs } = expect
  const found: string[] = []
  const moves = stage.movesSince(mark).filter((move) => move.client === name)
  if (!hasArrived(stage, name, mark, expect)) found.push(`${name} was not on ${to} within ${withinMs} ms`)
  const odd = moves.filter((move) => move.kind !== kind || !reasons.includes(move.reason) || move.to !== to)
  for (const move of odd) found.push(`${name}: unexpected ${move.kind} to ${move.to}, reason ${move.reason}`)
  if (moves.length > 1 && odd.length === 0) found.push(`${name} moved ${moves.length} times`)
  if (via !== undefined && !stage.wasInState(name, via, mark)) found.push(`${name} was never ${via}`)
  return found
}
