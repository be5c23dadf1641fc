/** Faults and changes of one server that are the same in every carriage: on its state and its live connections. */
import type { GoawayFrame } from '../../core/wire'
import { CLOSE } from '../../core/wire'
import { tokenRefusal } from './frames'
import type { Cancel } from './host'
import type { ServerState } from './server-state'
import type { Session } from './session'

export class ServerFaults {
  readonly #state: ServerState
  /** Connections that speak no contract end with the others. */
  readonly #closePlain: (code: number, reason: string) => void
  readonly #leaving = new Map<Session, Cancel>()
  #cancelDrainEnd: Cancel | undefined

  constructor(state: ServerState, closePlain: (code: number, reason: string) => void) {
    this.#state = state
    this.#closePlain = closePlain
  }

  drain(drain: Omit<GoawayFrame, 'type'>): void {
    this.undrain()
    const { faults, sessions, host } = this.#state
    faults.drain = { ...drain, endsAt: host.wallClock() + drain.leaveWithinMs }
    for (const session of sessions) if (session.welcomed) this.#leaving.set(session, session.goaway(drain))
    this.#cancelDrainEnd = host.after(drain.leaveWithinMs, () => this.#closePlain(CLOSE.goingAway, drain.reason))
  }

  undrain(): void {
    this.#cancelDrainEnd?.()
    this.#state.faults.drain = undefined
    for (const cancel of this.#leaving.values()) cancel()
    this.#leaving.clear()
  }

  goSilent(on: boolean, scope: 'existing' | 'all'): void {
    const { faults, sessions } = this.#state
    faults.silentForNew = on && scope === 'all'
    for (const session of sessions) session.hold(on)
  }

  sendRaw(text: string): void {
    for (const session of this.#state.sessions) session.sendRaw(text)
  }

  closeAll(code: number, reason: string): void {
    for (const session of this.#state.sessions) session.close(code, reason)
    this.#closePlain(code, reason)
  }

  /** Refuses open connections whose token is not accepted any more. */
  checkTokens(): void {
    const { runtime, sessions } = this.#state
    for (const session of sessions) {
      const refusal = tokenRefusal(runtime, session.token)
      if (refusal !== undefined && session.welcomed) session.reject(refusal, 'the token is not accepted any more')
    }
  }

  /** Ends open connections that were told the name of a memory of keys that is lost. */
  checkKeys(): void {
    for (const session of this.#state.sessions) session.checkKeys()
  }

  resync(topic: string | undefined): void {
    for (const session of this.#state.sessions) session.resync(topic)
  }
}
