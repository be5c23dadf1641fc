/** The store of a Node program: one file, replaced atomically. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FailoverError } from '../../errors'
import type { Store } from '../platform'

/** More than any store of ours holds; a larger file is not ours. */
const MAX_CHARACTERS = 1_048_576

/**
 * Keeps the last known good endpoints in a JSON file, readable by its owner only.
 * @throws FailoverError `INVALID_OPTION` when `path` is no text.
 */
export function fileStore(path: string): Store {
  if (typeof path !== 'string' || path === '') {
    throw new FailoverError('INVALID_OPTION', 'path must be the path of a file', { field: 'path' })
  }
  let writes = 0
  // One write at a time: two clients may share one store.
  let turn: Promise<void> = Promise.resolve()
  return {
    load: async (key) => (await readAll(path)).get(key),
    save: (key, value) => {
      writes += 1
      const temporary = `${path}.${process.pid}.${writes}.tmp`
      turn = turn.catch(() => undefined).then(() => replace(path, temporary, key, value))
      return turn
    },
  }
}

async function readAll(path: string): Promise<Map<string, string>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
  // What cannot be read is replaced by the next save; until then nothing is known.
  const value = text.length > MAX_CHARACTERS ? undefined : parse(text)
  if (typeof value !== 'object' || value === null) return new Map()
  return new Map(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function replace(path: string, temporary: string, key: string, value: string): Promise<void> {
  const entries = (await readAll(path)).set(key, value)
  await mkdir(dirname(path), { recursive: true })
  try {
    await writeFile(temporary, JSON.stringify(Object.fromEntries(entries)), { mode: 0o600 })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
