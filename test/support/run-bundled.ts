/** Runs a TypeScript file of this repository in a Node process of its own: bundled, with an IPC channel. */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { root } from './commands'
import { installedIn } from './library'

export interface Bundled {
  readonly child: ChildProcess
  /** Resolves with the exit code (or the signal's name) when it has ended. */
  readonly ended: Promise<number | string>
  stop(): Promise<void>
}

/** Starts `entry` (relative to the repository) with these arguments. */
export async function runBundled(
  entry: string,
  args: readonly string[] = [],
  nodeOptions: readonly string[] = [],
): Promise<Bundled> {
  const consumer = installedIn()
  // Where Node finds what is not in the bundle: the installed library, or the packages that its sources import.
  const folder = await mkdtemp(join(consumer?.folder ?? join(root, 'node_modules'), '.cache-run-'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await bundle({ entry: join(root, entry) }, folder, consumer !== undefined)
  const child = fork(join(folder, 'entry.js'), [...args], { execArgv: [...nodeOptions], serialization: 'json' })
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

/** Bundles programs into a folder: as users of the package do it, or with the sources of the library in them. */
async function bundle(programs: Record<string, string>, folder: string, isInstalled: boolean): Promise<void> {
  await build({
    // Beside the sources, as in the package: what starts a server looks for its program there.
    entryPoints: isInstalled ? programs : { ...programs, server: join(root, 'src/testing/node/server/main.ts') },
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    // The paths of tsconfig.json lead to the sources.
    ...(isInstalled ? { tsconfigRaw: {} } : { tsconfig: join(root, 'tsconfig.json') }),
    logLevel: 'error',
  })
}
