/** The state of a client in one word, from where its seat is and how its topics do. */
import type { SeatCondition } from '../core/pool-protocol'
import type { StateReason } from './events'
import type { ClientState, OfflineReason } from './reports'
import type { SubscriptionState } from './subscription'

export interface StateWord {
  readonly state: ClientState
  readonly reason: StateReason
  readonly sentence: string
  readonly offlineReason?: OfflineReason
}

interface TopicWord {
  readonly topic: string
  readonly state: SubscriptionState
}

/**
 * A client is `connected` for the first time when all topics it has by then are live. Later a new subscription that is
 * still `pending` changes nothing: a page that opens one more list is not degraded for it.
 * @param before what the client was, and whether it has been `connected` yet
 */
export function clientStateOf(
  condition: SeatCondition,
  topics: readonly TopicWord[],
  before: { readonly state: ClientState; readonly wasConnected: boolean },
): StateWord {
  if (condition.is === 'connecting') {
    return { state: 'connecting', reason: 'no-verdict', sentence: 'No endpoint has answered yet.' }
  }
  if (condition.is === 'offline') {
    const { reason: offlineReason } = condition
    const sentence = `No endpoint can serve: ${offlineReason}.`
    return { state: 'offline', reason: 'no-candidate', sentence, offlineReason }
  }
  if (condition.is === 'degraded') {
    const reason = condition.why === 'suspect' ? 'suspected' : 'recovering'
    return { state: 'degraded', reason, sentence: `The connection is ${condition.why}.` }
  }
  const late = topics.find(({ state }) => state === 'recovering' || state === 'stale')
  if (late !== undefined) return notLive('degraded', late)
  const first = before.wasConnected ? undefined : topics.find(({ state }) => state === 'pending')
  if (first !== undefined) return notLive(before.state === 'degraded' ? 'degraded' : 'connecting', first)
  return { state: 'connected', reason: 'ready', sentence: 'A server that runs the UCC is in use.' }
}

function notLive(state: ClientState, topic: TopicWord): StateWord {
  return { state, reason: 'topic-not-live', sentence: `${topic.topic} is ${topic.state}.` }
}
