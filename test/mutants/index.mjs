// @ts-check
// Faults that somebody must notice: `npm run mutants` puts each one into a copy of the sources. See CONTRIBUTING.md.
import { CLIENT } from './client.mjs'
import { COMMANDS } from './commands.mjs'
import { CONNECTIONS } from './connections.mjs'
import { POOL } from './pool.mjs'
import { STREAMS } from './streams.mjs'

/**
 * @typedef {object} Mutant one line of the source, broken on purpose
 * @property {string} name
 * @property {string} story what a user would lose, in one sentence
 * @property {string} file
 * @property {string} find stands exactly once in the file
 * @property {string} replace
 */

/** @type {readonly Mutant[]} */
export const MUTANTS = [...POOL, ...CONNECTIONS, ...STREAMS, ...COMMANDS, ...CLIENT]
