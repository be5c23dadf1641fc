#!/usr/bin/env node
/** The command `failover-client`: reads its arguments and runs what they ask for. */
import { parseArguments } from './arguments'
import { EXIT } from './exit-codes'
import { helpText } from './help'
import { runDemo } from './demo/run-demo'
import { runDoctor } from './doctor/run-doctor'
import { VERSION } from '../client/version'

async function main(): Promise<number> {
  const request = parseArguments(process.argv.slice(2))
  switch (request.kind) {
    case 'help':
      process.stdout.write(helpText())
      return EXIT.ok
    case 'version':
      process.stdout.write(`${VERSION}\n`)
      return EXIT.ok
    case 'wrong':
      process.stderr.write(`failover-client: ${request.message} (see failover-client --help)\n`)
      return EXIT.usage
    case 'demo':
      return runDemo(request.options)
    case 'doctor': {
      const code = await runDoctor(request.options)
      // The system's own look-up cannot be taken back, and would keep the process for as long as it takes.
      process.exit(code)
    }
  }
}

// Whoever reads our output may stop reading (`| head`): that is no failure worth a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  throw error
})

process.exitCode = await main()
