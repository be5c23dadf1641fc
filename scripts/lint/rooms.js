// @ts-check
// The house rule "arrows point down": which folder of src/ may import from which, and which packages.
// One table; ARCHITECTURE.md explains it.
import { posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {object} Room
 * @property {string} path a folder of src/, or a file without its ending; the longest match wins
 * @property {readonly string[]} imports rooms it may import, beside itself
 * @property {readonly string[]} [types] rooms of which it may import types only
 * @property {readonly string[]} [packages] packages it may import; `node:` is every Node built-in
 */

const BELOW = ['errors', 'core', 'platform']
const WORKERS = ['driver', 'transports', 'streams', 'drop-in']
const CLIENT = [...BELOW, ...WORKERS, 'client']
const ENTRIES = ['index', 'index.browser', 'node', 'contact-center', 'testing']

/** @type {readonly Room[]} */
export const ROOMS = [
  { path: 'errors', imports: [] },
  { path: 'core', imports: ['errors'], packages: ['cockatiel'] },
  { path: 'platform', imports: ['errors'], types: ['core'] },
  { path: 'platform/web-socket', imports: ['errors', 'platform'], types: ['core'], packages: ['isomorphic-ws'] },
  {
    path: 'platform/node',
    imports: ['errors', 'platform', 'platform/web-socket'],
    types: ['core'],
    packages: ['node:', 'undici'],
  },
  { path: 'platform/browser', imports: ['errors', 'platform', 'platform/web-socket'], types: ['core'] },
  { path: 'transports', imports: BELOW, packages: ['eventsource-parser'] },
  { path: 'driver', imports: BELOW, types: ['transports'], packages: ['cockatiel'] },
  { path: 'streams', imports: [...BELOW, 'transports'] },
  { path: 'drop-in', imports: [...BELOW, 'transports'], types: ['client'], packages: ['eventsource-parser'] },
  { path: 'client', imports: [...BELOW, ...WORKERS], packages: ['eventemitter3'] },
  { path: 'contact-center', imports: ['errors', 'client'] },
  { path: 'testing', imports: CLIENT },
  {
    path: 'testing/node',
    imports: [...CLIENT, 'testing', 'platform/node', 'platform/web-socket'],
    packages: ['node:', 'ws', 'undici'],
  },
  {
    path: 'cli',
    imports: [...CLIENT, ...ENTRIES, 'platform/node', 'testing/node'],
    packages: ['node:'],
  },
  // What both index entries export.
  { path: 'public', imports: CLIENT },
  { path: 'index', imports: [...CLIENT, 'public', 'platform/node', 'platform/web-socket'] },
  { path: 'index.browser', imports: [...CLIENT, 'public', 'platform/browser', 'platform/web-socket'] },
  { path: 'node', imports: [...CLIENT, 'platform/node', 'platform/web-socket'], packages: ['node:', 'undici'] },
]

const source = fileURLToPath(new URL('../../src/', import.meta.url))

/** @param {string} path below src/, without ending @returns {Room | undefined} */
function roomOf(path) {
  const holds = ROOMS.filter((room) => path === room.path || path.startsWith(`${room.path}/`))
  return holds.sort((one, other) => other.path.length - one.path.length)[0]
}

/**
 * Why this import may not be, or nothing.
 * @param {string} from file below src/
 * @param {string} specifier
 * @param {boolean} typeOnly
 * @returns {string | undefined}
 */
export function objection(from, specifier, typeOnly) {
  const room = roomOf(withoutEnding(from))
  if (room === undefined) return `src/${from} is in no room: add its folder to the table in scripts/lint/rooms.js.`
  if (!specifier.startsWith('.')) return objectionToPackage(room, specifier)
  const path = withoutEnding(posix.join(posix.dirname(from), specifier))
  const target = roomOf(path)
  if (target === undefined) return `'${specifier}' leads to no room of src/.`
  if (target === room || room.imports.includes(target.path)) return undefined
  const typesOnly = room.types?.includes(target.path) ?? false
  if (typesOnly && typeOnly) return undefined
  const allowed = [...room.imports, ...(room.types ?? []).map((name) => `${name} (types)`)].join(', ') || 'nothing'
  return `Arrows point down: ${room.path} may import ${allowed}; not ${target.path}${typesOnly ? ' for values' : ''}.`
}

/** @param {Room} room @param {string} specifier @returns {string | undefined} */
function objectionToPackage(room, specifier) {
  const allowed = room.packages ?? []
  if (allowed.some((name) => specifier === name || specifier.startsWith(`${name}/`))) return undefined
  if (specifier.startsWith('node:') && allowed.includes('node:')) return undefined
  return `${room.path} may import ${allowed.length === 0 ? 'no package' : allowed.join(', ')}; not '${specifier}'.`
}

/** @param {string} path */
function withoutEnding(path) {
  const bare = path.replace(/\.(ts|js|mts|cts)$/, '')
  return bare.endsWith('/index') && bare !== 'index' ? bare.slice(0, -'/index'.length) : bare
}

/** @type {import('eslint').Rule.RuleModule} */
export const arrows = {
  meta: { type: 'problem', schema: [], docs: { description: 'imports point down, as ARCHITECTURE.md draws them' } },
  create(context) {
    const from = relative(source, context.filename).split(sep).join('/')
    /** @param {any} node @param {any} literal @param {boolean} typeOnly */
    const check = (node, literal, typeOnly) => {
      if (typeof literal?.value !== 'string') return
      const message = objection(from, literal.value, typeOnly)
      if (message !== undefined) context.report({ node, message })
    }
    /** @param {any} node */
    const declaration = (node) => check(node, node.source, (node.importKind ?? node.exportKind) === 'type')
    return {
      ImportDeclaration: declaration,
      ExportNamedDeclaration: declaration,
      ExportAllDeclaration: declaration,
      ImportExpression: (/** @type {any} */ node) => check(node, node.source, false),
      TSImportType: (/** @type {any} */ node) => check(node, node.source ?? node.argument?.literal, true),
    }
  },
}
