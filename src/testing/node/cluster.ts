/** The cluster's public object: faults by method, over the fleet of processes. */
import { setTimeout as delay } from 'node:timers/promises'
import type { PromoteOptions, RestartOptions, StartUccOptions, StopUccOptions } from '../server/fault-options'
import { invalid } from '../server/pool-options'
import { announcedChange } from '../server/runtime-config'
import { entryOf } from '../server/ucc-table'
import type { UccEntry } from '../server/ucc-table'
import type { Fleet, Seat } from './fleet'
import { createServerView } from './server-view'
import type { Cluster, FaultReport } from './types'

export function createCluster(fleet: Fleet): Cluster {
  const servers = [...fleet.seats.values()].map((seat) => createServerView(fleet, seat))
  return {
    servers,
    endpoints: servers.map((server) => server.url),
    hostname: servers[0]?.url ?? '',
    port: fleet.port,
    ledger: fleet.ledger,
    server: (name) => {
      fleet.seat(name)
      return servers.find((server) => server.name === name) ?? never()
    },
    ...contentMethods(fleet),
    ...processFaults(fleet),
    ...uccFaults(fleet),
    ...networkFaults(fleet),
    close: () => fleet.close(),
    [Symbol.asyncDispose]: () => fleet.close(),
  }
}

type ContentMethods =
  'publish' | 'generate' | 'content' | 'sync' | 'newEpoch' | 'forgetKeys' | 'setCommandDelay' | 'announce'

function contentMethods(fleet: Fleet): Pick<Cluster, ContentMethods> {
  const { publisher, ledger } = fleet
  return {
    publish: (topic, change) => publisher.publish(topic, change),
    generate: (options) => fleet.generate(options),
    content: (topic) => publisher.content(topic),
    sync: () => fleet.callAll('sync', {}),
    newEpoch: ({ server, topic } = {}) =>
      publisher.newEpoch(server === undefined ? undefined : fleet.seat(server), topic),
    forgetKeys: () => fleet.forgetKeys(),
    setCommandDelay: ({ beforeMs = 0, afterMs = 0 }) => {
      ledger.beforeMs = beforeMs
      ledger.afterMs = afterMs
    },
    announce: async (change) => {
      for (const seat of fleet.seats.values()) {
        await fleet.configure(seat, announcedChange(seat.runtime, change))
      }
    },
  }
}

type ProcessFaults = 'kill' | 'restart' | 'hang' | 'unhang' | 'freeze' | 'thaw'

function processFaults(fleet: Fleet): Pick<Cluster, ProcessFaults> {
  const freeze = (name: string): Promise<FaultReport> => {
    fleet.process(name).freeze()
    const report = now()
    fleet.tellFrozen()
    return Promise.resolve(report)
  }
  const thaw = async (name: string): Promise<void> => {
    const process = fleet.process(name)
    process.thaw()
    fleet.tellFrozen()
    // Answered only after everything that piled up in the channel.
    await process.call('sync', {})
  }
  return {
    kill: async (name) => {
      const gone = fleet.process(name).kill()
      const report = now()
      await gone
      return report
    },
    restart: (name, options = {}) => restart(fleet, fleet.seat(name), options),
    hang: freeze,
    unhang: thaw,
    freeze,
    thaw,
  }
}

async function restart(fleet: Fleet, seat: Seat, options: RestartOptions): Promise<void> {
  const { startingMs = 0, content = 'current' } = options
  if (seat.process?.isAlive === true) await seat.process.kill()
  else await seat.process?.gone
  fleet.renewStore(seat, content)
  const later: (() => void)[] = []
  for (const ucc of fleet.uccs.known(seat.name)) {
    const before = fleet.uccs.get(seat.name, ucc)
    const state = options.state ?? before.state
    const becomesActive = state === 'running' && before.state !== 'running'
    const term = fleet.uccs.term(options.term ?? (becomesActive ? 'new' : 'same'), seat.name, ucc)
    const entry = entryOf(state, term)
    if (startingMs > 0) {
      fleet.uccs.set(seat.name, ucc, entryOf('starting', before.term))
      later.push(() => void startLater(fleet, seat, ucc, entry, startingMs))
    } else {
      fleet.uccs.set(seat.name, ucc, entry)
    }
  }
  await fleet.spawn(seat)
  for (const start of later) start()
}

/** A start that is under way ends only if nothing else was ordered for that UCC or process meanwhile. */
async function startLater(fleet: Fleet, seat: Seat, ucc: string, entry: UccEntry, startingMs: number): Promise<void> {
  const { incarnation } = seat
  const starting = fleet.uccs.get(seat.name, ucc)
  await delay(startingMs, undefined, { signal: fleet.signal }).catch(() => undefined)
  const isOvertaken = seat.incarnation !== incarnation || fleet.uccs.get(seat.name, ucc) !== starting
  if (!isOvertaken && !fleet.signal.aborted) await setUcc(fleet, seat.name, ucc, entry)
}

