/** Everything that can go wrong in a run, as one table: how it begins, and how it ends. */
import type { SimulatedDevice } from '../device-types'
import type { LinkFault, SimulatedVip } from '../network-types'
import type { SimulatedServer } from '../simulated-server-types'
import type { World } from '../world-types'

/** What a fault may reach. */
export interface FaultStage {
  readonly world: World
  /** Of commands, as the plan has it. */
  readonly answerAfterMs: number
  server(index: number): SimulatedServer
  otherThan(index: number): SimulatedServer
  /** The second road to the first server, where there is one. */
  readonly vip: SimulatedVip | undefined
  device(index: number): SimulatedDevice
  ucc(index: number): string
  /** Tokens accepted now; nothing: everybody is. */
  readonly tokens: readonly string[] | undefined
  /** What the applications of this client do wrong. */
  readonly misbehaves: (client: number, how: Misbehaviour, on: boolean) => void
}

export type Misbehaviour = 'token-provider' | 'restore'

export interface FaultKind {
  /** Which index its target is. */
  readonly of: 'server' | 'client'
  readonly begin: (stage: FaultStage, target: number, forMs: number) => void
  readonly end?: (stage: FaultStage, target: number) => void
  /** Servers that run and are known to run may be out of reach while it lasts: its target, or all of them. */
  readonly separates?: true | 'all'
  /** Its end brings a dead server back; every other fault of a server happens to the living, and ends with it. */
  readonly revives?: true
  /** It is the network's: the death of a server does not end it. */
  readonly isOfNetwork?: true
  /** Its client runs no code while it lasts. */
  readonly pauses?: true
}

function link(fault: LinkFault): FaultKind {
  return {
    of: 'server',
    begin: ({ world, server }, target) => world.network.links({ server: server(target).name }).break(fault),
    end: ({ world, server }, target) => world.network.links({ server: server(target).name }).heal(),
    separates: true,
    isOfNetwork: true,
  }
}

function ownLink(fault: LinkFault): FaultKind {
  return {
    of: 'client',
    begin: ({ world, device }, target) => world.network.links({ device: device(target).name }).break(fault),
    end: ({ world, device }, target) => world.network.links({ device: device(target).name }).heal(),
    separates: true,
  }
}

function stopped(announce: 'status' | 'heartbeat' | 'beats' | 'readiness' | 'silent'): FaultKind {
  return {
    of: 'server',
    begin: ({ server, ucc }, target) => server(target).stopUcc(ucc(target), { announce }),
    end: ({ server, ucc }, target) => server(target).startUcc(ucc(target), { startingMs: 500 }),
    // A server that claims to run and does not, and one whose beats and readiness differ, cannot be judged by words.
    ...(announce === 'silent' || announce === 'readiness' ? { separates: true } : {}),
  }
}

