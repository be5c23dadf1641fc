// @ts-check
// What a benchmark says: tables on the terminal, and the same as Markdown for RESULTS.md when run.mjs asks for it.
import { appendFileSync } from 'node:fs'

/**
 * @typedef {object} Table
 * @property {string} title
 * @property {readonly string[]} columns
 * @property {readonly (readonly string[])[]} rows
 * @property {readonly string[]} [notes] one sentence each
 */

/** Where run.mjs collects the sections. */
const SINK = process.env['FAILOVER_BENCH_SINK']

/** @param {Table} table */
export function report(table) {
  const lines = aligned(table)
  const notes = table.notes ?? []
  console.log(['', table.title, '', ...lines, ...(notes.length > 0 ? ['', ...notes] : []), ''].join('\n'))
  if (SINK !== undefined) appendFileSync(SINK, `${markdown(table)}\n`)
}

/** @param {string} text */
export function say(text) {
  console.log(text)
}

/** @param {Table} table */
function aligned({ columns, rows }) {
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => (row[index] ?? '').length)),
  )
  const line = (/** @type {readonly string[]} */ cells) =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(columns), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
}

/** @param {Table} table */
function markdown({ title, columns, rows, notes = [] }) {
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const table = [line(columns), line(columns.map(() => '---')), ...rows.map(line)]
  return [`### ${title}`, '', ...table, '', ...notes.map((note) => `${note}\n`)].join('\n')
}
