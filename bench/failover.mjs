// How long a failover takes, against the floor and against libraries people would pick, on the same faults.
//
//   node bench/failover.mjs [--no-libraries] [--runs 10] [kill hang ucc drain]
//
// The floor is a hand-written WebSocket that already knows the answer: in `kill` it dials the other server when its
// connection closes; in the other faults it is told at the instant of the fault. Everybody follows one log of
// 200 events/s with a cursor. Each run plays the fault once for every follower, one follower at a time.
import { parseArgs } from 'node:util'
import { loadLibraries } from './lib/libraries.mjs'
import { count, median, ms, times, worst } from './lib/numbers.mjs'
import { followByHand, followByLibrary } from './lib/raw-follower.mjs'
import { report, say } from './lib/report.mjs'
import { connect, defects, elapse, firstFromOther, recordLog, until, withCluster } from './lib/scene.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'no-libraries': { type: 'boolean', default: false }, runs: { type: 'string', default: '10' } },
})
const RUNS = Number(values.runs)
/** Those that never notice a fault are not waited for forever, nor often. */
const LIBRARY_RUNS = Math.min(3, RUNS)
const GIVE_UP_MS = 12_000
const PER_SECOND = 200
const LEAVE_WITHIN_MS = 2000

function followByClient(cluster, topic, options = {}) {
  const client = connect(cluster, { failback: { mode: 'manual' }, ...options })
  const log = recordLog(client, topic)
  return {
    log,
    isLive: () => client.state === 'connected' && log.subscription.state === 'live',
    server: () => client.active?.server,
    tell: () => undefined,
    close: () => client.close(),
  }
}

/** Faults: what happens to the server in use, whether the floor must be told, and how it is repaired. */
const FAULTS = {
  kill: {
    title: 'killed',
    play: (cluster, server) => cluster.kill(server),
    isTold: false,
    repair: (cluster, server) => cluster.restart(server),
  },
  hang: {
    title: 'hangs (answers nothing)',
    play: (cluster, server) => cluster.hang(server),
    isTold: true,
    repair: (cluster, server) => cluster.unhang(server),
  },
  ucc: {
    title: 'UCC moves to the other server',
    cluster: { standby: 'stopped' },
    play: (cluster, server) => cluster.promote(server === 'srv1' ? 'srv2' : 'srv1', 'helpdesk'),
    isTold: true,
    // The libraries begin at the first server, whoever runs the UCC.
    repair: (cluster, server) => cluster.promote(server, 'helpdesk'),
  },
  drain: {
    title: `drains (leave within ${LEAVE_WITHIN_MS / 1000} s)`,
    play: (cluster, server) => cluster.drain(server, { leaveWithinMs: LEAVE_WITHIN_MS }),
    isTold: true,
    repair: (cluster, server) => cluster.undrain(server),
  },
}

/** The longest time without an event from just before the fault until the follower is well on the other side. */
function longestSilence(log, from, to) {
  const seen = log.at.filter((at) => at >= from && at <= to)
  return seen.reduce((longest, at, index) => Math.max(longest, at - (seen[index - 1] ?? at)), 0)
}

async function playOnce(cluster, fault, follow, topic) {
  const follower = follow(cluster, topic)
  const { log } = follower
  await until('it is live', follower.isLive, 15_000)
  const server = follower.server()
  const generation = cluster.generate({ topic, perSecond: PER_SECOND })
  await until('events flow', () => log.keys.length > 40, 15_000)
  await elapse(Math.random() * 500)
  const seen = log.keys.length
  const { atMonotonicMs } = await fault.play(cluster, server)
  if (fault.isTold) follower.tell()
  const first = () => firstFromOther(log, server, seen)
  const isThere = await until('the other server', () => first() !== undefined, GIVE_UP_MS).catch(() => undefined)
  await elapse(200)
  const end = performance.now()
  const published = generation.stop()
  const result = { tookMs: Infinity, silentMs: Infinity, wrong: NaN }
  if (isThere !== undefined) {
    await until('the last event', () => log.keys.at(-1) === published.at(-1).key, 9000)
    result.tookMs = first() - atMonotonicMs
    result.silentMs = longestSilence(log, atMonotonicMs - 100, end)
    result.wrong = defects(published, log.keys)
  }
  await follower.close()
  await fault.repair(cluster, server)
  return result
}

