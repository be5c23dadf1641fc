/** The arguments of the command, read and checked. */
import { parseArgs } from 'node:util'

/** What `demo` was asked for. */
export interface DemoArguments {
  /** One JSON object a line instead of prose. */
  readonly json: boolean
  /** Play the fixed script and end, on a terminal too. */
  readonly script: boolean
}

/** What the whole command was asked for. */
export type CommandRequest =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'wrong'; readonly message: string }
  | { readonly kind: 'demo'; readonly options: DemoArguments }

/** Reads the arguments behind the program's name. Never throws: what is wrong is said in one line. */
export function parseArguments(args: readonly string[]): CommandRequest {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'V' },
        json: { type: 'boolean' },
        script: { type: 'boolean' },
      },
    })
    const { help = false, version = false, json = false, script = false } = values
    if (help) return { kind: 'help' }
    if (version) return { kind: 'version' }
    const [command, ...rest] = positionals
    if (command === undefined) return wrong('no command given')
    if (command !== 'demo') return wrong(`unknown command '${command}'`)
    if (rest.length > 0) return wrong(`demo takes no argument '${rest.join(' ')}'`)
    return { kind: 'demo', options: { json, script } }
  } catch (error) {
    return wrong(lineOf(error))
  }
}

/** What was typed is repeated: without the characters that would drive the terminal. */
function wrong(message: string): CommandRequest {
  return { kind: 'wrong', message: message.replace(/\p{Cc}/gu, ' ') }
}

/** Node's own message, without its advice: one line. */
function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const unknown = /^Unknown option '([^']+)'/.exec(text)
  return unknown === null ? (text.split('\n')[0] ?? text) : `unknown option '${unknown[1]}'`
}
