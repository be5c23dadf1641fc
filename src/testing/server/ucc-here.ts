/** One UCC on one server: what it is, and what the server says it is. */
import type { ReadinessState } from '../../core/wire'
import type { Announce } from './server-types'

export class UccHere {
  readonly name: string
  state: ReadinessState
  term: number | undefined
  announce: Announce = 'status'

  constructor(name: string, state: ReadinessState, term: number | undefined) {
    this.name = name
    this.state = state
    this.term = term
  }

  get runs(): boolean {
    return this.state === 'running'
  }

  /** State in `welcome` and `status`, and what new subscriptions and commands are judged by. */
  get told(): ReadinessState {
    return this.announce === 'readiness' || this.announce === 'silent' ? 'running' : this.state
  }

  /** State in heartbeats; undefined = they prove liveness only. */
  get beat(): ReadinessState | undefined {
    return this.announce === 'beats' ? undefined : this.told
  }

  get readiness(): ReadinessState {
    return this.announce === 'silent' ? 'running' : this.state
  }

  /** A server that misreads itself keeps the content it had: its UCC gets no news. */
  get isolated(): boolean {
    return !this.runs && this.told === 'running'
  }
}
