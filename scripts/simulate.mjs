// @ts-check
// `npm run simulate`: runs as many seeds of the swarm as wanted, or one of them again. See CONTRIBUTING.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bundle } from './simulation/bundle.mjs'
import { beginOutcomes, readOutcomes, Tally, writeOutcome } from './simulation/outcome.mjs'
import { runSeeds } from './simulation/pool.mjs'
import { Progress } from './simulation/progress.mjs'

const HELP = `npm run simulate -- [options]

  --seeds N      how many seeds (1000)
  --start S      the first one (1)
  --jobs J       how many at a time (one a core)
  --out FILE     remember outcomes here, a line of JSON each; what stands there already is not run again
  --replay SEED  run one seed again: its plan, its violations, its last decisions
  --plan FILE    the same for a plan from a file, such as a regression
  --shrink       make the plan of --replay or --plan small while it still fails; --out FILE keeps it
  --trace        with --replay or --plan: everything that was seen
`

const ENTRY = 'src/testing/swarm/index.ts'
const SHOWN_DECISIONS = 25
/** The first failures are shown whole, and little is spent on each. */
const SHOWN_FAILURES = 2
const SHRINK_RUNS = 100

/**
 * @typedef {typeof import('../src/testing/swarm/index')} Swarm
 * @typedef {import('../src/testing/swarm/index').SwarmPlan} Plan
 */

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    start: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    out: { type: 'string' },
    replay: { type: 'string' },
    plan: { type: 'string' },
    shrink: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else if (values.replay !== undefined || values.plan !== undefined) process.exitCode = await again()
else process.exitCode = await many()

/** @param {string} name @param {string} text */
function whole(name, text) {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 0) return number
  console.error(`--${name} must be a whole number, not "${text}"\n\n${HELP}`)
  process.exit(2)
}

async function many() {
  const count = whole('seeds', values.seeds)
  const start = whole('start', values.start)
  const tally = new Tally()
  /** @type {Set<number>} */
  const known = new Set()
  await readOutcomes(values.out, (outcome) => {
    if (outcome.seed < start || outcome.seed >= start + count || known.has(outcome.seed)) return
    known.add(outcome.seed)
    tally.add(outcome)
  })
  const { file, program, remove } = await bundle(ENTRY)
  const progress = new Progress(count, known.size)
  try {
    beginOutcomes(values.out, program)
    const seeds = Array.from({ length: count }, (_, index) => start + index).filter((seed) => !known.has(seed))
    await runSeeds(seeds, { file, jobs: Math.max(1, whole('jobs', values.jobs)) }, (outcome) => {
      tally.add(outcome)
      writeOutcome(values.out, outcome)
      progress.step(tally.failures.length)
    })
    progress.end()
    report(tally, progress.perSecond)
    console.log(`program ${program}, Node ${process.version}`)
    const swarm = await import(pathToFileURL(file).href)
    for (const { seed } of tally.failures.slice(0, SHOWN_FAILURES)) await explain(swarm, seed)
  } finally {
    progress.end()
    remove()
  }
  return tally.failures.length === 0 ? 0 : 1
}

/** @param {Tally} tally @param {number} perSecond */
function report(tally, perSecond) {
  const days = (tally.lastedMs / 86_400_000).toFixed(1)
  const moves = Object.entries(tally.moves).map(([kind, count]) => `${count} ${kind}s`)
  console.log(`${tally.seeds} seeds, ${perSecond.toFixed(1)} a second, ${days} days simulated, ${moves.join(', ')}`)
  console.log(`the slowest was back ${Math.round(tally.slowestMs / 1000)} s after the healing`)
  for (const [invariant, seeds] of tally.byInvariant()) {
    const more = seeds.length > 8 ? ', …' : ''
    console.log(`${invariant}: ${seeds.length} seeds (${seeds.slice(0, 8).join(', ')}${more})`)
  }
  for (const { seed, violations } of tally.failures.slice(0, 12)) console.log(`seed ${seed}: ${violations[0]}`)
  console.log(tally.failures.length === 0 ? 'no violation' : `${tally.failures.length} seeds failed`)
}

/**
 * What whoever sees a failure asks next: the plan made small, and the last decisions.
 * @param {Swarm} swarm
 * @param {number} seed
 */
async function explain(swarm, seed) {
  console.log(`\nseed ${seed}, made small; look closer: npm run simulate -- --replay ${seed} --shrink`)
  try {
    await play(swarm, await shrink(swarm, swarm.drawPlan(seed), SHRINK_RUNS))
  } catch (error) {
    console.log(`it does not run to its end: ${String(error)}`)
  }
}

async function again() {
  const { file, remove } = await bundle(ENTRY)
  /** @type {Swarm} */
  const swarm = await import(pathToFileURL(file).href)
  remove()
  const drawn =
    values.plan === undefined
      ? swarm.drawPlan(whole('replay', values.replay ?? ''))
      : planOf(JSON.parse(readFileSync(values.plan, 'utf8')))
  const plan = values.shrink ? await shrink(swarm, drawn) : drawn
  const run = await play(swarm, plan)
  if (values.shrink && values.out !== undefined) writeFileSync(values.out, `${JSON.stringify({ plan }, null, 2)}\n`)
  return run.violations.length === 0 ? 0 : 1
}

/** Runs a plan, and prints it with what became of it. @param {Swarm} swarm @param {Plan} plan */
async function play(swarm, plan) {
  const run = await swarm.runPlan(plan, { keepsTrace: true })
  console.log(JSON.stringify(plan, null, 1).replace(/\n\s+(?="(?!faults|deeds|clients|topology|network))/g, ' '))
  if (values.trace) console.log(run.trace.join('\n'))
  for (const [client, decisions] of run.decisions.entries()) {
    console.log(`client ${client}, last decisions:`)
    for (const { at, kind, sentence } of decisions.slice(-SHOWN_DECISIONS)) console.log(`  ${at} ${kind}: ${sentence}`)
  }
  for (const { invariant, statement, at, facts } of run.violations) {
    console.log(`VIOLATED at ${Math.round(at)} ms: ${invariant}\n  ${statement}\n  ${facts}`)
  }
  console.log(`trace ${run.hash}, ${Math.round(run.lastedMs / 1000)} s, back after ${Math.round(run.convergedMs)} ms`)
  return run
}

/** A regression keeps its story beside the plan. @param {any} file */
function planOf(file) {
  return file.plan ?? file
}

/** @param {Swarm} swarm @param {Plan} plan @param {number} [budget] runs */
async function shrink({ runPlan, shrinkPlan, INVARIANTS }, plan, budget) {
  const first = (await runPlan(plan)).violations[0]
  if (first === undefined) return plan
  const invariants = INVARIANTS.filter(({ name }) => name === first.invariant)
  return shrinkPlan(plan, async (candidate) => (await runPlan(candidate, { invariants })).violations.length > 0, budget)
}
