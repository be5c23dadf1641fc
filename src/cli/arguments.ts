/** The arguments of the command, read and checked. */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { readDoctorArguments, type DoctorArguments } from './doctor/arguments'

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
  | { readonly kind: 'doctor'; readonly options: DoctorArguments }

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
  json: { type: 'boolean' },
  script: { type: 'boolean' },
  ucc: { type: 'string' },
  endpoint: { type: 'string', multiple: true },
  'ucc-port': { type: 'string' },
  origin: { type: 'string' },
  dns: { type: 'string', multiple: true },
} as const satisfies ParseArgsConfig['options']

/** Which options go with which command. */
const COMMANDS = {
  demo: ['json', 'script'],
  doctor: ['json', 'ucc', 'endpoint', 'ucc-port', 'origin', 'dns'],
} as const satisfies Readonly<Record<string, readonly (keyof typeof OPTIONS)[]>>

/** Reads the arguments behind the program's name. Never throws: what is wrong is said in one line. */
export function parseArguments(args: readonly string[]): CommandRequest {
  try {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
    if (values.help === true) return { kind: 'help' }
    if (values.version === true) return { kind: 'version' }
    const [command, ...rest] = positionals
    if (command === undefined) return wrong('no command given')
    if (command !== 'demo' && command !== 'doctor') return wrong(`unknown command '${command}'`)
    const own: readonly string[] = COMMANDS[command]
    const foreign = Object.keys(values).find((name) => !own.includes(name))
    if (foreign !== undefined) return wrong(`${command} takes no option '--${foreign}'`)
    if (command === 'doctor') return { kind: 'doctor', options: readDoctorArguments(rest, values) }
    if (rest.length > 0) return wrong(`demo takes no argument '${rest.join(' ')}'`)
    const { json = false, script = false } = values
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
