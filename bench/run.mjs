// All benchmarks, one after another; nothing here is a test of `npm test`. Builds what is not built.
//
//   npm run bench                            all; exits with 1 when a target is missed
//   npm run bench -- targets fleet           only these
//   npm run bench -- --record [parts]        the same, and their sections of bench/RESULTS.md are written anew
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, loadavg, platform, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const RESULTS = join(ROOT, 'bench', 'RESULTS.md')

const PARTS = {
  targets: {
    args: [],
    about:
      'The stated numbers, at full strength, with the defaults of the library. The tests allow three times as much.',
  },
  failover: { args: [], about: 'The same faults for the library, for the floor, and for libraries people would pick.' },
  overhead: { args: [], about: 'What it costs where nothing fails.' },
  fleet: { args: [], about: 'Whether a fleet that loses its server tramples the next one.' },
}

const isRecorded = process.argv.includes('--record')
const asked = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const names = asked.length > 0 ? asked : Object.keys(PARTS)
const unknown = names.filter((name) => PARTS[name] === undefined)
if (unknown.length > 0)
  throw new Error(`no such benchmark: ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`)
execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.mjs'), '--if-needed'], { stdio: 'inherit' })
process.exitCode = run()

function run() {
  const folder = mkdtempSync(join(tmpdir(), 'failover-bench-'))
  const sections = new Map()
  let missed = 0
  try {
    for (const name of names) {
      const { args, about } = PARTS[name]
      const sink = join(folder, `${name}.md`)
      writeFileSync(sink, '')
      const command = ['bench/' + name + '.mjs', ...args]
      const before = loadavg()[0]
      const started = Date.now()
      const env = { ...process.env, FAILOVER_BENCH_SINK: sink }
      const { status } = spawnSync(process.execPath, command, { cwd: ROOT, stdio: 'inherit', env })
      if (status !== 0) missed += 1
      const seconds = Math.round((Date.now() - started) / 1000)
      const day = new Date().toISOString().slice(0, 10)
      const took = `${day}, ${seconds} s, load before ${before.toFixed(1)}, after ${loadavg()[0].toFixed(1)}`
      const outcome = status === 0 ? '' : ` It ended with ${status}.`
      sections.set(
        name,
        `## ${name}\n\n${about} \`node ${command.join(' ')}\` (${took}).${outcome}\n\n${readFileSync(sink, 'utf8')}`,
      )
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  if (isRecorded) record(sections)
  return missed === 0 ? 0 : 1
}

/** The new sections in their places; those of parts that were not run stay as they were. */
function record(sections) {
  const before = existsSync(RESULTS)
    ? readFileSync(RESULTS, 'utf8')
        .split(/^(?=## )/m)
        .slice(1)
    : []
  const kept = (name) => before.find((section) => section.startsWith(`## ${name}\n`))
  const all = Object.keys(PARTS).flatMap((name) => sections.get(name) ?? kept(name) ?? [])
  const byHand = before.filter((section) => section.startsWith('## Notes'))
  writeFileSync(RESULTS, tidy([head(), ...all, ...byHand].join('\n')))
}

function head() {
  const gib = (totalmem() / 2 ** 30).toFixed(0)
  const { model } = cpus()[0] ?? { model: 'unknown' }
  return `# Results

Written by \`npm run bench -- --record\`: what stands here was measured by the command it names. Notes are by hand.

- Node ${process.versions.node}, ${platform()} ${release()} ${arch()}
- ${availableParallelism()} cores (${model.trim()}), ${gib} GiB
- Servers, clients and the measuring itself share these cores, over loopback. "Load" is the system's load average: above
  the number of cores others were at work too, and times are worse than the library's own.
- Read ratios before times: both sides of a ratio were measured in one run.
`
}

function tidy(text) {
  return `${text.replace(/\n{3,}/g, '\n\n').trimEnd()}\n`
}
