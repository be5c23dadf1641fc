// @ts-check
// Months of clients in simulated time: how often a failover has no cause, and how soon one that has is noticed.
//
//   node bench/months.mjs                              100 client-months at 0, 1, 2 and 3 % packet loss together
//   node bench/months.mjs --months 20 --out months.jsonl   a piece of it; again with more months goes on from there
//   node bench/months.mjs --out months.jsonl --record      and writes the section of test/simulation/RESULTS.md anew
//
// With `node --single-threaded-gc` it takes a quarter less processor time: a life a core, and no collector beside it.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { bundle } from '../scripts/simulation/bundle.mjs'
import { beginOutcomes } from '../scripts/simulation/outcome.mjs'
import { ms, quantile } from './lib/numbers.mjs'

/**
 * @typedef {'office' | 'bad-wifi'} Line
 * @typedef {{ is: 'life', key: string, seed: number, line: Line, loss: number, days: number }} LifeTask
 * @typedef {{ is: 'loss', key: string, seed: number, line: Line, loss: number, how: string }} LossTask
 * @typedef {LifeTask | LossTask} Task
 */

const RESULTS = fileURLToPath(new URL('../test/simulation/RESULTS.md', import.meta.url))
const LINES = /** @type {const} */ (['office', 'bad-wifi'])
const LOSSES = [0, 0.01, 0.02, 0.03]
const MONTH_DAYS = 30
/** A piece of work: short enough to be lost without regret. */
const PIECE_DAYS = 3
const TARGET_A_MONTH = 1

