// @ts-check
// What `npm test` runs, in its order. A check is one command that passes or fails; a tier is a vitest project.
import { spawnSync } from 'node:child_process'
import { CHROMIUM_HINT, findChromium } from './chromium.mjs'

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {string[][]} commands arguments to node, each one check
 *
 * @typedef {object} Tier
 * @property {string} name the vitest project and the folder below test/
 * @property {boolean} [built] runs on dist/
 * @property {boolean} [packed] its tests import the library from the packed package, not from its sources
 * @property {boolean} [extra] not part of `npm test`
 * @property {() => string | undefined} [missing] what this machine lacks for it, in one line
 */

const tsc = 'node_modules/typescript/bin/tsc'

/** @type {readonly Check[]} */
export const CHECKS = [
  { name: 'build', commands: [['scripts/build.mjs', '--if-needed']] },
  {
    name: 'tsc',
    commands: [
      [tsc, '-p', 'tsconfig.json', '--noEmit'],
      [tsc, '-p', 'tsconfig.core.json', '--noEmit'],
    ],
  },
  { name: 'lint', commands: [['node_modules/eslint/bin/eslint.js', '.']] },
  { name: 'format', commands: [['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.']] },
]

/** @type {readonly Tier[]} */
export const TIERS = [
  { name: 'unit' },
  { name: 'types' },
  { name: 'conformance' },
  { name: 'simulation' },
  { name: 'contract' },
  { name: 'integration', built: true, packed: true },
  { name: 'package', built: true },
  { name: 'browser', built: true, missing: () => (findChromium() === undefined ? CHROMIUM_HINT : undefined) },
  { name: 'lab', extra: true, missing: missingForLab },
]

/** What this machine lacks for the lab, in one line. @returns {string | undefined} */
export function missingForLab() {
  const absent = ['named', 'haproxy', 'nft', 'ip'].filter((tool) => !runs(tool))
  if (absent.length > 0) return `not found: ${absent.join(', ')}; on Debian, as root: npm run setup:system`
  return process.getuid?.() === 0 ? undefined : 'must run as root: it makes network namespaces'
}

/** @param {string} tool */
function runs(tool) {
  return spawnSync(tool, ['-v'], { stdio: 'ignore' }).error === undefined
}
