/** `failover-client demo`: sets the stage, plays in the form that fits where it runs, and leaves nothing behind. */
import { EXIT, SIGNAL_EXIT, type EndingSignal } from '../exit-codes'
import type { DemoArguments } from '../arguments'
import { playByHand } from './by-hand'
import { playScript } from './play-script'
import { jsonReporter, plainReporter } from './reporters'
import { Stage } from './stage'

/** Runs the demo; resolves with the exit code when everything has ended. */
export async function runDemo({ json, script }: DemoArguments): Promise<number> {
  const abort = new AbortController()
  let interruptedBy: EndingSignal | undefined
  const interrupt = (signal: EndingSignal): void => {
    // Whoever asks twice wants out now: the servers are killed as this process ends.
    if (interruptedBy !== undefined) process.exit(SIGNAL_EXIT[signal])
    interruptedBy = signal
    abort.abort()
  }
  const signals = Object.keys(SIGNAL_EXIT) as EndingSignal[]
  for (const signal of signals) process.on(signal, interrupt)
  try {
    const code = await play(json, script, abort, () => interrupt('SIGINT'))
    if (interruptedBy === undefined) return code
    process.stderr.write('interrupted; nothing is left running\n')
    return SIGNAL_EXIT[interruptedBy]
  } finally {
    for (const signal of signals) process.off(signal, interrupt)
  }
}

async function play(json: boolean, script: boolean, abort: AbortController, interrupt: () => void): Promise<number> {
  const { signal } = abort
  let stage: Stage
  try {
    stage = await Stage.start(signal)
  } catch (error) {
    process.stderr.write(`${whyNot(error)}\n`)
    return EXIT.unable
  }
  try {
    if (signal.aborted) return EXIT.failed
    const { stdin, stdout } = process
    const isTerminal = stdout.isTTY && stdin.isTTY && process.env['TERM'] !== 'dumb'
    if (isTerminal && !json && !script) {
      const hasColours = (process.env['NO_COLOR'] ?? '') === ''
      return await playByHand(stage, { input: stdin, output: stdout, hasColours }, signal, interrupt)
    }
    const reporter = json ? jsonReporter(stdout) : plainReporter(stdout)
    return await playScript(stage, reporter, signal)
  } finally {
    await stage.close()
  }
}

/** Why there is no stage, in one line. */
export function whyNot(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException
  if (code !== 'EADDRNOTAVAIL') return `failover-client: the demo could not start: ${message}`
  return (
    'failover-client: the demo needs two loopback addresses of its own (127.0.0.0/8), and this system has only ' +
    `127.0.0.1 (${message})`
  )
}
