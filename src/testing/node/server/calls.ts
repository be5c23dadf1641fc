/** Faults and changes, as the cluster orders them. */
import { ServerFaults } from '../../server/faults'
import type { ServerState } from '../../server/server-state'
import type { RuntimeConfig } from '../../server/server-types'
import type { CallName, ServerCalls } from '../ipc'
import type { Gate } from './gate'
import type { UccPorts } from './ucc-ports'

type Handlers = { readonly [Name in CallName]: (args: ServerCalls[Name]) => void | Promise<void> }

export function createHandlers(state: ServerState, gate: Gate, uccPorts: UccPorts): Handlers {
  const { faults } = state
  const orders = new ServerFaults(state, (code, reason) => {
    for (const echo of gate.live.echoes) echo.close(code, reason)
    for (const response of state.plainStreams) response.end()
  })
  return {
    ucc: (change) => {
      state.changeUcc(change)
      return uccPorts.follow()
    },
    configure: ({ unset, ...patch }) => {
      const runtime: Partial<RuntimeConfig> = { ...state.runtime, ...patch }
      for (const name of unset ?? []) delete runtime[name]
      state.runtime = runtime as RuntimeConfig
      orders.checkKeys()
    },
    reset: () => gate.reset(),
    slow: ({ delayMs }) => {
      faults.slowMs = delayMs
    },
    drain: (drain) => orders.drain(drain),
    undrain: () => orders.undrain(),
    refuse: () => gate.refuse(),
    accept: () => gate.accept(),
    goSilent: ({ on, scope }) => orders.goSilent(on, scope),
    sendRaw: ({ text }) => orders.sendRaw(text),
    serveReadiness: ({ override }) => {
      faults.readiness = override
    },
    closeAll: ({ code, reason }) => orders.closeAll(code, reason),
    rejectNext: (reject) => void faults.rejects.push(reject),
    cutSnapshotAfterParts: ({ parts }) => {
      faults.cutAfterParts = parts
    },
    checkTokens: () => orders.checkTokens(),
    resync: ({ topic }) => orders.resync(topic),
    sync: () => undefined,
  }
}
