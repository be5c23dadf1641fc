/** Faults and changes, as the cluster orders them. */
import { CLOSE } from '../../../core/wire'
import type { CallName, RuntimeConfig, ServerCalls } from '../ipc'
import { tokenRefusal } from './frames'
import type { Gate } from './gate'
import type { Session } from './session'
import type { World } from './world'

type Handlers = { readonly [Name in CallName]: (args: ServerCalls[Name]) => void | Promise<void> }

export function createHandlers(world: World, gate: Gate): Handlers {
  const { faults } = world
  const leaving = new Map<Session, NodeJS.Timeout>()
  let drained: NodeJS.Timeout | undefined
  const undrain = (): void => {
    clearTimeout(drained)
    faults.drain = undefined
    for (const [session, timer] of leaving) session.cancel(timer)
    leaving.clear()
  }
  return {
    ucc: (change) => world.changeUcc(change),
    configure: ({ unset, ...patch }) => {
      const runtime: Partial<RuntimeConfig> = { ...world.runtime, ...patch }
      for (const name of unset ?? []) delete runtime[name]
      world.runtime = runtime as RuntimeConfig
    },
    reset: () => gate.reset(),
    slow: ({ delayMs }) => {
      faults.slowMs = delayMs
    },
    drain: (drain) => {
      undrain()
      faults.drain = { ...drain, endsAt: Date.now() + drain.leaveWithinMs }
      for (const session of world.sessions) if (session.welcomed) leaving.set(session, session.goaway(drain))
      drained = setTimeout(() => closePlain(world, gate, CLOSE.goingAway, drain.reason), drain.leaveWithinMs)
    },
    undrain,
    refuse: () => gate.refuse(),
    accept: () => gate.accept(),
    goSilent: ({ on, scope }) => {
      faults.silentForNew = on && scope === 'all'
      for (const session of world.sessions) session.hold(on)
    },
    sendRaw: ({ text }) => {
      for (const session of world.sessions) session.sendRaw(text)
    },
    serveReadiness: ({ override }) => {
      faults.readiness = override
    },
    closeAll: ({ code, reason }) => {
      for (const session of world.sessions) session.close(code, reason)
      closePlain(world, gate, code, reason)
    },
    rejectNext: (reject) => void faults.rejects.push(reject),
    cutSnapshotAfterParts: ({ parts }) => {
      faults.cutAfterParts = parts
    },
    checkTokens: () => {
      for (const session of world.sessions) {
        const refusal = tokenRefusal(world.runtime, session.token)
        if (refusal !== undefined && session.welcomed) session.reject(refusal, 'the token is not accepted any more')
      }
    },
    resync: ({ topic }) => {
      for (const session of world.sessions) session.resync(topic)
    },
    sync: () => undefined,
  }
}

/** Connections that speak no contract end with the others. */
function closePlain(world: World, gate: Gate, code: number, reason: string): void {
  for (const echo of gate.live.echoes) echo.close(code, reason)
  for (const response of world.plainStreams) response.end()
}
