/** The end of phase one: whatever was wrong is put right, but for a server that may be left behind. */
import type { SimulatedServer } from '../simulated-server-types'
import type { FaultStage } from './faults'
import type { LeftBehind, TopologyPlan } from './plan'

/** Everything in order again, whatever was wrong: what a good night's work would do. */
export function healAll(stage: FaultStage, { uccs, withoutSockets }: TopologyPlan, leftBehind?: LeftBehind): void {
  const { world } = stage
  world.network.heal()
  // Not even the loss that the plan has: who is suspected at the very end would seem not to have come back.
  world.network.links().quality({ loss: 0 })
  world.dns.heal()
  stage.vip?.point(world.servers[0]?.name ?? '')
  world.setCommandDelay({ beforeMs: 0, afterMs: stage.answerAfterMs })
  const lost = leftBehind === undefined ? undefined : stage.server(leftBehind.server)
  for (const [index, server] of world.servers.entries())
    if (server !== lost || leftBehind?.how !== 'killed') healServer(stage, server, withoutSockets.includes(index))
  const living = world.servers.filter((server) => server !== lost)
  for (const ucc of uccs) runSomewhere(ucc, world.servers, living)
  if (lost !== undefined && leftBehind !== undefined) leave(stage, lost, leftBehind.how, uccs)
  for (const [index, device] of world.devices.entries()) {
    device.wake()
    device.thaw()
    device.show()
    device.throttle(0)
    device.captive(false)
    device.online()
    stage.misbehaves(index, 'token-provider', false)
    stage.misbehaves(index, 'restore', false)
  }
}

/** The highest term ever announced bars all below it: who has it runs, or somebody is promoted above it. */
function runSomewhere(ucc: string, servers: readonly SimulatedServer[], living: readonly SimulatedServer[]): void {
  const termOf = (server: SimulatedServer): number => server.ucc(ucc).term ?? 0
  const highest = Math.max(...servers.map(termOf))
  if (!living.some((server) => server.serves(ucc) && termOf(server) === highest)) living[0]?.promote(ucc)
}

/** As VOPR leaves replicas behind: what is left has to find together without them. */
function leave({ world }: FaultStage, server: SimulatedServer, how: LeftBehind['how'], uccs: readonly string[]): void {
  switch (how) {
    case 'killed':
      if (server.alive) server.kill()
      return
    case 'hung':
      return server.hang()
    case 'stopped':
      for (const ucc of uccs) server.stopUcc(ucc)
      return
    case 'partitioned':
      return world.network.links({ server: server.name }).break('partition')
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
