import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { root } from '../support/commands'
import setupConsumer from '../support/consumer'

/** The packed package in an empty project outside the repository, with the fixtures of this tier beside it. */
export default function setup(project: TestProject): () => void {
  const remove = setupConsumer(project)
  cpSync(join(root, 'test', 'package', 'fixtures'), project.getProvidedContext().consumer.folder, { recursive: true })
  return remove
}
