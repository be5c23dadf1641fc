/** The client's `state`: worked out when the machines have settled, told when it changes. */
import type { SeatCondition } from '../core/pool-protocol'
import { clientStateOf } from './client-state'
import type { ClientVoice } from './client-voice'
import type { StateReason } from './events'
import type { ClientState, OfflineReason } from './reports'
import type { TopicDesk } from './topic-desk'

export class StateKeeper {
  /** What the pool last said of the client's seat. */
  condition: SeatCondition = { is: 'connecting' }
  #state: ClientState = 'connecting'
  #offlineReason: OfflineReason | undefined
  #wasConnected = false

  constructor(
    private readonly voice: ClientVoice,
    private readonly topics: TopicDesk,
  ) {}

  get state(): ClientState {
    return this.#state
  }

  /** Why it is `offline`, while it is. */
  get offlineReason(): OfflineReason | undefined {
    return this.#offlineReason
  }

  update(): void {
    if (this.#state === 'closed') return
    const before = { state: this.#state, wasConnected: this.#wasConnected }
    const { state, reason, sentence, offlineReason } = clientStateOf(this.condition, this.topics.hubs(), before)
    if (state === 'connected') this.#wasConnected = true
    this.#set(state, reason, sentence, offlineReason)
  }

  close(): void {
    this.#set('closed', 'closed', 'The client was closed.')
  }

  #set(to: ClientState, reason: StateReason, sentence: string, offlineReason?: OfflineReason): void {
    const from = this.#state
    if (from === to && offlineReason === this.#offlineReason) return
    this.#state = to
    this.#offlineReason = offlineReason
    this.voice.decide('state', reason, sentence, { from, to, offlineReason })
    const why = offlineReason === undefined ? {} : { offlineReason }
    this.voice.emit('stateChange', { from, to, reason, sentence, ...why })
  }
}
