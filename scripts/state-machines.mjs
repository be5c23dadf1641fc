// @ts-check
// Draws docs/state-machines.md from the transition tables in src/core/*-transitions.ts, from which the machines take
// their next state. The comment of each row is its reason.
//   node scripts/state-machines.mjs           writes the file
//   node scripts/state-machines.mjs --check   fails when it is not what would be written
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/**
 * @typedef {{ from: string, event: string, to: string, why: string }} Row
 * @typedef {{ name: string, doc: string, states: string[], rows: Row[] }} Table
 */

const root = fileURLToPath(new URL('..', import.meta.url))
const core = join(root, 'src', 'core')
const file = join(root, 'docs', 'state-machines.md')

/** An event that leads to one state from as many others as this is drawn once, from a node that stands for them. */
const MANY = 6

const HEAD = `# State machines

Written by \`node scripts/state-machines.mjs\` from the tables in \`src/core/*-transitions.ts\`; a test fails when it is
out of date. The machines take their next state from these tables (\`transition\` in \`src/core/transitions.ts\`), so
nothing else can happen: where the compiler knows the present state, a transition that is not listed does not compile,
and elsewhere it is reported as an internal error. Another test plays the machines until every row has been taken.

In the diagrams, events that lead back to the same state are left out; the tables below them list every row.
`

/** What is shown, in order: tables with their headings, and the states they may begin in, if not the first. */
const SECTIONS = [
  {
    title: 'Pool',
    text: 'One for a dedicated hostname: what is known of each endpoint, and where each *seat* (one client) should be.',
    tables: [
      ['LIVENESS_TRANSITIONS', 'Endpoint: liveness'],
      ['BREAKER_TRANSITIONS', 'Endpoint: breaker'],
      ['PLACE_TRANSITIONS', 'Seat: its place'],
      ['SEARCH_TRANSITIONS', 'Seat: its search'],
      ['OLD_LINK_TRANSITIONS', 'Seat: its old connection', 'alive', 'silent', 'gone'],
      ['TRUST_TRANSITIONS', 'Seat: its trust'],
      ['MOVE_TRANSITIONS', 'Seat: its move'],
      ['QUIET_TRANSITIONS', 'Seat: the quiet moment'],
    ],
  },
  {
    title: 'Session',
    text: 'One for a client: it carries out where the pool wants the client to be.',
    tables: [
      ['SESSION_TRANSITIONS', 'Session'],
      ['LINK_TRANSITIONS', 'Link'],
    ],
  },
  {
    title: 'Topic',
    text: 'One for a subscription on the wire: it stays continuous over connections and servers.',
    tables: [
      ['TOPIC_TRANSITIONS', 'Topic'],
      ['LANE_TRANSITIONS', 'Lane'],
    ],
  },
  {
    title: 'Command',
    text: 'One for each command in the outbox of a session.',
    tables: [['COMMAND_TRANSITIONS', 'Command']],
  },
  {
    title: 'Request',
    text: 'One for each routed HTTP request.',
    tables: [
      ['REQUEST_TRANSITIONS', 'Request'],
      ['FLIGHT_TRANSITIONS', 'Attempt in flight'],
    ],
  },
]

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main()

/** @returns {number} exit code */
function main() {
  const text = render()
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return 0
  }
  if (readFileSync(file, 'utf8') === text) return 0
  console.error('docs/state-machines.md is out of date: run `node scripts/state-machines.mjs`.')
  return 1
}

/** The whole of docs/state-machines.md. */
export function render() {
  const tables = new Map(readTables().map((table) => [table.name, table]))
  const parts = [HEAD]
  for (const { title, text, tables: names } of SECTIONS) {
    parts.push(`\n## ${title}\n\n${text}\n`)
    for (const [name = '', heading, ...begins] of names) {
      const table = tables.get(name)
      if (table === undefined) throw new Error(`There is no table ${name} in src/core.`)
      tables.delete(name)
      parts.push(
        `\n### ${heading}\n\n${table.doc}\n\n\`\`\`mermaid\n${diagram(table, begins)}\`\`\`\n\n${listing(table)}`,
      )
    }
  }
  const forgotten = [...tables.keys()]
  if (forgotten.length > 0) throw new Error(`No section shows ${forgotten.join(', ')}.`)
  return parts.join('')
}

/** Every table of src/core. @returns {Table[]} */
export function readTables() {
  const files = readdirSync(core).filter((name) => name.endsWith('-transitions.ts'))
  return files.sort().flatMap((name) => tablesIn(join(core, name)))
}

