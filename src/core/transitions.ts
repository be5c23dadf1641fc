/**
 * State machines as data. A table names, for each state, what may happen in it and the state that follows; the machines
 * take their next state from it, so docs/state-machines.md, which is drawn from the tables, cannot say anything else.
 * The comment on a row is its sentence there.
 */

/** `{ state: { event: next state } }`. A state without events is an end; the first one is the beginning. */
export type Transitions<State extends string> = Readonly<Record<State, Readonly<Record<string, State>>>>

/** What may happen in any of these rows. */
type EventOf<Row> = Row extends unknown ? keyof Row : never
/** Where an event leads, from those rows that list it. */
type NextOf<Row, Event> = Row extends unknown ? (Event extends keyof Row ? Row[Event] : never) : never

/**
 * The state that follows. Where the compiler knows the present state, a transition that is not listed does not compile;
 * where it does not, one is a programming error: the machine stays as it is, and the loop reports it.
 */
export function transition<
  Table extends Transitions<string>,
  From extends keyof Table,
  Event extends EventOf<Table[From]>,
>(table: Table, from: From, event: Event): NextOf<Table[From], Event> {
  const next = table[from]?.[event as string]
  if (next === undefined) throw new Error(`No transition "${String(event)}" in state "${String(from)}".`)
  return next as NextOf<Table[From], Event>
}
