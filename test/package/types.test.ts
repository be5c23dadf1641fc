import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { bin, root, runNode } from '../support/commands'

const { folder } = inject('consumer')

beforeAll(() => {
  // Users of the Node entries have Node's types; the same ones as here, so that nothing more is to be downloaded.
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true })
  for (const name of ['@types/node', 'undici-types']) {
    cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true })
  }
})

describe('types of the packed package, without skipLibCheck', () => {
  it.each([
    ['import under node16', 'tsconfig.esm.json'],
    ['require under node16', 'tsconfig.cjs.json'],
    ['a bundler, for pages, without Node types', 'tsconfig.bundler.json'],
  ])('resolve for %s', (_, config) => {
    const check = runNode([bin('typescript', 'bin', 'tsc'), '-p', config], folder)
    expect(check.output).toBe('')
    expect(check.status).toBe(0)
  })
})
