/**
 * Tests import the library by its own name, as its users do. What that name means is decided here: the sources, for
 * stack traces and quick reruns; or the packed package, which is what users get.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Options } from 'tsup'
import type { Plugin } from 'vitest/config'
import type { TestProject } from 'vitest/node'
import builds from '../../tsup.config'

const NAME = 'failover-client'
const root = fileURLToPath(new URL('../..', import.meta.url))
const sources = join(root, 'src/')

/** Every entry that tsup builds, by the name under which it is imported. */
const ENTRIES = new Map(
  (builds as readonly Options[])
    .flatMap(({ entry = {} }) => Object.entries(entry as Readonly<Record<string, string>>))
    .map(([entry, file]) => [entry === 'index' ? NAME : `${NAME}/${entry}`, join(root, file)]),
)

export function fromSources(): Plugin {
  return { name: 'library-from-sources', enforce: 'pre', resolveId: (id) => ENTRIES.get(id) }
}

/** The library that consumer.ts has installed, found by its own `exports`. No source can slip in beside it. */
export function fromPackage(): Plugin {
  let project: TestProject | undefined
  return {
    name: 'library-from-package',
    enforce: 'pre',
    configureVitest: (context) => void (project = context.project),
    resolveId(id, _importer, options) {
      if (id !== NAME && !id.startsWith(`${NAME}/`)) return undefined
      const folder = project?.getProvidedContext().consumer.folder ?? ''
      // As from a module of that project: an importer that does not exist would stand for this repository.
      return this.resolve(id, join(folder, 'package.json'), { ...options, skipSelf: true })
    },
    load(id) {
      if (id.startsWith(sources)) this.error(`${id} is a source: this tier runs on the packed package only`)
    },
  }
}
