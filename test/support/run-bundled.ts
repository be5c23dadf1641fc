/** Runs a TypeScript file of this repository in a Node process of its own: bundled, with an IPC channel. */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

export interface Bundled {
  readonly child: ChildProcess
  /** Resolves with the exit code (or the signal's name) when it has ended. */
  readonly ended: Promise<number | string>
  stop(): Promise<void>
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Starts `entry` (relative to the repository) with these arguments. */
export async function runBundled(
  entry: string,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): Promise<Bundled> {
  // Inside the repository, so that the bundle finds its external packages.
  const folder = await mkdtemp(join(ROOT, 'node_modules', '.cache-run-'))
  const outfile = join(folder, 'entry.mjs')
  const target = { platform: 'node' as const, format: 'esm' as const, target: 'node20', packages: 'external' as const }
  await build({ entryPoints: [join(ROOT, entry)], outfile, bundle: true, ...target, logLevel: 'error' })
  const child = fork(outfile, [...args], { execArgv: [...nodeOptions], serialization: 'json' })
  const ended = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  return {
    child,
    ended,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}
