/** Every public symbol says what it is: entries of the package, and the members of what they export. */
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const ENTRIES = [
  'src/index.ts',
  'src/index.browser.ts',
  'src/node.ts',
  'src/testing/index.ts',
  'src/testing/node/index.ts',
]

function isDocumented(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  return symbol.getDocumentationComment(checker).length > 0 || symbol.getJsDocTags(checker).length > 0
}

/** Members of an interface, type literal or class that a user reads of: by name, not by symbol. */
function membersOf(symbol: ts.Symbol): ts.Symbol[] {
  return [...(symbol.members?.values() ?? [])].filter(
    ({ flags, declarations, name }) =>
      (flags & (ts.SymbolFlags.Property | ts.SymbolFlags.Method | ts.SymbolFlags.Accessor)) !== 0 &&
      !name.startsWith('__') &&
      !name.includes('#') &&
      (declarations ?? []).some((one) => ts.isTypeElement(one) || ts.isClassElement(one)),
  )
}

it('every export has a docstring, and so has every member of an exported interface', { timeout: 60_000 }, () => {
  const options: ts.CompilerOptions = {
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    types: [],
    noLib: true,
  }
  const program = ts.createProgram(
    ENTRIES.map((entry) => `${root}${entry}`),
    options,
  )
  const checker = program.getTypeChecker()
  const seen = new Set<ts.Symbol>()
  const mute: string[] = []
  for (const entry of ENTRIES) {
    const source = program.getSourceFile(`${root}${entry}`)
    const module = source && checker.getSymbolAtLocation(source)
    if (module === undefined) throw new Error(`${entry} exports nothing`)
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
      const declaration = symbol.declarations?.[0]
      if (seen.has(symbol) || declaration === undefined) continue
      seen.add(symbol)
      const file = relative(root, declaration.getSourceFile().fileName)
      if (!isDocumented(symbol, checker)) mute.push(`${file}: ${symbol.name}`)
      for (const member of membersOf(symbol)) {
        if (!isDocumented(member, checker)) mute.push(`${file}: ${symbol.name}.${member.name}`)
      }
    }
  }
  // An empty list of exports would be silent too.
  expect(seen.size).toBeGreaterThan(80)
  expect(mute).toEqual([])
})
