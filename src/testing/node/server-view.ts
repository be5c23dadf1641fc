/** One server, as tests see it. */
import type { Fleet, Seat } from './fleet'
import type { ClusterServer } from './types'

export function createServerView(fleet: Fleet, seat: Seat): ClusterServer {
  const { name, address, records } = seat
  return {
    name,
    address,
    url: fleet.url(name),
    port: fleet.port,
    get pid() {
      return seat.process?.isAlive === true ? seat.process.pid : undefined
    },
    get alive() {
      return seat.process?.isAlive === true
    },
    get frozen() {
      return seat.process?.isFrozen === true
    },
    get incarnation() {
      return seat.incarnation
    },
    get stderr() {
      return seat.process?.stderr ?? ''
    },
    ucc: (ucc = fleet.uccs.defaultUcc(name)) => {
      const { state, term } = fleet.uccs.get(name, ucc)
      return { state, term }
    },
    connections: () => records.connections(),
    requests: () => [...records.requests],
    dials: () => [...records.dials],
    tokensSeen: () => [...records.tokens],
    clearRecords: () => records.clear(),
    publish: (topic, change) => fleet.publisher.publish(topic, change, seat),
    setTokens: async (tokens, { enforce = false } = {}) => {
      await fleet.configure(seat, { tokens })
      if (enforce && seat.process?.isAlive === true) await seat.process.call('checkTokens', {})
    },
  }
}
