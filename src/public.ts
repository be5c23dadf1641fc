/** Everything that every platform shares: re-exported by the entry points. */
export { DEFAULTS } from './client/defaults'
export { ERROR_CODES, FailoverError, isFailoverError, type FailoverErrorCode, type FailoverErrorFields } from './errors'
export { httpProbe, readinessProbe } from './client/probes'
export { topologyDocument } from './client/resolvers'
export { ephemeralTopic, logTopic, stateTopic } from './client/topics'
export type { EphemeralTopic, LogTopic, StateTopic, Topic, TopicOptions } from './client/topics'
export { EVENTS } from './client/events'
export { MOVE_REASONS } from './client/reports'
export { WARNINGS } from './client/warnings'
export type * from './client/events'
export type * from './client/failover-client-types'
export type * from './client/option-types'
export type {
  Subscription,
  StateSubscription,
  SubscriptionEvents,
  SubscriptionListener,
  SubscriptionState,
} from './client/subscription'
export type { DirectoryClientOptions, FailoverDirectory } from './client/directory'
export type { Change, ChangeOrigin, GapReason } from './core/change'
export type { CommandSafety } from './core/command-protocol'
export type { ClientIdentity, Cursor, Load, Peer, ReadinessBody, ReadinessState, TopicKind } from './core/wire'
export type { Cancel, NameMemory, Platform, PlatformSignal } from './platform/platform'
