// A fleet in virtual time: one pool machine a client, each with its own randomness, all losing one server at one
// instant. What it answers is when each client decides to dial, without the CPU of 5,000 machines.
import { DEFAULTS } from 'failover-client'
import { loadCore } from './load-core.mjs'

const RTT_MS = 2
const SETTLE_MS = 20_000

/** Instants of the dials and of the questions to the other server, in milliseconds since the loss. */
export async function playVirtualFleet(clients, acceptPerSec) {
  const core = await loadCore()
  const dials = []
  const questions = []
  for (let n = 0; n < clients; n += 1) {
    const one = playOne(core, n + 1, { clients, acceptPerSec })
    dials.push(one.dialAt)
    questions.push(...one.questions)
  }
  return { dials, questions }
}

function playOne({ PoolMachine, seededRandom }, seed, active) {
  const pool = new PoolMachine(DEFAULTS, seededRandom(seed))
  // Nobody started at the same instant: probes of the calm before are not in step either.
  let now = 1000 + (seed % 997)
  const loss = { at: undefined }
  let at
  let dialAt
  const questions = []
  const answers = []
  const feed = (input) => {
    for (const effect of pool.handle(now, input)) carryOut(effect)
  }
  const later = (give) => answers.push({ at: now + RTT_MS, give })
  const probed = ({ attempt, road: { endpointId } }) => {
    const isLost = loss.at !== undefined && endpointId === 'a'
    if (loss.at !== undefined && endpointId === 'b') questions.push(now - loss.at)
    const load = endpointId === 'a' ? active : { clients: 0, acceptPerSec: active.acceptPerSec }
    const body = { server: endpointId, versions: [1], ucc: 'helpdesk', state: 'running', term: 1, load }
    const failure = { kind: 'refused', sent: 'no', message: 'refused' }
    later(() =>
      feed({
        type: 'probed',
        attempt,
        result: isLost ? { is: 'failed', failure } : { is: 'ready', body, rttMs: RTT_MS },
      }),
    )
  }
  const carryOut = (effect) => {
    if (effect.type === 'probe') probed(effect)
    if (effect.type !== 'go') return
    const { id: move, to } = effect.plan
    if (loss.at !== undefined) dialAt ??= now - loss.at
    later(() => {
      const load = to === 'a' ? active : { clients: 1, acceptPerSec: active.acceptPerSec }
      const word = { endpointId: to, server: to, ucc: 'helpdesk', state: 'running', term: 1, load, via: 'welcome' }
      feed({ type: 'readiness', ...word })
      feed({ type: 'seat-welcomed', seat: 1, move, server: to })
      feed({ type: 'seat-committed', seat: 1, move, live: true })
      at = to
    })
  }
  const playUntil = (holds) => {
    while (!holds()) {
      const [first] = answers
      const due = pool.deadline()
      if (first !== undefined && first.at <= due) {
        answers.shift()
        now = Math.max(now, first.at)
        first.give()
      } else {
        now = Math.max(now, due)
        feed({ type: 'tick' })
      }
    }
  }
  const seeds = ['a', 'b'].map((id, rank) => ({ id, url: `https://${id}.test`, name: id, rank }))
  feed({ type: 'endpoints', source: 'configured', seeds })
  feed({ type: 'seat-open', seat: 1, ucc: 'helpdesk', priority: () => 'agent', warm: false, asksCanMove: false })
  feed({ type: 'seat-live', seat: 1 })
  const settledAt = now + SETTLE_MS
  playUntil(() => at === 'a' && now >= settledAt && answers.length === 0)
  loss.at = now
  feed({ type: 'seat-lost', seat: 1, cause: { type: 'closed', code: 1006 }, lastProof: now })
  playUntil(() => at === 'b')
  return { dialAt, questions }
}
