/** The command: that of the installed package, or built from the sources as tsup builds it; a process of its own. */
import { spawn } from 'node:child_process'
import { build } from 'esbuild'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './commands'
import { installedIn } from './library'

// Below node_modules, so that its dependencies are found.
const folder = join(root, 'node_modules', '.cache', 'failover-client', `cli-${process.pid}`)

/** Resolves with the path of `cli.js`; the program of the servers is where it looks for it. */
export async function buildCli(): Promise<string> {
  const consumer = installedIn()
  if (consumer !== undefined) return join(consumer.home, 'dist', 'cli.js')
  await build({
    entryPoints: {
      cli: join(root, 'src/cli/main.ts'),
      'testing/server': join(root, 'src/testing/node/server/main.ts'),
    },
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'silent',
  })
  return join(folder, 'cli.js')
}

/** Removes what `buildCli` made. */
export function removeCli(): void {
  rmSync(folder, { recursive: true, force: true })
}

export interface CliRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly tookMs: number
}

/** Runs it without a terminal. `onLine` hears each line of output as it comes, and may signal the process. */
export function runCli(
  file: string,
  args: readonly string[],
  onLine: (line: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
): Promise<CliRun> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  let told = 0
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString()
    const lines = stdout.split('\n').slice(0, -1)
    for (const line of lines.slice(told)) onLine(line, (signal) => child.kill(signal))
    told = lines.length
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr, tookMs: performance.now() - startedAt }))
  })
}

/** Is there such a process? */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
