/** The session of a client: its machine, its transports, and who hears what it says. */
import type { SeatId } from '../core/pool-protocol'
import type { SessionEffect } from '../core/session-protocol'
import type { ClientIdentity } from '../core/wire'
import { SessionDriver } from '../driver/session-driver'
import { eventStreamTransport } from '../transports/event-stream'
import { webSocketTransport } from '../transports/web-socket'
import type { ClientVoice } from './client-voice'
import type { ClientConfig } from './options'
import { warningCode } from './pool-herald'
import type { PoolRuntime } from './pool-runtime'
import type { Restorer } from './restorer'
import type { TokenKeeper } from './token-keeper'
import type { TopicDesk } from './topic-desk'

export interface ClientSessionHost {
  readonly config: ClientConfig
  readonly runtime: PoolRuntime
  readonly seat: SeatId
  readonly client: ClientIdentity
  readonly tokens: TokenKeeper
  readonly restorer: Restorer
  readonly topics: TopicDesk
  readonly voice: ClientVoice
  readonly command: (effect: Extract<SessionEffect, { type: 'outbox' }>) => void
  readonly moved: (effect: Extract<SessionEffect, { type: 'moved' }>) => void
  readonly ended: () => void
}

export function createSession(host: ClientSessionHost): SessionDriver {
  const { config, runtime, seat, client, tokens, restorer, topics, voice } = host
  const { streams, commands, detection, connect } = config
  const machine = {
    seat,
    settings: { detection, connect, streams },
    ucc: config.ucc,
    client,
    warm: isWarm(config),
    hasRestore: restorer.isConfigured,
    commands,
  }
  const transports = {
    websocket: webSocketTransport(runtime.platform),
    eventStream: eventStreamTransport(runtime.platform),
    request: {
      paths: { stream: streams.path, events: streams.eventsPath, command: commands.path },
      maxFrameBytes: streams.maxFrameBytes,
      timeoutMs: connect.timeoutMs,
    },
  }
  return new SessionDriver(runtime.loop, runtime.driver, machine, transports, {
    token: (ask, done) => {
      if (ask.reason !== 'connect') tokens.forget(ask.endpointId)
      const server = ask.server ?? runtime.driver.endpoint(ask.endpointId)?.server
      return tokens.ask({ ...ask, server }, done)
    },
    restore: (ask, done) => restorer.run(ask, done),
    topic: (effect) => topics.hear(effect),
    command: host.command,
    moved: host.moved,
    warning: ({ code, sentence, endpointId }) =>
      voice.warn(warningCode(code), sentence, endpointId === undefined ? {} : { endpointId }),
    ended: () => runtime.loop.defer(host.ended),
  })
}

/** A warm standby costs the passive server a socket: never for boards and visitors. */
export function isWarm({ standby, priority }: ClientConfig): boolean {
  return standby === 'warm' && (typeof priority === 'function' || priority === 'interactive' || priority === 'agent')
}
