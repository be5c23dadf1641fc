/** The store of a Node program: a folder with one file per key, each replaced atomically. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FailoverError } from '../../errors'
import type { Store } from '../platform'

/** More than any text of ours holds; a larger file is not ours. */
const MAX_CHARACTERS = 1_048_576

/**
 * Keeps the last known good endpoints in a folder, one file per key, readable by its owner only. Any number of stores
 * and processes may share the folder: a file is replaced as a whole, the last to save a key wins, and nobody touches
 * the file of another key.
 * @param folder Made when something is saved.
 * @throws FailoverError `INVALID_OPTION` when `folder` is no text.
 */
export function fileStore(folder: string): Store {
  if (typeof folder !== 'string' || folder === '') {
    throw new FailoverError('INVALID_OPTION', 'folder must be the path of a folder', { field: 'folder' })
  }
  // One write at a time: the last save of a key must also be the last to arrive.
  let turn: Promise<void> = Promise.resolve()
  return {
    load: (key) => read(fileOf(folder, key), key),
    save: (key, value) => {
      turn = turn
        .catch(() => undefined)
        .then(() => replace(folder, fileOf(folder, key), JSON.stringify({ key, value })))
      return turn
    },
  }
}

/** Keys hold URLs, which are no file names. */
function fileOf(folder: string, key: string): string {
  return join(folder, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`)
}

async function read(file: string, key: string): Promise<string | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  // Damaged: given as it is, so that its reader can say so. The next save replaces it.
  return storedIn(text) === undefined ? text : valueIn(text, key)
}

/** The value in a file's text, when it is one of ours and of this key. */
export function valueIn(text: string, key: string): string | undefined {
  const stored = storedIn(text)
  return stored?.key === key ? stored.value : undefined
}

/** Nothing when it is no file of ours. */
function storedIn(text: string): { readonly key: string; readonly value: string } | undefined {
  const { key, value } = (text.length > MAX_CHARACTERS ? {} : (parse(text) ?? {})) as Readonly<Record<string, unknown>>
  return typeof key === 'string' && typeof value === 'string' ? { key, value } : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function replace(folder: string, file: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // A name that nobody else takes, in this process or another one.
  const temporary = `${file}.${randomUUID()}.tmp`
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx' })
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
