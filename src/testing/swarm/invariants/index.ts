/** All that a run asserts. Each is one sentence that a user may rely on; a violation names it. */
import type { Invariant } from '../invariant'
import { attemptsWithinBudget, dialsWithinBudget, probesWithinBudget } from './budgets'
import { holdDownIsWaited, movesAreDamped, silenceIsNoticed, standbysAreAskedSeldom } from './calm'
import { noFailoverWithoutACause } from './causes'
import {
  callsEndAtClose,
  closesWithinASecond,
  nothingAliveAfterClose,
  onlyGoodbyesWhileClosing,
  silentAfterClose,
} from './closing'
import {
  commandsEndTruthfully,
  noUnsafeCommandTwice,
  nothingAfterItsDeadline,
  passiveAnswerNeverDelivered,
  unsafeRequestOnce,
} from './commands'
import { neverBelowTheFence, oneCommittedConnection } from './connections'
import { converges, noTokenInText, servedAgain } from './endings'
import { callsSettleOnce, movesGoSomewhere, noFailbackAgainstDesignation, timingsAddUp } from './moves'
import {
  allDeliveredAfterQuiet,
  changesReplayToTheView,
  noEventLostDuplicatedOrReordered,
  viewEqualsServerAfterQuiet,
} from './streams'
import { notNowhereForLong, notOnKnownDownServer } from './whereabouts'

export const INVARIANTS: readonly Invariant[] = [
  noEventLostDuplicatedOrReordered,
  allDeliveredAfterQuiet,
  viewEqualsServerAfterQuiet,
  changesReplayToTheView,
  noUnsafeCommandTwice,
  nothingAfterItsDeadline,
  commandsEndTruthfully,
  unsafeRequestOnce,
  passiveAnswerNeverDelivered,
  oneCommittedConnection,
  neverBelowTheFence,
  notOnKnownDownServer,
  notNowhereForLong,
  silenceIsNoticed,
  noFailoverWithoutACause,
  movesAreDamped,
  holdDownIsWaited,
  noFailbackAgainstDesignation,
  timingsAddUp,
  movesGoSomewhere,
  callsSettleOnce,
  attemptsWithinBudget,
  probesWithinBudget,
  standbysAreAskedSeldom,
  dialsWithinBudget,
  servedAgain,
  converges,
  nothingAliveAfterClose,
  closesWithinASecond,
  onlyGoodbyesWhileClosing,
  silentAfterClose,
  callsEndAtClose,
  noTokenInText,
]
