// The machines by themselves, in virtual time: how many inputs a second, and how many whole failovers.
import { DEFAULTS } from 'failover-client'
import { loadCore } from '../lib/load-core.mjs'
import { count, median } from '../lib/numbers.mjs'
import { report } from '../lib/report.mjs'

const ROUNDS = 7
const FAILOVERS = 2000
const FRAMES = 100_000
const UCC = 'helpdesk'
/** Between two failovers of a client: long enough that the lost server is asked and found well again. */
const QUIET_MS = 40_000

function body(server) {
  const load = { clients: 1, acceptPerSec: 500 }
  return { server, versions: [1], ucc: UCC, state: 'running', load }
}

/** Two servers and one seat: its server is lost, the other one is asked, dialled and taken; the lost one comes back. */
class World {
  inputs = 0
  failovers = 0
  now = 1000
  #at
  #lost
  #answers = []
  constructor({ PoolMachine, seededRandom }) {
    this.pool = new PoolMachine(DEFAULTS, seededRandom(1))
    const seeds = ['a', 'b'].map((id, rank) => ({ id, url: `https://${id}.test`, name: id, rank }))
    this.feed({ type: 'endpoints', source: 'configured', seeds })
    const who = { seat: 1, ucc: UCC, priority: () => 'agent', warm: false, asksCanMove: false }
    this.feed({ type: 'seat-open', ...who })
    this.feed({ type: 'seat-live', seat: 1 })
    this.playUntil(() => this.#at !== undefined)
  }

  feed(input) {
    this.inputs += 1
    for (const effect of this.pool.handle(this.now, input)) this.#carryOut(effect)
  }

  /** Plays what is due next: answers come a millisecond after their question. */
  step() {
    const [first] = this.#answers
    const at = this.pool.deadline()
    if (first !== undefined && first.at <= at) {
      this.#answers.shift()
      this.now = Math.max(this.now, first.at)
      first.give()
    } else {
      this.now = Math.max(this.now, at)
      this.feed({ type: 'tick' })
    }
  }

  playUntil(holds) {
    while (!holds()) this.step()
  }

  failover() {
    const from = this.#at
    this.#lost = from
    this.#at = undefined
    this.now += 1
    this.feed({ type: 'seat-lost', seat: 1, cause: { type: 'closed', code: 1006 }, lastProof: this.now - 1 })
    this.playUntil(() => this.#at !== undefined)
    if (this.#at !== from) this.failovers += 1
    this.#lost = undefined
    const quietUntil = this.now + QUIET_MS
    this.playUntil(() => this.now >= quietUntil && this.#answers.length === 0)
  }

  #later(give) {
    this.#answers.push({ at: this.now + 1, give })
  }

  #carryOut(effect) {
    if (effect.type === 'probe') {
      const { endpointId } = effect.road
      const failure = { kind: 'refused', sent: 'no', message: 'refused' }
      const result =
        endpointId === this.#lost ? { is: 'failed', failure } : { is: 'ready', body: body(endpointId), rttMs: 1 }
      this.#later(() => this.feed({ type: 'probed', attempt: effect.attempt, result }))
    } else if (effect.type === 'go') {
      const { id: move, to } = effect.plan
      this.#later(() => {
        const heard = { type: 'readiness', endpointId: to, server: to, ucc: UCC, state: 'running', via: 'welcome' }
        this.feed(heard)
        this.feed({ type: 'seat-welcomed', seat: 1, move, server: to })
        this.feed({ type: 'seat-committed', seat: 1, move, live: true })
        this.feed({ type: 'seat-stable', seat: 1 })
        this.#at = to
      })
    }
  }
}

function sessionOf({ SessionMachine }) {
  const { detection, connect, streams } = DEFAULTS
  const session = new SessionMachine({
    seat: 1,
    settings: { detection, connect, streams },
    ucc: UCC,
    client: { id: 'bench' },
    warm: false,
    hasRestore: false,
    commands: { maxQueued: 256, maxQueuedBytes: 1_048_576, sharedKeys: false },
  })
  const log = { name: 'log', kind: 'log', logKeys: streams.logKeys, staleAfterMs: streams.staleAfterMs }
  const now = 1000
  const road = { endpointId: 'a', url: 'https://a.test', generation: 1 }
  const times = { lastProof: now, detected: now, decided: now, dialled: now }
  session.handle(now, { type: 'topic-open', config: log })
  const plan = { id: 1, kind: 'initial', reason: 'start', to: 'a', road, evidence: [], makeBeforeBreak: false, times }
  const opened = session.handle(now, { type: 'go', plan }).find(({ type }) => type === 'open-link')
  const { link } = opened
  session.handle(now, { type: 'link-opened', link })
  session.handle(now, { type: 'token', link })
  const welcome = { type: 'welcome', version: 1, server: 'a', state: 'running', heartbeatMs: 1000, ts: now }
  const sent = session.handle(now, { type: 'link-frame', link, frame: welcome })
  const { frame } = sent.find((effect) => effect.type === 'send' && effect.frame.type === 'subscribe')
  const cursor = { epoch: 'e', seq: 0 }
  const { id } = frame
  const subscribed = { type: 'subscribed', id, kind: 'log', recovered: false, cursor }
  session.handle(now, { type: 'link-frame', link, frame: subscribed })
  session.handle(now, { type: 'link-frame', link, frame: { type: 'snapshot', id, cursor, items: [] } })
  return { session, link, id, now }
}

/** Log events through the session and its topic: parsed frames in, changes for the consumer out. */
function playFrames(core) {
  const { session, link, id, now } = sessionOf(core)
  let delivered = 0
  const started = performance.now()
  for (let seq = 1; seq <= FRAMES; seq += 1) {
    const frame = { type: 'event', id, seq, op: 'append', key: `m${seq}`, data: { n: seq }, ts: now }
    for (const effect of session.handle(now + seq / 100, { type: 'link-frame', link, frame })) {
      if (effect.type === 'topic' && effect.effect.type === 'batch') delivered += effect.effect.changes.length
    }
  }
  const seconds = (performance.now() - started) / 1000
  if (delivered !== FRAMES) throw new Error(`${delivered} of ${FRAMES} events came out of the session`)
  return FRAMES / seconds
}

function playFailovers(core) {
  const world = new World(core)
  const { inputs } = world
  const started = performance.now()
  for (let n = 0; n < FAILOVERS; n += 1) world.failover()
  const seconds = (performance.now() - started) / 1000
  if (world.failovers !== FAILOVERS) throw new Error(`${world.failovers} of ${FAILOVERS} failovers happened`)
  return { inputs: (world.inputs - inputs) / seconds, failovers: FAILOVERS / seconds }
}

export async function measureCore() {
  const core = await loadCore()
  const pools = []
  const frames = []
  for (let round = -1; round < ROUNDS; round += 1) {
    const pool = playFailovers(core)
    const rate = playFrames(core)
    if (round < 0) continue
    pools.push(pool)
    frames.push(rate)
  }
  const rows = [
    ['inputs decided by the pool machine (probes, losses, moves)', count(median(pools.map(({ inputs }) => inputs)))],
    [
      `whole failovers of a client, ${QUIET_MS / 1000} s of probing between them included`,
      count(median(pools.map((one) => one.failovers))),
    ],
    ['log events through the session and topic machines', count(median(frames))],
  ]
  report({ title: 'The core, in virtual time', columns: ['what', 'a second, one core'], rows })
}
