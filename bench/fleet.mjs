// A fleet that loses its server at one instant: how it arrives at the other one. Real clients, real sockets.
//
//   node bench/fleet.mjs [--clients 1500] [--accept-per-sec 500] [--processes 3] [--contrast]
//
// The servers announce what they can accept; each client of class `agent` draws its first hop from the spread window
// W = clients / acceptPerSec. Target: over any 500 ms at most 1.25 x N/W live connections are accepted. `--contrast`
// plays the same without the spread.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { count, median, ms, quantile } from './lib/numbers.mjs'
import { report, say } from './lib/report.mjs'
import { elapse, until, withCluster } from './lib/scene.mjs'

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '1500' },
    'accept-per-sec': { type: 'string', default: '500' },
    processes: { type: 'string', default: '3' },
    contrast: { type: 'boolean', default: false },
  },
})
const PROCESSES = Number(values.processes)
const PER_PROCESS = Math.ceil(Number(values.clients) / PROCESSES)
const CLIENTS = PER_PROCESS * PROCESSES
const ACCEPT_PER_SEC = Number(values['accept-per-sec'])
const WINDOW_MS = (CLIENTS / ACCEPT_PER_SEC) * 1000
const SLICE_MS = 500
const MAX_PART = 1.25
/** While the fleet comes up, over all processes. */
const START_PER_SEC = 150

const WORKER = fileURLToPath(new URL('lib/fleet-worker.mjs', import.meta.url))

/** Most arrivals within any SLICE_MS. */
function peak(arrivals) {
  const sorted = [...arrivals].sort((a, b) => a - b)
  let from = 0
  let most = 0
  for (const [to, at] of sorted.entries()) {
    while (at - sorted[from] >= SLICE_MS) from += 1
    most = Math.max(most, to - from + 1)
  }
  return most
}

/** What perfect uniform draws would give: the peak is a matter of chance too. */
function idealPeaks(rounds = 500) {
  return Array.from({ length: rounds }, () => peak(Array.from({ length: CLIENTS }, () => Math.random() * WINDOW_MS)))
}

/** One run: arrivals at the other server in milliseconds since the kill. */
async function play(options) {
  return withCluster({ acceptPerSec: ACCEPT_PER_SEC, standby: 'stopped' }, async (cluster) => {
    const { hostname, endpoints } = cluster
    const workers = Array.from({ length: PROCESSES }, () => fork(WORKER, { stdio: 'inherit' }))
    try {
      const told = (what) => workers.map((worker) => heard(worker, what))
      const ready = told('ready')
      const perSecond = START_PER_SEC / PROCESSES
      for (const worker of workers) {
        worker.send({ order: 'start', hostname, endpoints, count: PER_PROCESS, perSecond, options })
      }
      await Promise.all(ready)
      // Beats tell every client how many there are.
      await elapse(3000)
      const open = (name) => cluster.server(name).connections().filter(({ client }) => client !== undefined)
      await until('all are connected', () => open('srv1').length === CLIENTS, 30_000, () => open('srv1').length)
      // From here on a hot pair. Before, whoever came while srv1 was busy would have begun at the other one.
      await cluster.startUcc('srv2', 'helpdesk', { term: 1 })
      await elapse(1000)
      cluster.server('srv2').clearRecords()
      const moved = told('moved')
      const { at } = await cluster.kill('srv1')
      await Promise.race([Promise.all(moved), elapse(WINDOW_MS + 60_000)])
      const arrivals = open('srv2').map(({ openedAt }) => openedAt - at)
      const questions = cluster.server('srv2').dials().filter((dial) => dial.kind === 'readiness' && dial.at >= at)
      return { arrivals, questions: questions.length }
    } finally {
      for (const worker of workers) {
        if (worker.connected) worker.send({ order: 'stop' })
        if (worker.exitCode === null) await Promise.race([once(worker, 'exit'), elapse(5000)])
        worker.kill('SIGKILL')
      }
    }
  })
}

function heard(worker, what) {
  return new Promise((resolve) => {
    worker.on('message', ({ told }) => {
      if (told === what) resolve()
    })
  })
}

function histogram(arrivals) {
  const slices = []
  for (const at of arrivals) slices[Math.max(0, Math.floor(at / SLICE_MS))] = (slices[Math.max(0, Math.floor(at / SLICE_MS))] ?? 0) + 1
  return Array.from(slices, (slice) => slice ?? 0)
}

const fair = (CLIENTS / WINDOW_MS) * SLICE_MS
const ideal = idealPeaks()
const cases = [['class agent, defaults', {}], ...(values.contrast ? [['the same without spread', { failover: { maxSpreadMs: 0 } }]] : [])]
const rows = []
let isMet = true
for (const [name, options] of cases) {
  say(`${name}: ${CLIENTS} clients in ${PROCESSES} processes, W = ${ms(WINDOW_MS)} ...`)
  const { arrivals, questions } = await play(options)
  const most = peak(arrivals)
  const isSpread = options.failover === undefined
  const isKept = most <= MAX_PART * fair && arrivals.length === CLIENTS
  if (isSpread) isMet &&= isKept
  rows.push([
    name,
    `${count(arrivals.length)} of ${count(CLIENTS)}`,
    histogram(arrivals).join(' '),
    `${count(most)} (${(most / fair).toFixed(2)} x N/W)`,
    ms(Math.max(...arrivals)),
    count(questions),
    isSpread ? (isKept ? 'pass' : 'MISS') : '-',
  ])
}
report({
  title: `Fleet: ${count(CLIENTS)} clients lose their server, W = ${(WINDOW_MS / 1000).toFixed(1)} s`,
  columns: ['fleet', 'arrived', `accepted in each ${SLICE_MS} ms`, `most in any ${SLICE_MS} ms`, 'last', 'probes', 'result'],
  rows,
  notes: [
    `Target: at most ${MAX_PART} x N/W, here ${count(MAX_PART * fair)} in any ${SLICE_MS} ms. Perfect uniform draws give ` +
      `${count(median(ideal))} (median of 500 draws), ${count(quantile(ideal, 0.95))} once in twenty.`,
    'Accepted: live connections opened on the other server, by its own records. Probes: readiness it was asked from the kill on.',
  ],
})
process.exitCode = isMet ? 0 : 1
