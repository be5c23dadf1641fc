/**
 * When a command that may have been executed may be sent again. One table; the Outbox only looks it up.
 *
 * Servers that announce the same `keys` share one memory of executed keys and answer `duplicate`: there a repeat is
 * harmless whatever the command does. Any other server would execute it anew.
 */
import type { CommandSafety } from './command-protocol'

export type RepeatRule =
  | 'repeat'
  /** Repeated unless a newer value for the same target is already on its way or done: the newest must come last. */
  | 'if-not-overtaken'
  /** Repeated unless a newer value for the same target was asked for. */
  | 'if-not-superseded'
  /** Repeated where the user says that all servers share the executed keys (`commands.sharedKeys`). */
  | 'if-shared'
  /** Never: OUTCOME_UNKNOWN. */
  | 'unknown'

export const REPEAT_RULES: Readonly<
  Record<CommandSafety, { readonly sameKeys: RepeatRule; readonly otherKeys: RepeatRule }>
> = {
  read: { sameKeys: 'repeat', otherKeys: 'repeat' },
  set: { sameKeys: 'if-not-overtaken', otherKeys: 'if-not-superseded' },
  keyed: { sameKeys: 'repeat', otherKeys: 'if-shared' },
  claim: { sameKeys: 'repeat', otherKeys: 'unknown' },
  effect: { sameKeys: 'repeat', otherKeys: 'unknown' },
}

/** No `keys` = shared with nobody, not even with another connection to the same server. */
export function isSameMemory(left: string | undefined, right: string | undefined): boolean {
  return left !== undefined && left === right
}

/** What is known of newer `set`s on the same target. */
export interface Succession {
  /** A newer one was asked for, and it certainly did not come to nothing. */
  readonly superseded: boolean
  /** A newer one is on the wire or finished: this one would come after it. */
  readonly overtaken: boolean
}

export function mayRepeat(
  safety: CommandSafety,
  facts: Succession & { readonly sameKeys: boolean; readonly sharedKeys: boolean },
): boolean {
  const rule = REPEAT_RULES[safety][facts.sameKeys ? 'sameKeys' : 'otherKeys']
  if (rule === 'repeat') return true
  if (rule === 'if-not-overtaken') return !facts.overtaken
  if (rule === 'if-not-superseded') return !facts.superseded
  return rule === 'if-shared' && facts.sharedKeys
}
