/** What a client does while nothing is wrong, and how soon it sees that something is. */
import { DEFAULTS } from '../../../client/defaults'
import type { FailoverEventName } from '../../../client/events'
import { noticedWithinMs } from '../bounds'
import type { Invariant } from '../invariant'

const MOVES: ReadonlySet<FailoverEventName> = new Set<FailoverEventName>(['failover', 'switchover', 'failback'])

/** Away and back again. */
const MOVES_A_CAUSE = 2
/** Lost packets are causes of their own, that nobody counts. */
const MOVES_BY_LOSS = 3

export const movesAreDamped: Invariant = {
  name: 'moves-are-damped',
  statement: 'Each change of the world moves a client away and back at most: nobody goes to and fro by itself.',
  watch({ plan, clients }, violated) {
    // An upgrade has to be refused twice before the event stream is used there.
    const refusals = 2 * plan.topology.withoutSockets.length
    let causes = 1 + refusals + plan.deeds.filter((deed) => deed.do === 'rotate-token').length
    const moves = clients.map(() => 0)
    const wishes = clients.map(() => 0)
    return {
      // Its beginning, and its end.
      fault: () => void (causes += 1),
      healed: () => void (causes += plan.topology.servers),
      called({ client, what }) {
        if (what === 'switchover' || what === 'failback') wishes[client] = (wishes[client] ?? 0) + 1
      },
      event({ client, name }) {
        if (!MOVES.has(name)) return
        const count = (moves[client] ?? 0) + 1
        moves[client] = count
        const byLoss = plan.network.loss > 0 ? MOVES_BY_LOSS : 0
        const most = 1 + byLoss + MOVES_A_CAUSE * (causes + (wishes[client] ?? 0))
        if (count > most) violated(`client ${client} has moved ${count} times for ${causes} causes`)
      },
    }
  },
}

/** A standby is asked in its rhythm, and once more where the window begins in the middle of it. */
const SELDOM_WINDOW_MS = 30_000
const SELDOM = Math.ceil(SELDOM_WINDOW_MS / (DEFAULTS.health.standbyIntervalMs * (1 - DEFAULTS.health.jitter))) + 1

export const standbysAreAskedSeldom: Invariant = {
  name: 'standbys-are-asked-seldom',
  statement:
    'While nothing is wrong, a server that is not in use is asked for its readiness about four times a minute.',
  watch({ clients }, violated) {
    let wrongAt = 0
    const stirredAt = clients.map(() => 0)
    const asked = clients.map(() => new Map<string, number[]>())
    return {
      fault: ({ at }) => void (wrongAt = at),
      healed: ({ at }) => void (wrongAt = at),
      // Whoever suspects its server, or has an answer it did not expect, asks everybody.
      event: ({ client, at }) => void (stirredAt[client] = at),
      called: ({ client, at }) => void (stirredAt[client] = at),
      probed({ client, endpointId, at }) {
        const times = asked[client]?.get(endpointId) ?? []
        asked[client]?.set(endpointId, times)
        times.push(at)
        while ((times[0] ?? at) <= at - SELDOM_WINDOW_MS) times.shift()
        const calmSince = Math.max(wrongAt + noticedWithinMs(), (stirredAt[client] ?? 0) + noticedWithinMs())
        if (at - calmSince < SELDOM_WINDOW_MS || clients[client]?.client.active?.id === endpointId) return
        if (times.length > SELDOM)
          violated(`client ${client} asked ${endpointId} ${times.length} times in half a minute`)
      },
    }
  },
}

/** A connection, and when its client last heard anything on it, in time that it was awake. */
interface Line {
  readonly endpointId: string
  heardAt: number
  beatMs: number
  isWelcomed: boolean
}

/** Looked at once a second; the timers of a hidden page fire once a second, each. */
const LOOKS_MS = 4000

/** Two beats that do not come, the patience of a line that has been late, the ping, and the answer to it. */
function noticedAfterMs({ beatMs }: Line): number {
  const { maxSlackMs, pingAfterMs, maxPingMs } = DEFAULTS.detection
  return 3 * beatMs + 2 * maxSlackMs + pingAfterMs + maxPingMs + LOOKS_MS
}

export const silenceIsNoticed: Invariant = {
  name: 'silence-is-noticed',
  statement:
    'Nobody calls itself connected on a connection that has said nothing for longer than beats and ping allow.',
  watch(run, violated) {
    const lines = new Map<string, Line>()
    const awake = (client: number): number => run.clients[client]?.awakeMs() ?? 0
    return {
      dialled({ client, link, endpointId }) {
        const beatMs = DEFAULTS.detection.heartbeatMs
        lines.set(`${client} ${link}`, { endpointId, heardAt: awake(client), beatMs, isWelcomed: false })
      },
      heard({ client, link, frame }) {
        const line = lines.get(`${client} ${link}`)
        if (line === undefined) return
        line.heardAt = awake(client)
        if (frame.type !== 'welcome') return
        line.isWelcomed = true
        line.beatMs = frame.heartbeatMs
      },
      ended: ({ client, link }) => void lines.delete(`${client} ${link}`),
      event({ client, name, context }) {
        // What was missed in a pause of its own counts for nobody: everything begins anew.
        if (name !== 'decision' || context.kind !== 'own-pause') return
        for (const [key, line] of lines) if (key.startsWith(`${client} `)) line.heardAt = awake(client)
      },
      sampled({ client, active }) {
        if (run.clients[client]?.client.state !== 'connected') return
        const ofActive = [...lines].filter(
          ([key, line]) => key.startsWith(`${client} `) && line.isWelcomed && line.endpointId === active,
        )
        const silent = ofActive.map(([, line]) => awake(client) - line.heardAt - noticedAfterMs(line))
        if (silent.length > 0 && Math.min(...silent) > 0)
          violated(
            `client ${client} is connected to ${active}, silent for ${Math.round(Math.min(...silent))} ms too long`,
          )
      },
    }
  },
}

/** Its report may come in another turn than its arrival. */
const REPORT_MS = 50

export const holdDownIsWaited: Invariant = {
  name: 'hold-down-is-waited',
  statement: 'Nobody goes back to a better rank sooner than its hold-down after it came to where it is.',
  watch(run, violated) {
    const arrivedAt = run.clients.map(() => -Infinity)
    const wishes = new Set<number>()
    return {
      called: ({ client, what }) => void ((what === 'switchover' || what === 'failback') && wishes.add(client)),
      event({ client, at, name, context }) {
        if (name !== 'failover' && name !== 'switchover' && name !== 'failback') return
        const decidedAt = at - (context.timings.totalMs - context.timings.detectMs)
        const waitedMs = decidedAt - (arrivedAt[client] ?? -Infinity) + REPORT_MS
        arrivedAt[client] = at - context.timings.resumeMs - context.timings.restoreMs
        const plan = run.clients[client]?.plan
        if (plan === undefined || name !== 'failback' || wishes.has(client) || context.reason !== 'rank') return
        if (waitedMs < plan.holdDownMs)
          violated(
            `client ${client} went back to ${context.to.name} after ${Math.round(waitedMs)} of ${plan.holdDownMs} ms`,
          )
      },
    }
  },
}