async function play(name, followers) {
  const fault = FAULTS[name]
  const results = new Map(followers.map((follower) => [follower.name, []]))
  await withCluster(fault.cluster ?? {}, async (cluster) => {
    for (let run = 0; run < RUNS; run += 1) {
      for (const [index, follower] of followers.entries()) {
        if (run >= follower.runs) continue
        const topic = `ucc/helpdesk/${name}-${run}-${index}/log`
        results.get(follower.name).push(await playOnce(cluster, fault, follower.follow, topic))
      }
    }
  })
  const floor = median(results.get(followers[0].name).map(({ tookMs }) => tookMs))
  return followers.map((follower) => rowOf(fault, follower.name, results.get(follower.name), floor))
}

function rowOf(fault, name, results, floor) {
  const there = results.filter(({ tookMs }) => Number.isFinite(tookMs))
  const missed = results.length - there.length
  const took = there.map(({ tookMs }) => tookMs)
  const silent = there.map(({ silentMs }) => silentMs)
  const never = `not within ${GIVE_UP_MS / 1000} s`
  const wrong = there.reduce((sum, one) => sum + one.wrong, 0)
  const isNever = missed > results.length / 2
  const row = [
    fault.title,
    name,
    isNever ? never : ms(median(took)),
    missed > 0 ? never : ms(worst(took)),
    isNever ? '-' : times(median(took) / floor),
    isNever ? '-' : ms(median(silent)),
    isNever ? '-' : count(wrong),
    count(results.length),
  ]
  say(row.join('  '))
  return row
}

const libraries = values['no-libraries'] ? [] : await loadLibraries()
const followers = [
  { name: 'floor: by hand, knows the answer', runs: RUNS, follow: followByHand },
  { name: 'failover-client', runs: RUNS, follow: (cluster, topic) => followByClient(cluster, topic) },
  {
    name: 'failover-client, no spread',
    runs: RUNS,
    follow: (cluster, topic) => followByClient(cluster, topic, { failover: { maxSpreadMs: 0 } }),
  },
  {
    name: 'failover-client, warm standby',
    runs: RUNS,
    follow: (cluster, topic) => followByClient(cluster, topic, { standby: 'warm' }),
  },
  ...libraries.map(({ name, Class }) => ({
    name,
    runs: LIBRARY_RUNS,
    follow: (cluster, topic) => followByLibrary(Class, cluster, topic),
  })),
]
const rows = []
const names = positionals.length > 0 ? positionals : Object.keys(FAULTS)
for (const name of names) rows.push(...(await play(name, followers)))
report({
  title: 'Failover time',
  columns: ['the server in use', 'follower', 'median', 'worst', 'to the floor', 'longest silence', 'wrong', 'runs'],
  rows,
  notes: [
    'Time from the fault to the first event of the other server. "Longest silence": the longest time without an ' +
      'event of a stream of 200 events/s around the fault, median. "Wrong": events lost, doubled or out of order, ' +
      'in all runs.',
    'When the server hangs the floor is told at that instant, so the ratio is the price of finding out: a beat of ' +
      '1 s must be missed first.',
    'A drain asks clients to leave within a time; they spread over half of it, so only its silence says something.',
    'The libraries reconnect by their defaults, with the URLs in turn; on each connection the application says hello ' +
      'and subscribes from its cursor. They have no detection of silence and know nothing of a UCC: what they never ' +
      'notice is not counted against anything but that.',
  ],
})
process.exit(0)
