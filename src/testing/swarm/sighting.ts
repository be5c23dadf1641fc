/**
 * What a run was seen to do: one story, in the order of virtual time, told by those who can see it from outside (the
 * platform under each client, the client's public face, the servers). The invariants read it; the trace is its text.
 */
import type { FailoverEventName, FailoverEvents } from '../../client/events'
import type { EndpointInfo } from '../../client/reports'
import type { Change } from '../../core/change'
import type { CommandSafety } from '../../core/command-protocol'
import type { ClientFrame, ReadinessBody, ServerFrame } from '../../core/wire'

/** Seen on the platform under one client: what it sends and hears, byte for byte. */
export type WireSighting =
  | { readonly is: 'dialled'; readonly link: number; readonly endpointId: string; readonly via: 'socket' | 'events' }
  | { readonly is: 'sent'; readonly link: number; readonly endpointId: string; readonly frame: ClientFrame }
  | { readonly is: 'heard'; readonly link: number; readonly endpointId: string; readonly frame: ServerFrame }
  | { readonly is: 'ended'; readonly link: number; readonly endpointId: string; readonly by: 'client' | 'network' }
  | {
      readonly is: 'probed'
      readonly endpointId: string
      readonly path: string
      readonly headers: Readonly<Record<string, string>>
    }
  /** `body`: a readiness body; nothing when it was something else, or a failure. */
  | { readonly is: 'answered'; readonly endpointId: string; readonly body: ReadinessBody | undefined }
  /** A command by POST, where no WebSocket comes through. */
  | { readonly is: 'posted'; readonly endpointId: string; readonly frame: ClientFrame }
  | { readonly is: 'requested'; readonly endpointId: string; readonly call: string; readonly method: string }
  | { readonly is: 'responded'; readonly endpointId: string; readonly call: string; readonly status: number }

/** Seen at the client's public face. */
export type FaceSighting =
  | {
      [Name in FailoverEventName]: { readonly is: 'event'; readonly name: Name; readonly context: FailoverEvents[Name] }
    }[FailoverEventName]
  | {
      readonly is: 'batch'
      readonly handle: number
      readonly topic: string
      readonly changes: readonly Change[]
      /** As it is after this batch; nothing where the topic has none. */
      readonly view: ReadonlyMap<string, unknown> | undefined
    }
  | {
      readonly is: 'subscribed'
      readonly handle: number
      readonly topic: string
      /** As it is at the beginning; nothing where the topic has none. */
      readonly view: ReadonlyMap<string, unknown> | undefined
    }
  | { readonly is: 'unsubscribed'; readonly handle: number }
  | {
      readonly is: 'commanded'
      readonly key: string
      readonly name: string
      readonly safety: CommandSafety
      readonly deadlineMs: number
    }
  | { readonly is: 'called'; readonly call: string; readonly what: CallKind }
  | { readonly is: 'settled'; readonly call: string; readonly what: CallKind; readonly outcome: CallOutcome }
  /** What the client holds, looked at once a second. */
  | { readonly is: 'sampled'; readonly active: string | undefined; readonly endpoints: readonly EndpointInfo[] }
  /** A resolver has answered. */
  | { readonly is: 'resolved'; readonly designated: string | undefined }
  | { readonly is: 'closing' }

/** Calls that return a promise. */
export type CallKind = 'ready' | 'command' | 'fetch' | 'switchover' | 'failback' | 'close'

export type CallOutcome =
  /** `passive`: the server did not run the UCC when it answered. */
  | { readonly ok: true; readonly server?: string; readonly status?: number; readonly passive?: boolean }
  | { readonly ok: false; readonly code: string }

/** Seen at the servers; its client is the one that had asked for it. */
export type ServerSighting =
  /** A command took effect. */
  | { readonly is: 'executed'; readonly server: string; readonly key: string }
  /** A routed request of an unsafe method took effect. */
  | { readonly is: 'effected'; readonly server: string; readonly call: string }

/** What the run itself does. */
export type StageSighting =
  | { readonly is: 'fault'; readonly fault: string; readonly target: string; readonly on: boolean }
  | { readonly is: 'healed' }
  /** Everything was healed, and the time to converge is over; nothing was published for a while. */
  | { readonly is: 'quiet' }
  | { readonly is: 'closed' }

export type SeenOf<S> = S & {
  /** Virtual milliseconds since the run began. */
  readonly at: number
  /** Which client of the plan; -1: none. */
  readonly client: number
}

export type Sighting = SeenOf<WireSighting | FaceSighting | ServerSighting | StageSighting>
export type SightingKind = Sighting['is']
export type SightingOf<Kind extends SightingKind> = Extract<Sighting, { readonly is: Kind }>

/** Takes sightings of one client. */
export type Witness = (sighting: WireSighting | FaceSighting) => void
