// Memory, each number from a process of its own.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { median } from '../lib/numbers.mjs'
import { report } from '../lib/report.mjs'
import { startPlainServer } from '../lib/start-plain-server.mjs'

const ROUNDS = 3
const WORKER = fileURLToPath(new URL('../lib/memory-worker.mjs', import.meta.url))
const CASES = [
  ['one more subscription of a client, with 10 items', 'subscriptions', 1000],
  ['one more client with a live connection and one topic of 10 items', 'clients', 200],
  ['one more raw WebSocket with the same 10 items in a Map', 'sockets', 200],
]

export async function measureMemory() {
  const server = await startPlainServer()
  const rows = []
  for (const [what, kind, size] of CASES) {
    const results = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const args = ['--expose-gc', WORKER, kind, String(size), server.url]
      const { stdout } = await promisify(execFile)(process.execPath, args)
      results.push(JSON.parse(stdout))
    }
    const kib = (which) => `${(median(results.map((one) => one[which])) / 1024).toFixed(1)} KiB`
    rows.push([what, String(size), kib('heap'), kib('rss')])
  }
  await server.stop()
  report({ title: 'Memory', columns: ['what', 'measured over', 'heap and buffers each', 'resident each'], rows })
}
