/** The states of one routed request, each with what only that state needs. */
import type { RouteTaken } from './request-protocol'
import type { Instant } from './time'

export type RequestState =
  | { readonly is: 'idle' }
  /** Asks for a candidate. `paid`: what is sent there costs a retry. */
  | { readonly is: 'routing'; readonly until: Instant; readonly paid: boolean }
  /** The only candidate must not be asked yet. */
  | { readonly is: 'holding'; readonly until: Instant; readonly paid: boolean; readonly endpointId: string }
  /** Its connection broke and nothing is left to pay a repeat: waits whether the endpoint is condemned. */
  | { readonly is: 'doubting'; readonly until: Instant; readonly endpointId: string }
  /** Given to an endpoint. */
  | {
      readonly is: 'flying'
      readonly attempt: number
      readonly route: RouteTaken
      readonly progress: FlightProgress
    }
  /** Within one `handle`: nothing is under way and what follows is not decided yet. */
  | { readonly is: 'deciding' }
  | { readonly is: 'done' }

/**
 * How far an attempt got: `held` = it waits for its token, and the network knows nothing of it; `waiting` = the
 * platform has it and waits for a connection; `sent` = something may have left.
 */
export type FlightProgress = 'held' | 'waiting' | 'sent'

/** Is this attempt the one in flight? */
export function isFlight(state: RequestState, attempt: number): state is Extract<RequestState, { is: 'flying' }> {
  return state.is === 'flying' && state.attempt === attempt
}

/** Do both routes lead to one server, as far as anybody knows? */
export function isSameServer(one: RouteTaken, other: RouteTaken): boolean {
  if (one.server !== undefined && other.server !== undefined) return one.server === other.server
  // Behind one name may be another server after a re-pointing: then the generation has changed.
  return one.endpointId === other.endpointId && one.generation === other.generation
}
