// @ts-check
// Runs the lab tier in a network of its own: one namespace a host, joined by a bridge, real packets between them. The
// tests run in the client's namespace, whose resolv.conf names the lab's cache. Needs root; leaves nothing behind.
//   npm run test:lab                        all of them
//   npm run test:lab -- load-balancer       only the files so named, as vitest has it
//
//   client 10.88.0.100      srv1..srv4 10.88.0.11..14      lb1, lb2 10.88.0.80, .81 (the load balancers)
//   dns 10.88.0.53 (the zone's own name server)            cache 10.88.0.54 (what clients ask)
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { missingForLab } from './tiers.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const prefix = `fc${process.pid}-`
const bridge = `${prefix}net`
const only = process.argv.slice(2)

/** Host by name, with its address in 10.88.0.0/24. */
const HOSTS = Object.entries({
  ...{ client: 100, dns: 53, cache: 54, lb1: 80, lb2: 81 },
  ...{ srv1: 11, srv2: 12, srv3: 13, srv4: 14 },
})

// What is missing is told, and counted as a failure, by the tier itself.
if (missingForLab() !== undefined) process.exit(test([]))
process.on('exit', tearDown)
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => process.exit(1))
build()
process.exit(test(['ip', 'netns', 'exec', `${prefix}client`]))

/** @param {readonly string[]} within @returns {number} */
function test(within) {
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'lab', ...only]
  const script = only.length === 0 ? ['scripts/test.mjs', 'lab', '--required'] : vitest
  const [program = '', ...parameters] = [...within, process.execPath, ...script]
  const env = { ...process.env, FAILOVER_LAB: prefix }
  return spawnSync(program, parameters, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] }).status ?? 1
}

function build() {
  // The bridge lies in a namespace too: nothing is added to the machine's own network.
  ip('netns', 'add', bridge)
  ip('-n', bridge, 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0')
  ip('-n', bridge, 'link', 'set', 'br0', 'up')
  for (const [host, last] of HOSTS) addHost(`${prefix}${host}`, host, `10.88.0.${last}`)
  const etc = `/etc/netns/${prefix}client`
  mkdirSync(etc, { recursive: true })
  // By its defaults the C library asks a name server that does not answer for 10 s: as long as a slow one needs.
  writeFileSync(join(etc, 'resolv.conf'), 'nameserver 10.88.0.54\noptions timeout:1 attempts:2\n')
}

/** @param {string} namespace @param {string} host @param {string} address */
function addHost(namespace, host, address) {
  ip('netns', 'add', namespace)
  ip('link', 'add', 'eth0', 'netns', namespace, 'type', 'veth', 'peer', 'name', host, 'netns', bridge)
  ip('-n', bridge, 'link', 'set', host, 'master', 'br0', 'up')
  ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0')
  for (const device of ['lo', 'eth0']) ip('-n', namespace, 'link', 'set', device, 'up')
}

/** @param {...string} parameters */
function ip(...parameters) {
  const { status, stderr } = spawnSync('ip', parameters, { encoding: 'utf8' })
  if (status === 0) return
  console.error(`ip ${parameters.join(' ')}: ${stderr}`)
  process.exit(1)
}

function tearDown() {
  for (const namespace of [...HOSTS.map(([host]) => `${prefix}${host}`), bridge]) {
    // Whatever a broken test left in a namespace of ours is ours.
    const { stdout } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' })
    for (const pid of stdout.split('\n').filter((line) => line !== '')) end(Number(pid))
    spawnSync('ip', ['netns', 'delete', namespace])
  }
  rmSync(`/etc/netns/${prefix}client`, { recursive: true, force: true })
}

/** @param {number} pid */
function end(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
