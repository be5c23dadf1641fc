// @ts-check
// test/mutants/RESULTS.md: who notices which fault.
import { TIERS } from './tiers.mjs'

/**
 * @typedef {object} Fate what became of a mutant
 * @property {import('../../test/mutants/index.mjs').Mutant} mutant
 * @property {string} [tier] nothing: it survived
 * @property {string} [killer]
 * @property {number} tookMs
 */

/** @param {readonly Fate[]} fates @returns {string} */
export function summary(fates) {
  const byTier = TIERS.map(({ name }) => `${fates.filter(({ tier }) => tier === name).length} by ${name}`)
  const survivors = fates.filter(({ tier }) => tier === undefined).length
  return `${fates.length} faults: ${byTier.join(', ')}, ${survivors} not noticed`
}

/** @param {readonly Fate[]} fates @param {string} setting machine and length of the run */
export function renderResults(fates, setting) {
  return [
    '# Who notices which fault',
    '',
    'Made by `npm run mutants -- --record`; not edited by hand. Each fault is one line of the source, broken on',
    'purpose; the first tier that notices it is named, with one of its cases, invariants or tests.',
    '',
    `${summary(fates)}. ${setting}`,
    '',
    '| fault | what a user would lose | noticed by | tier |',
    '|---|---|---|---|',
    ...fates.map(
      ({ mutant: { name, story, file }, killer = '**nobody**', tier = '' }) =>
        `| [${name}](../../${file}) | ${cell(story)} | ${cell(killer)} | ${tier} |`,
    ),
    '',
  ].join('\n')
}

/** @param {string} text */
function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