type UccFaults = 'stopUcc' | 'startUcc' | 'promote'

function uccFaults(fleet: Fleet): Pick<Cluster, UccFaults> {
  return {
    stopUcc: async (name, ucc = fleet.uccs.defaultUcc(name), { announce = 'status' }: StopUccOptions = {}) => {
      const done = setUcc(fleet, name, ucc, entryOf('stopped', fleet.uccs.get(name, ucc).term, announce))
      const report = now()
      await done
      return report
    },
    startUcc: async (
      name,
      ucc = fleet.uccs.defaultUcc(name),
      { startingMs = 0, term = 'new' }: StartUccOptions = {},
    ) => {
      const before = fleet.uccs.get(name, ucc)
      const entry = entryOf('running', fleet.uccs.term(term, name, ucc))
      if (startingMs <= 0) return setUcc(fleet, name, ucc, entry)
      await setUcc(fleet, name, ucc, entryOf('starting', before.term))
      await startLater(fleet, fleet.seat(name), ucc, entry, startingMs)
    },
    promote: async (name, ucc = fleet.uccs.defaultUcc(name), options: PromoteOptions = {}) => {
      const { fence = true, announce = 'status', term = 'new' } = options
      const orders = [setUcc(fleet, name, ucc, entryOf('running', fleet.uccs.term(term, name, ucc)))]
      for (const other of fence ? fleet.options.names : []) {
        if (other === name || !fleet.uccs.known(other).includes(ucc)) continue
        const { state, term: oldTerm } = fleet.uccs.get(other, ucc)
        if (state !== 'stopped') orders.push(setUcc(fleet, other, ucc, entryOf('stopped', oldTerm, announce)))
      }
      const report = now()
      await Promise.all(orders)
      return report
    },
  }
}

/** Dead servers take it to heart at their restart. */
async function setUcc(fleet: Fleet, name: string, ucc: string, entry: UccEntry): Promise<void> {
  const { process } = fleet.seat(name)
  fleet.uccs.get(name, ucc)
  fleet.uccs.set(name, ucc, entry)
  if (process?.isAlive === true) await process.call('ucc', { ucc, ...entry })
}

type NetworkFaults = Exclude<
  keyof Cluster,
  | ContentMethods
  | ProcessFaults
  | UccFaults
  | 'servers'
  | 'endpoints'
  | 'hostname'
  | 'port'
  | 'ledger'
  | 'server'
  | 'close'
  | typeof Symbol.asyncDispose
>

function networkFaults(fleet: Fleet): Pick<Cluster, NetworkFaults> {
  const reported = async (order: Promise<void>): Promise<FaultReport> => {
    const report = now()
    await order
    return report
  }
  return {
    reset: (name) => reported(fleet.call(name, 'reset', {})),
    slow: (name, { delayMs }) => fleet.call(name, 'slow', { delayMs }),
    drain: (name, { leaveWithinMs, spreadMs, to, reason = 'drain' }) => {
      if (!(leaveWithinMs >= 0)) throw invalid('leaveWithinMs', 'must be 0 or more milliseconds')
      const host = to !== undefined && fleet.seats.has(to) ? new URL(fleet.url(to)).host : to
      const hints = { ...(spreadMs === undefined ? {} : { spreadMs }), ...(host === undefined ? {} : { to: host }) }
      return reported(fleet.call(name, 'drain', { reason, leaveWithinMs, ...hints }))
    },
    undrain: (name) => fleet.call(name, 'undrain', {}),
    refuse: (name) => reported(fleet.call(name, 'refuse', {})),
    accept: (name) => fleet.call(name, 'accept', {}),
    goSilent: (name, on = true, { scope = 'existing' } = {}) => reported(fleet.call(name, 'goSilent', { on, scope })),
    sendRaw: (name, text) => fleet.call(name, 'sendRaw', { text }),
    serveReadiness: (name, override) => fleet.call(name, 'serveReadiness', { override }),
    closeAll: (name, code, reason = '') => reported(fleet.call(name, 'closeAll', { code, reason })),
    rejectNext: (name, options) => fleet.call(name, 'rejectNext', options),
    cutSnapshotAfterParts: (name, parts) => fleet.call(name, 'cutSnapshotAfterParts', { parts }),
    refuseUpgrades: (name, on = true) => fleet.configure(fleet.seat(name), { refuseUpgrades: on }),
    resync: (name, topic) => fleet.call(name, 'resync', topic === undefined ? {} : { topic }),
  }
}

function now(): FaultReport {
  return { at: Date.now(), atMonotonicMs: performance.now() }
}

function never(): never {
  throw new Error('unreachable: every seat has a view')
}
