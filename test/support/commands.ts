/** Node, npm and the programs of this repository, run to their end. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Run {
  readonly status: number | null
  readonly output: string
}

/** Runs Node to its end; never throws, so that a test can show the output. A status of null: it took too long. */
export function runNode(args: readonly string[], cwd: string, timeoutMs = 100_000): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', timeout: timeoutMs })
  return { status, output: `${stdout}${stderr}`.trim() }
}

export function npm(args: readonly string[], cwd: string): string {
  const { npm_execpath: path = '', ...inherited } = process.env
  // What `npm test` or npx hands down speaks of this repository and that command, not of the consumer's project.
  const ours = /^npm_(package|lifecycle|config_(package|call|local_prefix))/
  const env = Object.fromEntries(Object.entries(inherited).filter(([name]) => !ours.test(name)))
  const options = { cwd, env, encoding: 'utf8', timeout: 170_000 } as const
  const { status, stdout, stderr } = path.endsWith('npm-cli.js')
    ? spawnSync(process.execPath, [path, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed:\n${stdout}${stderr}`)
  return stdout
}

export function bin(...path: string[]): string {
  return join(root, 'node_modules', ...path)
}
