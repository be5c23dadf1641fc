// @ts-check
// A copy of the sources in which a fault may be put: the working tree is never touched.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {{ file: string, find: string, replace: string }} Edit one text, which stands exactly once in its file */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What was installed, built or left there by a run. */
const NO_SOURCE = /^(node_modules|dist.*|coverage|\..*)$/

export class Tree {
  /** @param {string} root */
  constructor(root) {
    this.root = root
  }

  /**
   * Puts the fault in, for as long as `work` lasts.
   * @template T
   * @param {Edit} edit
   * @param {() => Promise<T>} work
   */
  async with({ file, find, replace }, work) {
    const path = join(this.root, file)
    const before = readFileSync(path, 'utf8')
    writeFileSync(
      path,
      before.replace(find, () => replace),
    )
    try {
      return await work()
    } finally {
      writeFileSync(path, before)
    }
  }
}

/** @param {number} count @returns {{ trees: readonly Tree[], remove: () => void }} */
export function plantTrees(count) {
  mkdirSync(join(ROOT, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, '.tmp', 'mutants-'))
  const parts = readdirSync(ROOT).filter((name) => !NO_SOURCE.test(name))
  const trees = Array.from({ length: count }, (_, index) => {
    const root = join(folder, `tree-${index + 1}`)
    for (const part of parts) cpSync(join(ROOT, part), join(root, part), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'dir')
    return new Tree(root)
  })
  return { trees, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** The source has changed under it: a fault that cannot be put in. @param {Edit} edit */
export function isStale({ file, find }) {
  return readFileSync(join(ROOT, file), 'utf8').split(find).length !== 2
}
