/** All that a run asserts. Each is one sentence that a user may rely on; a violation names it. */
import type { Invariant } from '../invariant'
import { attemptsWithinBudget, dialsWithinBudget, probesWithinBudget } from './budgets'
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
import { neverBelowTheFence, notNowhereForLong, notOnKnownDownServer, oneCommittedConnection } from './connections'
import { converges, noTokenInText, servedAgain } from './endings'
import { callsSettleOnce, movesGoSomewhere, noFailbackAgainstDesignation, timingsAddUp } from './moves'
import {
  allDeliveredAfterQuiet,
  changesReplayToTheView,
  noEventLostDuplicatedOrReordered,
  viewEqualsServerAfterQuiet,
} from './streams'

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
  noFailoverWithoutACause,
  noFailbackAgainstDesignation,
  timingsAddUp,
  movesGoSomewhere,
  callsSettleOnce,
  attemptsWithinBudget,
  probesWithinBudget,
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