const { values } = parseArgs({
  options: {
    months: { type: 'string', default: '100' },
    /** Of each kind, on each line, at 0, 1, 2 and 3 % packet loss in equal parts. */
    faults: { type: 'string', default: '200' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    out: { type: 'string' },
    record: { type: 'boolean', default: false },
  },
})

const { file, program, remove } = await bundle('bench/lib/client-life.ts')
beginOutcomes(values.out, program)
const known = readKnown()
try {
  const { LOSSES: kinds } = await import(file)
  const tasks = [...lifeTasks(Number(values.months)), ...lossTasks(Number(values.faults), Object.keys(kinds))]
  await work(tasks.filter(({ key }) => !known.has(key)))
  const text = [lifeTable(tasks), lossTable(tasks)].join('\n')
  console.log(text)
  if (values.record) record(text)
} finally {
  remove()
}

/** @param {number} months @returns {LifeTask[]} */
function lifeTasks(months) {
  const pieces = Math.ceil((months * MONTH_DAYS) / PIECE_DAYS)
  return Array.from({ length: pieces }, (_, index) => {
    const line = LINES[index % LINES.length] ?? 'office'
    const loss = LOSSES[Math.floor(index / LINES.length) % LOSSES.length] ?? 0
    return { is: 'life', key: `${line} ${index}`, seed: index + 1, line, loss, days: PIECE_DAYS }
  })
}

/** @param {number} count of each kind @param {readonly string[]} kinds @returns {LossTask[]} */
function lossTasks(count, kinds) {
  return kinds.flatMap((how) =>
    LINES.flatMap((line) =>
      Array.from({ length: count }, (_, index) => {
        const loss = LOSSES[index % LOSSES.length] ?? 0
        return { is: /** @type {const} */ ('loss'), key: `${how}, ${line} ${index}`, seed: index + 1, line, loss, how }
      }),
    ),
  )
}

/** @param {readonly Task[]} tasks */
async function work(tasks) {
  const queue = [...tasks].reverse()
  const begun = performance.now()
  let done = 0
  const one = () =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./lib/life-worker.mjs', import.meta.url), { workerData: { file } })
      worker.on('error', reject)
      worker.on('message', (message) => {
        if (message !== undefined) {
          known.set(message.key, message.result ?? null)
          if (values.out !== undefined) appendFileSync(values.out, `${JSON.stringify(message)}\n`)
          done += 1
          const left = ((performance.now() - begun) / done / 1000) * (tasks.length - done)
          if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${done}/${tasks.length}, ${Math.round(left)} s left`)
        }
        const next = queue.pop()
        if (next === undefined) void worker.terminate().then(resolve, reject)
        else worker.postMessage(next)
      })
    })
  await Promise.all(Array.from({ length: Math.min(Number(values.jobs), tasks.length) }, one))
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

/** @returns {Map<string, any>} */
function readKnown() {
  if (values.out === undefined || !existsSync(values.out)) return new Map()
  const lines = readFileSync(values.out, 'utf8').split('\n')
  const entries = lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line))
  const results = entries.filter(({ result }) => result !== undefined)
  return new Map(results.map(({ key, result }) => [key, result]))
}

/** @param {readonly Task[]} tasks */
function lifeTable(tasks) {
  const rows = LINES.flatMap((line) => LOSSES.map((loss) => lifeRow(tasks, line, loss)))
  const title = `False failovers (target: below ${TARGET_A_MONTH} a client-month at 2 % loss)`
  const columns = [
    'line',
    'packet loss',
    'client-months',
    'hours awake',
    'sleeps',
    'false failovers',
    'a month',
    'redials a month',
  ]
  return table(title, columns, rows)
}

/** @param {readonly Task[]} tasks @param {string} line @param {number} loss */
function lifeRow(tasks, line, loss) {
  const isOurs = (/** @type {Task} */ task) => task.is === 'life' && task.line === line && task.loss === loss
  const lives = tasks.filter(isOurs).flatMap(({ key }) => known.get(key) ?? [])
  const months = (lives.length * PIECE_DAYS) / MONTH_DAYS
  const sum = (/** @type {string} */ name) => lives.reduce((total, life) => total + life[name], 0)
  const rate = (/** @type {string} */ name) => (months === 0 ? '-' : (sum(name) / months).toFixed(2))
  const awake = (sum('awakeMs') / 3_600_000).toFixed(0)
  const counts = [months.toFixed(1), awake, String(sum('sleeps')), String(sum('falseFailovers'))]
  return [line, `${loss * 100} %`, ...counts, rate('falseFailovers'), rate('redials')]
}

/** @param {readonly Task[]} tasks */
function lossTable(tasks) {
  const kinds = [...new Set(tasks.flatMap((task) => (task.is === 'loss' ? [task.how] : [])))]
  const rows = kinds.flatMap((how) => LINES.map((line) => lossRow(tasks, how, line)))
  const columns = [
    'how it was lost',
    'line',
    'times',
    'not noticed',
    'noticed after (p50 / p90 / p99 / max)',
    'live again after',
  ]
  return table('Detection, from the fault on: a client each with the defaults, an hour on its line', columns, rows)
}

/** @param {readonly Task[]} tasks @param {string} how @param {Line} line */
function lossRow(tasks, how, line) {
  const ours = tasks.filter((task) => task.is === 'loss' && task.how === how && task.line === line)
  const seen = ours.filter(({ key }) => known.has(key)).map(({ key }) => known.get(key))
  const found = seen.filter((one) => one !== null)
  const of = (/** @type {string} */ name) => {
    const times = found.map((one) => one[name])
    return [0.5, 0.9, 0.99, 1].map((part) => ms(quantile(times, part))).join(' / ')
  }
  return [how, line, String(seen.length), String(seen.length - found.length), of('detectMs'), of('liveMs')]
}

/** @param {string} title @param {readonly string[]} columns @param {readonly (readonly string[])[]} rows */
function table(title, columns, rows) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |`
  return [`### ${title}`, '', line(columns), line(columns.map(() => '---')), ...rows.map(line), ''].join('\n')
}

/** Between its marks; the rest of the file is left alone. @param {string} text */
function record(text) {
  const [begin, end] = ['<!-- months -->', '<!-- /months -->']
  const before = readFileSync(RESULTS, 'utf8')
  const from = before.indexOf(begin)
  const to = before.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${RESULTS} lacks the marks ${begin} and ${end}`)
  writeFileSync(RESULTS, `${before.slice(0, from + begin.length)}\n\n${text}\n${before.slice(to)}`)
}
