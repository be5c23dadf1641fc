// @ts-check
/**
 * Who shows what the fault matrix promises: reads docs/fault-matrix.md, the conformance cases and the tags of tests,
 * and writes test/conformance/COVERAGE.md. A test of the conformance tier holds the committed map to this.
 *
 *     node scripts/coverage.mjs
 *
 * A case names rows by `"faults": [12]`, any other test by the comment `fault-matrix: 12` in the line above it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {object} Row a row of the matrix
 * @property {number} number
 * @property {string} fault
 * @property {readonly string[]} decidedBy
 * @property {string} [missing] why it is not decided yet
 *
 * @typedef {object} Proof a case or test, and the rows it names
 * @property {'case' | 'test'} kind
 * @property {string} file from the root of the repository
 * @property {string} title
 * @property {string} [group] of a case
 * @property {readonly number[]} rows
 *
 * @typedef {{ readonly rows: readonly Row[], readonly proofs: readonly Proof[] }} Coverage
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const MATRIX = 'docs/fault-matrix.md'
export const MAP = 'test/conformance/COVERAGE.md'
const DECIDERS = ['client', 'server', 'nobody']
const TAG = /^\s*\/\/ fault-matrix:(.*)$/
/** A test begins in the line below its tag; its title may be one line further down. */
const TITLE = /\b(?:it|test|describe)\b[^'`"]*?(['`"])(.*?)\1/s

/** @returns {Coverage} as it is in this checkout */
export function readCoverage() {
  const cases = filesBelow('test/conformance', '.json').filter((file) => !file.endsWith('schema.json'))
  const tests = filesBelow('test', '.test.ts')
  return {
    rows: parseMatrix(textOf(MATRIX)),
    proofs: [
      ...cases.map((file) => parseCase(file, textOf(file))),
      ...tests.flatMap((file) => parseTags(file, textOf(file))),
    ],
  }
}

/**
 * @param {string} markdown
 * @returns {readonly Row[]}
 */
export function parseMatrix(markdown) {
  const [rows = '', notYet = ''] = markdown.split('## Not yet')
  const missing = new Map(cellsOf(notYet).map(([number, what]) => [Number(number), what]))
  return cellsOf(rows).map(([number, fault = '', , , decidedBy = '']) => ({
    number: Number(number),
    fault,
    decidedBy: decidedBy.split(', '),
    ...(missing.has(Number(number)) ? { missing: missing.get(Number(number)) ?? '' } : {}),
  }))
}

/** @param {string} markdown the rows that begin with a number, in cells */
function cellsOf(markdown) {
  const lines = markdown.split('\n').filter((line) => /^\| \d+ \|/.test(line))
  return lines.map((line) => line.slice(2, -2).split(' | '))
}

/**
 * @param {string} file
 * @param {string} json
 * @returns {Proof}
 */
export function parseCase(file, json) {
  const { name, group, faults = [] } = JSON.parse(json)
  return { kind: 'case', file, title: name, group, rows: faults }
}

/**
 * @param {string} file
 * @param {string} source
 * @returns {readonly Proof[]}
 */
export function parseTags(file, source) {
  const lines = source.split('\n')
  return lines.flatMap((line, index) => {
    const numbers = TAG.exec(line)?.[1]
    if (numbers === undefined) return []
    const title = TITLE.exec(lines.slice(index + 1, index + 3).join('\n'))?.[2] ?? ''
    return [{ kind: /** @type {const} */ ('test'), file, title, rows: numbers.split(',').map(Number) }]
  })
}

/**
 * @param {Coverage} coverage
 * @returns {readonly string[]} what is wrong with it, in words
 */
export function problemsOf({ rows, proofs }) {
  const known = new Map(rows.map((row) => [row.number, row]))
  const named = new Set(proofs.flatMap((proof) => proof.rows))
  return [
    ...rows.flatMap((row, index) => problemsOfRow(row, index, named)),
    ...proofs.flatMap(({ file, title, rows: numbers }) => [
      ...(title === '' ? [`${file}: a tag stands above no test`] : []),
      ...numbers
        .filter((number) => !known.has(number))
        .map((number) => `${file}: "${title}" names row ${number}, which the matrix does not have`),
    ]),
  ]
}

/**
 * @param {Row} row
 * @param {number} index
 * @param {ReadonlySet<number>} named
 */
function problemsOfRow({ number, decidedBy, missing }, index, named) {
  const problems = []
  if (number !== index + 1) problems.push(`row ${number} stands in place ${index + 1}: rows are counted from 1`)
  const strangers = decidedBy.filter((who) => !DECIDERS.includes(who))
  if (strangers.length > 0)
    problems.push(`row ${number} is decided by "${strangers.join(', ')}", which is nobody known`)
  if (missing !== undefined && named.has(number)) problems.push(`row ${number} is "not yet", and yet somebody names it`)
  const isOurs = decidedBy.includes('client') && missing === undefined
  if (isOurs && !named.has(number)) problems.push(`row ${number} is decided by the client, and nobody shows it`)
  return problems
}

/**
 * @param {Coverage} coverage
 * @returns {string} the map, as Markdown
 */
export function renderMap({ rows, proofs }) {
  const cases = proofs.filter(({ kind }) => kind === 'case')
  const groups = [...new Set(cases.map(({ group }) => group ?? ''))].sort()
  const count = (/** @type {number} */ number, /** @type {string} */ kind) =>
    proofs.filter((proof) => proof.kind === kind && proof.rows.includes(number)).length
  const notYet = rows.filter(({ missing }) => missing !== undefined)
  return [
    '# Who shows what the fault matrix promises',
    '',
    `Made by \`node scripts/coverage.mjs\` from [the matrix](../../${MATRIX}), the conformance cases and the tags`,
    'of tests; not edited by hand. The conformance tier fails where it is not as made, where a row that the client',
    'decides has nobody, and where somebody names a row that does not exist.',
    '',
    `${rows.length} rows, ${notYet.length} of them not yet: ${notYet.map(({ number }) => number).join(', ')}.`,
    '',
    `${cases.length} conformance cases:`,
    '',
    '| group | cases |',
    '|---|---|',
    ...groups.map((name) => `| ${name} | ${cases.filter(({ group }) => group === name).length} |`),
    '',
    '## Rows',
    '',
    '| # | fault | decided by | cases | tests |',
    '|---|---|---|---|---|',
    ...rows.map(({ number, fault, decidedBy, missing }) => {
      const who = missing === undefined ? decidedBy.join(', ') : `${decidedBy.join(', ')}; **not yet**`
      return `| [${number}](#row-${number}) | ${fault} | ${who} | ${count(number, 'case')} | ${count(number, 'test')} |`
    }),
    '',
    ...rows.flatMap((row) => section(row, proofs)),
  ].join('\n')
}

/**
 * @param {Row} row
 * @param {readonly Proof[]} proofs
 */
function section({ number, fault, missing }, proofs) {
  const mine = proofs.filter(({ rows }) => rows.includes(number))
  const lines = mine.map(({ file, title }) => `- [${file}](${relative('test/conformance', file)}): ${title}`)
  const why = missing === undefined ? [] : [`Not yet: ${missing}.`]
  return [`### Row ${number}`, '', `${fault}`, '', ...why, ...lines, '']
}

/**
 * @param {string} folder
 * @param {string} ending
 * @returns {readonly string[]} files, from the root of the repository
 */
function filesBelow(folder, ending) {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  return entries
    .filter((path) => path.endsWith(ending))
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .sort()
}

/** @param {string} file */
function textOf(file) {
  return readFileSync(join(ROOT, file), 'utf8')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const coverage = readCoverage()
  writeFileSync(join(ROOT, MAP), renderMap(coverage))
  const problems = problemsOf(coverage)
  for (const problem of problems) console.error(problem)
  console.log(`${MAP}: ${coverage.proofs.length} cases and tagged tests, ${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
