// Makes a fresh clone ready: checks the Node version, then installs what is missing. Plain Node, no dependency, and no
// syntax or import that an old Node cannot read: it has to live long enough to say which Node it wants.
import { spawnSync } from 'child_process'
import { existsSync, readFileSync } from 'fs'
import { dirname, join } from 'path'
import { fileURLToPath } from 'url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const FLOOR = [20, 18, 1]

checkNode()
if (!installed()) install()

function checkNode() {
  const have = process.versions.node.split('.').map(Number)
  const first = FLOOR.findIndex((part, index) => have[index] !== part)
  if (first === -1 || have[first] > FLOOR[first]) return
  console.error(`failover-client needs Node ${FLOOR.join('.')} or newer; this is Node ${process.versions.node}.`)
  process.exit(1)
}

// Compares what is installed with the lockfile by content: times say nothing after a clone or a switch of branches.
function installed() {
  const record = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(record)) return false
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const present = packagesOf(record)
  return Object.keys(wanted).every((path) => {
    if (path === '') return true
    if (present[path] === undefined) return wanted[path].optional === true || wanted[path].devOptional === true
    return present[path].version === wanted[path].version
  })
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages || {}
  } catch (error) {
    console.error(`Cannot read ${file}: ${error.message}`)
    process.exit(1)
  }
}

function install() {
  console.log('Installing what is missing (npm ci) ...')
  const npm = process.env.npm_execpath || ''
  // No package of ours needs its install script, and newer npm versions do not run them either.
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund']
  const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }
  const result = npm.endsWith('npm-cli.js')
    ? spawnSync(process.execPath, [npm].concat(args), options)
    : spawnSync('npm', args, Object.assign({ shell: process.platform === 'win32' }, options))
  if (result.status === 0) return
  console.error('npm ci failed: see above. It needs the npm registry.')
  process.exit(1)
}
