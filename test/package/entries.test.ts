import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, inject, it } from 'vitest'
import { npm, runNode } from '../support/commands'

type Branch = { import: { types: string }; require: { types: string }; browser?: Branch }

const { folder } = inject('consumer')
const home = join(folder, 'node_modules', 'failover-client')
const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { exports: Record<string, Branch> }
const entries = Object.keys(manifest.exports).filter((entry) => entry !== './package.json')
const print = 'console.log(JSON.stringify(Object.keys(entry).sort()))'

function nameOf(entry: string): string {
  return `failover-client${entry.slice(1)}`
}

function imported(entry: string, ...flags: string[]): Record<string, string[]> {
  const specifier = JSON.stringify(nameOf(entry))
  const module = runNode(
    [...flags, '--input-type=module', '-e', `import * as entry from ${specifier};${print}`],
    folder,
  )
  const common = runNode([...flags, '-e', `const entry = require(${specifier});${print}`], folder)
  expect(module.status, module.output).toBe(0)
  expect(common.status, common.output).toBe(0)
  return { import: JSON.parse(module.output) as string[], require: JSON.parse(common.output) as string[] }
}

/** Names of types alone: what a value is can be seen by importing it. */
function declared(file: string): string[] {
  const program = ts.createProgram([join(home, file)], { skipLibCheck: true, module: ts.ModuleKind.NodeNext })
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(join(home, file))
  const symbol = source && checker.getSymbolAtLocation(source)
  if (!symbol) throw new Error(`${file} declares no module`)
  return checker
    .getExportsOfModule(symbol)
    .map((entry) => (entry.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(entry) : entry))
    .filter((entry) => (entry.flags & ts.SymbolFlags.Value) === 0)
    .map((entry) => entry.name)
    .sort()
}

describe('entries of the packed package', () => {
  it.each(entries)('%s gives import and require the same names', (entry) => {
    const names = imported(entry)
    expect(names['import']).not.toEqual([])
    expect(names['require']).toEqual(names['import'])
  })

  it('gives pages the names it gives Node', () => {
    const names = imported('.', '--conditions=browser')
    expect(names['require']).toEqual(names['import'])
    expect(names['import']).toEqual(imported('.')['import'])
  })

  // A red pin means: be deliberate. To accept: npx vitest run --project package -u
  it('exports what exports.json lists, no more and no less', async () => {
    const pins = Object.fromEntries(
      entries.map((entry) => {
        const types = declared(manifest.exports[entry]?.import.types ?? '')
        return [nameOf(entry), { values: imported(entry)['import'], types }]
      }),
    )
    await expect(`${JSON.stringify(pins, undefined, 2)}\n`).toMatchFileSnapshot('./exports.json')
  })

  it('declares the same names to import, require and pages', () => {
    for (const entry of entries) {
      const branch = manifest.exports[entry]
      if (branch === undefined) continue
      const files = [branch.import, branch.require, branch.browser?.import, branch.browser?.require]
      const lists = files.flatMap((file) => (file === undefined ? [] : [declared(file.types)]))
      for (const list of lists) expect(list).toEqual(lists[0])
    }
  })

  it('lets its manifest be read', () => {
    const read = runNode(['-p', "require('failover-client/package.json').name"], folder)
    expect(read.output).toBe('failover-client')
  })

  it('installs its command', () => {
    const help = npm(['exec', '--no', '--', 'failover-client', '--help'], folder)
    expect(help).toContain('failover-client')
  })
})
