/** The machines of the core that a case can name, each spoken to through its adapter. */
import type { MachineKind } from '../machine'
import { backoff } from './backoff'
import { breaker } from './breaker'
import { budget } from './budget'
import { buffer } from './buffer'
import { choose } from './choose'
import { detector } from './detector'
import { holdDown } from './hold-down'
import { outbox } from './outbox'
import { pool } from './pool'
import { request } from './request'
import { session } from './session'
import { spread } from './spread'
import { suspicion } from './suspicion'
import { topic } from './topic'

export const MACHINES = {
  backoff,
  breaker,
  budget,
  buffer,
  choose,
  detector,
  'hold-down': holdDown,
  outbox,
  pool,
  request,
  session,
  spread,
  suspicion,
  topic,
} as const satisfies Readonly<Record<string, MachineKind>>

export type MachineName = keyof typeof MACHINES