/** @param {string} path @returns {Table[]} */
function tablesIn(path) {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true)
  return source.statements.filter(ts.isVariableStatement).flatMap((statement) =>
    statement.declarationList.declarations.map((declaration) => {
      const name = declaration.name.getText()
      const literal = literalOf(declaration.initializer)
      if (literal === undefined) throw new Error(`${path}: ${name} is no table.`)
      const states = entriesOf(literal).map(([key]) => key)
      return { name, doc: commentOf(statement), states, rows: rowsOf(name, literal) }
    }),
  )
}

/** @param {string} table @param {ts.ObjectLiteralExpression} literal @returns {Row[]} */
function rowsOf(table, literal) {
  /** @type {Map<string, string>} */
  const said = new Map()
  return entriesOf(literal).flatMap(([from, state]) => {
    const events = literalOf(state.initializer)
    if (events === undefined) throw new Error(`${table}: ${from} has no events.`)
    return entriesOf(events).map(([event, property]) => {
      // A row without a comment means what the event meant the first time.
      const why = commentOf(property) || said.get(event)
      if (why === undefined) throw new Error(`${table}: nobody says what "${event}" in "${from}" is.`)
      if (!said.has(event)) said.set(event, why)
      if (!ts.isStringLiteral(property.initializer)) throw new Error(`${table}: "${event}" in "${from}" leads nowhere.`)
      return { from, event, to: property.initializer.text, why }
    })
  })
}

/** @param {ts.ObjectLiteralExpression} literal @returns {[string, ts.PropertyAssignment][]} */
function entriesOf(literal) {
  return literal.properties.filter(ts.isPropertyAssignment).map((property) => {
    const { name } = property
    return [ts.isStringLiteral(name) ? name.text : name.getText(), property]
  })
}

/** Below `as const satisfies …`. @param {ts.Node | undefined} node @returns {ts.ObjectLiteralExpression | undefined} */
function literalOf(node) {
  if (node === undefined || ts.isObjectLiteralExpression(node)) return node
  return ts.isSatisfiesExpression(node) || ts.isAsExpression(node) ? literalOf(node.expression) : undefined
}

/** Its doc comment, as one line. @param {ts.Node} node */
function commentOf(node) {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)
  return comments
    .map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '')
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim()
}

/**
 * Mermaid's stateDiagram-v2.
 * @param {Table} table
 * @param {readonly string[]} begins where it begins, unless in its first state
 */
function diagram({ states, rows }, begins) {
  const lines = ['stateDiagram-v2']
  const ends = states.filter((state) => !rows.some((row) => row.from === state))
  for (const state of states) if (idOf(state) !== state) lines.push(`state "${state}" as ${idOf(state)}`)
  for (const state of begins.length > 0 ? begins : states.slice(0, 1)) lines.push(`[*] --> ${idOf(state)}`)
  const drawn = rows.filter(({ from, to }) => from !== to)
  const groups = groupedBy(drawn, ({ event, to }) => `${event} ${to}`)
  const many = groups.filter((group) => group.length >= MANY)
  const single = drawn.filter((row) => !many.some((group) => group.includes(row)))
  for (const arrow of groupedBy(single, ({ from, to }) => `${from} ${to}`)) {
    const [{ from, to } = { from: '', to: '' }] = arrow
    lines.push(`${idOf(from)} --> ${idOf(to)}: ${arrow.map(({ event }) => event).join(', ')}`)
  }
  for (const [index, group] of many.entries()) {
    const [{ event, to } = { event: '', to: '' }] = group
    const others = states.filter((state) => state !== to && !ends.includes(state))
    const left = others.filter((state) => !group.some(({ from }) => from === state))
    const which = left.length === 0 ? 'any other state' : `any but ${[...left, to].join(', ')}`
    lines.push(`state "${which}" as many${index + 1}`, `many${index + 1} --> ${idOf(to)}: ${event}`)
  }
  for (const end of ends) lines.push(`${idOf(end)} --> [*]`)
  return `${lines.map((line, index) => (index === 0 ? line : `    ${line}`)).join('\n')}\n`
}

/** Rows with the same key, in order. @param {Row[]} rows @param {(row: Row) => string} keyOf @returns {Row[][]} */
function groupedBy(rows, keyOf) {
  /** @type {Map<string, Row[]>} */
  const groups = new Map()
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row])
  return [...groups.values()]
}

/** A hyphen ends a name in Mermaid. @param {string} state */
function idOf(state) {
  return state.replaceAll('-', '_')
}

/** Every row, in words. @param {Table} table */
function listing({ rows }) {
  const lines = rows.map(({ from, event, to, why }) => `| ${from} | ${event} | ${to} | ${why} |`)
  return ['| in | event | then | why |', '|---|---|---|---|', ...lines, ''].join('\n')
}
