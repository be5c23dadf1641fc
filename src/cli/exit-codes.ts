/** How the command ends: one table for the code and for `--help`. */
export const EXIT = {
  /** Everything as expected. */
  ok: 0,
  /** Something went otherwise. */
  failed: 1,
  /** Wrong arguments. */
  usage: 2,
  /** The surroundings do not allow it. */
  unable: 3,
} as const

/** What a shell expects of a command that a signal ended: 128 and the signal's number. */
export const SIGNAL_EXIT = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/** A signal that ends the command in good order. */
export type EndingSignal = keyof typeof SIGNAL_EXIT

/** Every exit code with what it means, for people. */
export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  [`${EXIT.ok}`, 'everything went as expected; on a terminal: left with q, and nothing lost or duplicated'],
  [`${EXIT.failed}`, 'an event was lost or duplicated, a command was executed twice, or a step ended otherwise'],
  [`${EXIT.usage}`, 'wrong arguments'],
  [`${EXIT.unable}`, 'the demo could not start its servers here'],
  [`${SIGNAL_EXIT.SIGINT}, ${SIGNAL_EXIT.SIGTERM}`, 'interrupted (SIGINT, SIGTERM); nothing is left running'],
]

/** How `doctor` ends. Wrong arguments end as everywhere: nothing on standard output, `usage`. */
export const DOCTOR_EXIT = { ready: 0, fragile: 1, broken: 2 } as const

/** The same for people. */
export const DOCTOR_EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  [`${DOCTOR_EXIT.ready}`, 'ready to fail over'],
  [`${DOCTOR_EXIT.fragile}`, 'works, but would not survive a failover, or not for everybody'],
  [`${DOCTOR_EXIT.broken}`, 'does not work; also wrong arguments (nothing on standard output then)'],
]
