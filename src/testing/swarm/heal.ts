/** The end of phase one: whatever was wrong is put right. */
import type { SimulatedServer } from '../simulated-server-types'
import type { FaultStage } from './faults'

/** Everything in order again, whatever was wrong: what a good night's work would do. */
export function healAll(stage: FaultStage, uccs: readonly string[], withoutSockets: readonly number[]): void {
  const { world } = stage
  world.network.heal()
  // Not even the loss that the plan has: who is suspected at the very end would seem not to have come back.
  world.network.links().quality({ loss: 0 })
  world.dns.heal()
  world.setCommandDelay({ beforeMs: 0, afterMs: stage.answerAfterMs })
  for (const [index, server] of world.servers.entries()) healServer(stage, server, withoutSockets.includes(index))
  for (const ucc of uccs) {
    // The highest term ever announced bars all below it: who has it runs, or somebody is promoted above it.
    const termOf = (server: SimulatedServer): number => server.ucc(ucc).term ?? 0
    const highest = Math.max(...world.servers.map(termOf))
    const isServed = world.servers.some((server) => server.serves(ucc) && termOf(server) === highest)
    if (!isServed) world.servers[0]?.promote(ucc)
  }
  for (const [index, device] of world.devices.entries()) {
    device.wake()
    device.thaw()
    device.show()
    device.captive(false)
    device.online()
    stage.misbehaves(index, 'token-provider', false)
    stage.misbehaves(index, 'restore', false)
  }
}

function healServer({ tokens }: FaultStage, server: SimulatedServer, withoutSockets: boolean): void {
  if (!server.alive) server.restart()
  if (server.hung) server.unhang()
  server.slow(0)
  server.undrain()
  server.overload(false)
  server.accept()
  server.goSilent(false)
  server.serveReadiness(null)
  server.refuseUpgrades(withoutSockets)
  server.lag(0)
  server.repeatFrames(false)
  server.rejectNext(null)
  server.setTokens(tokens)
}