export const FAULTS: Readonly<Record<string, FaultKind>> = {
  kill: {
    of: 'server',
    begin: ({ server }, target) => server(target).kill(),
    end: ({ server }, target) => server(target).restart({ startingMs: 1000 }),
    revives: true,
  },
  'kill-and-promote': {
    of: 'server',
    begin: ({ world, server, otherThan, ucc }, target, forMs) => {
      server(target).kill()
      world.after(forMs / 3, () => {
        if (otherThan(target).alive) otherThan(target).promote(ucc(target))
      })
    },
    end: ({ server }, target) => server(target).restart(),
    revives: true,
  },
  'power-off': {
    of: 'server',
    begin: ({ server }, target) => server(target).powerOff(),
    end: ({ server }, target) => server(target).restart(),
    revives: true,
  },
  restart: { of: 'server', begin: ({ server }, target) => server(target).restart() },
  hang: {
    of: 'server',
    begin: ({ server }, target) => server(target).hang(),
    end: ({ server }, target) => server(target).unhang(),
  },
  reset: { of: 'server', begin: ({ server }, target) => server(target).reset() },
  slow: {
    of: 'server',
    begin: ({ server }, target, forMs) => server(target).slow(50 + (forMs % 700)),
    end: ({ server }, target) => server(target).slow(0),
    separates: true,
  },
  'ucc-stopped': stopped('status'),
  'ucc-stopped-beat': stopped('heartbeat'),
  'ucc-stopped-unsaid': stopped('beats'),
  'ucc-stopped-misread': stopped('readiness'),
  'ucc-stopped-silent': stopped('silent'),
  'ucc-starting': {
    of: 'server',
    begin: ({ server, ucc }, target, forMs) => {
      server(target).stopUcc(ucc(target))
      server(target).startUcc(ucc(target), { startingMs: forMs })
    },
  },
  promote: { of: 'server', begin: ({ server, ucc }, target) => server(target).promote(ucc(target)) },
  'split-brain': {
    of: 'server',
    begin: ({ server, ucc }, target) => server(target).promote(ucc(target), { fence: false }),
  },
  drain: {
    of: 'server',
    begin: ({ server }, target, forMs) => server(target).drain({ leaveWithinMs: Math.max(1000, forMs) }),
    end: ({ server }, target) => server(target).undrain(),
  },
  'drain-and-kill': {
    of: 'server',
    begin: ({ world, server }, target, forMs) => {
      server(target).drain({ leaveWithinMs: Math.max(1000, forMs) })
      world.after(forMs / 2, () => server(target).alive && server(target).kill())
    },
    end: ({ server }, target) => server(target).restart(),
    revives: true,
  },
  overload: {
    of: 'server',
    begin: ({ server }, target) => server(target).overload({ retryAfterMs: 2000 }),
    end: ({ server }, target) => server(target).overload(false),
    separates: true,
  },
  refuse: {
    of: 'server',
    begin: ({ server }, target) => server(target).refuse(),
    end: ({ server }, target) => server(target).accept(),
    separates: true,
  },
  'go-silent': {
    of: 'server',
    begin: ({ server }, target) => server(target).goSilent(true),
    end: ({ server }, target) => server(target).goSilent(false),
    separates: true,
  },
  'go-silent-all': {
    of: 'server',
    begin: ({ server }, target) => server(target).goSilent(true, { scope: 'all' }),
    end: ({ server }, target) => server(target).goSilent(false),
    separates: true,
  },
  'close-1012': { of: 'server', begin: ({ server }, target) => server(target).closeAll(1012, 'restart') },
  'close-1006': { of: 'server', begin: ({ server }, target) => server(target).closeAll(4999, 'odd') },
  resync: { of: 'server', begin: ({ server }, target) => server(target).resync() },
  'new-epoch': { of: 'server', begin: ({ world }) => world.newEpoch() },
  'forget-keys': { of: 'server', begin: ({ world }) => world.forgetKeys() },
  lag: {
    of: 'server',
    begin: ({ server }, target) => server(target).lag(1500),
    end: ({ server }, target) => server(target).lag(0),
  },
  'cut-snapshot': { of: 'server', begin: ({ server }, target) => server(target).cutSnapshotAfterParts(1) },
  'slow-commands': {
    of: 'server',
    begin: ({ world }) => world.setCommandDelay({ beforeMs: 100, afterMs: 400 }),
    end: ({ world, answerAfterMs }) => world.setCommandDelay({ beforeMs: 0, afterMs: answerAfterMs }),
  },
  'repeated-frames': {
    of: 'server',
    begin: ({ server }, target) => server(target).repeatFrames(true),
    end: ({ server }, target) => server(target).repeatFrames(false),
  },
  'odd-frame': { of: 'server', begin: ({ server }, target) => server(target).sendRaw('{"type":"future","id":1}') },
  'broken-frame': { of: 'server', begin: ({ server }, target) => server(target).sendRaw('{"type":') },
  'foreign-page': {
    of: 'server',
    begin: ({ server }, target) =>
      server(target).serveReadiness({ status: 200, contentType: 'text/html', body: '<html>Please log in</html>' }),
    end: ({ server }, target) => server(target).serveReadiness(null),
    separates: true,
  },
  'token-refused': {
    of: 'server',
    begin: ({ server }, target) => server(target).setTokens(['nobody has this one'], { enforce: true }),
    end: ({ server, tokens }, target) => server(target).setTokens(tokens),
    separates: true,
  },
  'refused-once': {
    of: 'server',
    begin: ({ server }, target) => server(target).rejectNext({ code: 'unauthorized' }),
    separates: true,
  },
  'too-much-once': {
    of: 'server',
    begin: ({ server }, target) => server(target).rejectNext({ code: 'overloaded', retryAfterMs: 1500 }),
    separates: true,
  },
  partition: link('partition'),
  'lost-up': link('lost-up'),
  'lost-down': link('lost-down'),
  'black-hole': link('black-hole'),
  'refused-link': link('refused'),
  'accept-and-hang': link('accept-and-hang'),
  unreachable: link('unreachable'),
  certificate: link('certificate'),
  'lossy-link': {
    of: 'server',
    begin: ({ world, server }, target) => world.network.links({ server: server(target).name }).quality({ loss: 0.2 }),
    end: ({ world, server }, target) => world.network.links({ server: server(target).name }).quality({ loss: 0 }),
    separates: true,
    isOfNetwork: true,
  },
  'nat-forgets': {
    of: 'client',
    begin: ({ world, device }, target) => world.network.links({ device: device(target).name }).forget(),
    separates: true,
  },
  'own-partition': ownLink('partition'),
  'own-unreachable': ownLink('unreachable'),
  flip: {
    of: 'server',
    begin: ({ world, server }, target) => world.dns.point(nameOf(world), server(target).name, { ttlMs: 1000 }),
  },
  'vip-moves': {
    of: 'server',
    // Connections stay where they are, as with a virtual address that another machine takes over.
    begin: ({ vip, otherThan }, target) => vip?.point(otherThan(target).name),
    end: ({ vip, world }) => vip?.point(world.servers[0]?.name ?? ''),
    separates: 'all',
    isOfNetwork: true,
  },
  'dns-nxdomain': dns('nxdomain'),
  'dns-timeout': dns('timeout'),
  'dns-servfail': dns('servfail'),
  'dns-stale': dns('stale'),
  'dns-rotate': {
    of: 'server',
    // The dedicated hostname alone: the names of the servers are nobody's load balancer.
    begin: ({ world }) => world.dns.break('rotate', nameOf(world)),
    end: ({ world }) => world.dns.heal(),
  },
  offline: {
    of: 'client',
    begin: ({ device }, target) => device(target).offline(),
    end: ({ device }, target) => device(target).online(),
    separates: true,
  },
  captive: {
    of: 'client',
    begin: ({ device }, target) => device(target).captive(true),
    end: ({ device }, target) => device(target).captive(false),
    separates: true,
  },
  sleep: {
    of: 'client',
    begin: ({ device }, target) => device(target).sleep(),
    end: ({ device }, target) => device(target).wake(),
    pauses: true,
  },
  'sleep-counted': {
    of: 'client',
    begin: ({ device }, target) => device(target).sleep({ countsSleep: true }),
    end: ({ device }, target) => device(target).wake(),
    pauses: true,
  },
  freeze: {
    of: 'client',
    begin: ({ device }, target) => device(target).freeze(),
    end: ({ device }, target) => device(target).thaw(),
    pauses: true,
  },
  block: { of: 'client', begin: ({ device }, target, forMs) => device(target).block(forMs), pauses: true },
  hide: {
    of: 'client',
    begin: ({ device }, target) => device(target).hide(),
    end: ({ device }, target) => device(target).show(),
  },
  throttled: {
    of: 'client',
    begin: ({ device }, target) => device(target).throttle(60_000),
    end: ({ device }, target) => device(target).throttle(0),
    // Nobody can notice anything between two of its turns.
    separates: true,
    pauses: true,
  },
  'offline-unsaid': {
    of: 'client',
    begin: ({ device }, target) => device(target).offline(),
    end: ({ device }, target) => device(target).online({ silently: true }),
    separates: true,
  },
  'clock-step': { of: 'client', begin: ({ device }, target, forMs) => device(target).stepClock(forMs - 5000) },
  'token-provider-fails': {
    of: 'client',
    begin: ({ misbehaves }, target) => misbehaves(target, 'token-provider', true),
    end: ({ misbehaves }, target) => misbehaves(target, 'token-provider', false),
    separates: true,
  },
  'restore-fails': {
    of: 'client',
    begin: ({ misbehaves }, target) => misbehaves(target, 'restore', true),
    end: ({ misbehaves }, target) => misbehaves(target, 'restore', false),
    separates: true,
  },
}

function dns(fault: 'nxdomain' | 'timeout' | 'servfail' | 'stale'): FaultKind {
  return {
    of: 'server',
    begin: ({ world }) => world.dns.break(fault),
    end: ({ world }) => world.dns.heal(),
    separates: 'all',
  }
}

function nameOf(world: World): string {
  return new URL(world.hostname).hostname
}
