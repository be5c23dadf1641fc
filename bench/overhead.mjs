// What the library costs where nothing fails: requests, messages, decisions, memory, bytes to download.
//
//   node bench/overhead.mjs [requests messages core memory size]
//
// Requests and messages come from a minimal server in a process of its own. Followers take turns, round by round, in
// one process; medians over the rounds. CPU is that of the measuring process only, so a busy machine falsifies it less.
import { measureBundles } from './overhead/bundles.mjs'
import { measureCore } from './overhead/core.mjs'
import { measureMemory } from './overhead/memory.mjs'
import { measureMessages } from './overhead/messages.mjs'
import { measureRequests } from './overhead/requests.mjs'
import { say } from './lib/report.mjs'

const PARTS = {
  requests: measureRequests,
  messages: measureMessages,
  core: measureCore,
  memory: measureMemory,
  size: measureBundles,
}

const asked = process.argv.slice(2)
for (const name of asked.length > 0 ? asked : Object.keys(PARTS)) {
  const part = PARTS[name]
  if (part === undefined) throw new Error(`no part ${name}: ${Object.keys(PARTS).join(', ')}`)
  say(`${name} ...`)
  await part()
}
process.exit(0)
