/**
 * `failover-client/testing`: a whole world in one process, to test with. Servers, network, names, devices and time are
 * simulated, the client is the shipped one; one seed gives one run. No I/O, no timers: it runs in Node and in browsers.
 */
export { SimulatedWorld } from './simulated-world'
export { replay } from './swarm/replay'
export type { Violation } from './swarm/invariant'
export type { SwarmPlan } from './swarm/plan'
export type { SwarmRun } from './swarm/run-plan'
export type { AttemptRecord, DeviceOptions, SimulatedDevice } from './device-types'
export type {
  DnsFault,
  Latency,
  LinkDirection,
  LinkFault,
  LinkQuality,
  SimulatedDns,
  SimulatedLinks,
  SimulatedNetwork,
  SimulatedVip,
} from './network-types'
export type { SimulatedServer } from './simulated-server-types'
export type {
  SimulatedCommand,
  SimulatedGeneration,
  SimulatedHttp,
  SimulatedHttpAnswer,
  SimulatedHttpRequest,
  SimulatedTrace,
  SimulatedWorldOptions,
  TraceEntry,
  World,
} from './world-types'
export type { PoolOptions, UccPlacement } from './server/pool-options'
export type {
  DrainOptions,
  PromoteOptions,
  Published,
  PublishInput,
  RejectNextOptions,
  RestartOptions,
  StartUccOptions,
  StopUccOptions,
  TermChoice,
} from './server/fault-options'
export type { CommandLedger, LedgerEntry, LedgerViolation } from './server/ledger'
export type { ConnectionRecord, DialRecord, RequestRecord, TokenRecord } from './server/records'
export type { Announce, DialKind, ReadinessOverride } from './server/server-types'
