/** What the documents say of names, defaults and each other is true. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { DEFAULTS, ERROR_CODES, EVENTS, MOVE_REASONS, WARNINGS } from '../../src/index'

const root = fileURLToPath(new URL('../..', import.meta.url))
const DOCUMENTS = readdirSync(root).filter((name) => name.endsWith('.md'))
const readme = read('README.md')

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** Rows of a table, by the code in the first cell. */
function rowsOf(section: string): ReadonlyMap<string, string> {
  const start = readme.indexOf(section)
  if (start === -1) throw new Error(`README has no ${section}`)
  const rows = new Map<string, string>()
  for (const line of readme.slice(start).split('\n').slice(2)) {
    if (line.startsWith('## ')) break
    const name = /^\| `([^`]+)` \| (.*) \|$/.exec(line)
    if (name?.[1] !== undefined && name[2] !== undefined) rows.set(name[1], name[2])
  }
  return rows
}

/** As the table shows a default. */
function shown(value: unknown): string {
  if (typeof value === 'function') return '`readinessProbe()`'
  return `\`${typeof value === 'string' ? value : JSON.stringify(value).replaceAll(',', ', ').replaceAll('"', "'")}\``
}

/** The sources, without the table of warnings itself. */
function sources(): string {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('warnings.ts'))
    .map((path) => read(join('src', path)))
    .join('\n')
}

describe('README', () => {
  it('lists every tuning option with its default', () => {
    const rows = rowsOf('\n## Options')
    const wrong = Object.entries(DEFAULTS).flatMap(([group, members]) =>
      Object.entries(members).filter(
        ([name, value]) => !rows.get(`${group}.${name}`)?.startsWith(`${shown(value)} | `),
      ),
    )
    expect(wrong).toEqual([])
    const known = new Set(
      Object.entries(DEFAULTS).flatMap(([group, members]) => Object.keys(members).map((name) => `${group}.${name}`)),
    )
    const tuning = [...rows.keys()].filter((name) => name.includes('.') && name !== 'health.referenceUrl')
    expect(tuning.filter((name) => !known.has(name))).toEqual([])
  })

  it('lists events, reasons of moves and errors in their own words', () => {
    const said = rowsOf('\n## What the client says')
    for (const [name, text] of Object.entries({ ...EVENTS, ...MOVE_REASONS })) {
      // `switchover` is an event and a reason.
      if (name !== 'switchover') expect(said.get(name), name).toBe(text)
    }
    expect(Object.fromEntries(rowsOf('\n## Errors'))).toEqual(ERROR_CODES)
  })

  it('lists the warnings that are raised, in their own words', () => {
    const text = sources()
    const raised = Object.entries(WARNINGS).filter(([code]) => text.includes(`'${code}'`))
    const expected = raised.map(([code, { means, remedy }]) => [code, `${means} | ${remedy}`])
    expect(Object.fromEntries(rowsOf('\n## Warnings'))).toEqual(Object.fromEntries(expected))
  })
})

describe.each(DOCUMENTS)('%s', (document) => {
  const text = read(document)

  it('links to what is there', () => {
    // Code has brackets and parentheses of its own.
    const prose = text.replace(/^ *```[^]*?^ *```$/gm, '').replace(/`[^`\n]*`/g, '')
    const links = [...prose.matchAll(/\]\((?!https?:)([^)\s]*?)(?:#([^)]*))?\)/g)]
    const broken = links.filter(([, path = '', anchor]) => {
      const target = path === '' ? document : join(dirname(document), path)
      if (!existsSync(join(root, target))) return true
      return anchor !== undefined && !anchorsOf(read(target)).includes(anchor)
    })
    expect(broken.map(([link]) => link)).toEqual([])
  })

  it('names files of the repository that are there', () => {
    const named = [...text.matchAll(/`((?:src|test|scripts|examples|bench)\/[\w./-]*)`/g)].map(([, path = '']) => path)
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})

/** As GitHub makes them from headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
