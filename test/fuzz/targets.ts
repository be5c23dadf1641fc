/** The table of everything that reads what others wrote. A new parser gets a row, here and nowhere else. */
import type { FuzzTarget } from './target'
import { commandAnswerTargets } from './targets/command-answers'
import { eventStreamTargets } from './targets/event-streams'
import { frameTargets } from './targets/frames'
import { optionTargets } from './targets/options'
import { snapshotTargets } from './targets/snapshots'
import { urlTargets } from './targets/urls'
import { valueTargets } from './targets/values'

export const TARGETS: readonly FuzzTarget[] = [
  ...frameTargets,
  ...eventStreamTargets,
  ...commandAnswerTargets,
  ...snapshotTargets,
  ...urlTargets,
  ...optionTargets,
  ...valueTargets,
]
