/** What a client says: events, warnings, the decision log. Token-free, and said when the machines have settled. */
import type { Loop } from '../driver/loop'
import type { Platform } from '../platform/platform'
import { DecisionLog } from './decision-log'
import type { FailoverEventName, FailoverEvents } from './events'
import { errorText, redact, redactError, redactFacts } from './redact'
import type { Decision, EndpointInfo } from './reports'
import { IsolatedEmitter } from './subscription-emitter'
import type { WarningCode } from './warnings'

type EventArguments = { [Name in FailoverEventName]: [event: FailoverEvents[Name]] }

export interface ClientVoiceOptions {
  readonly loop: Loop
  readonly platform: Platform
  /** Texts that must never be said. */
  readonly secrets: () => readonly string[]
  readonly describe: (endpointId: string) => EndpointInfo | undefined
}

export class ClientVoice {
  readonly log = new DecisionLog()
  readonly events: IsolatedEmitter<EventArguments>

  constructor(private readonly options: ClientVoiceOptions) {
    this.events = new IsolatedEmitter((error, name) => this.listenerThrew(error, name))
  }

  /** Emits when the machines have settled. */
  emit<Name extends FailoverEventName>(name: Name, event: FailoverEvents[Name]): void {
    this.options.loop.defer(() => this.events.emit(name, ...([Object.freeze(event)] as EventArguments[Name])))
  }

  warn(code: string, sentence: string, more: { readonly endpointId?: string; readonly cause?: unknown } = {}): void {
    const secrets = this.options.secrets()
    const endpoint = more.endpointId === undefined ? undefined : this.options.describe(more.endpointId)
    const detail = more.cause === undefined ? '' : ` ${errorText(more.cause, secrets)}`
    this.emit('warning', {
      code: code as WarningCode,
      sentence: redact(sentence, secrets) + detail,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(more.cause === undefined ? {} : { cause: redactError(more.cause, secrets) }),
    })
  }

  decide(kind: string, reason: string, sentence: string, facts: Decision['facts']): void {
    const secrets = this.options.secrets()
    const decision = Object.freeze({
      at: this.options.platform.wallClock(),
      kind,
      reason,
      sentence: redact(sentence, secrets),
      facts: redactFacts(facts, secrets),
    })
    this.log.add(decision)
    this.emit('decision', decision)
  }

  redact(text: string): string {
    return redact(text, this.options.secrets())
  }

  listenerThrew(error: unknown, name: string): void {
    // A listener of `warning` that throws would otherwise warn about itself for ever.
    if (name !== 'warning') this.warn('LISTENER_THREW', `A listener of "${name}" threw.`, { cause: error })
  }

  /** Nobody listens any more; what was said before is still heard. */
  close(): void {
    this.options.loop.defer(() => this.events.clear())
  }
}
