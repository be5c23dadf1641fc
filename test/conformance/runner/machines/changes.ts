/** Positions and changes in words: `e7:41`, `upsert anna="busy" (live)`, `gap e7:41 to e9:3 (epoch-changed)`. */
import type { Change } from '../../../../src/core/change'
import type { Cursor } from '../../../../src/core/wire'
import type { Fields } from '../fields'
import { CaseError } from '../fields'

/** @throws CaseError when it is not `epoch:seq` */
export function readPosition(given: Fields, name: string): Cursor {
  const text = given.string(name)
  const [, epoch, seq] = /^(.+):(\d+)$/.exec(text) ?? []
  if (epoch === undefined) throw new CaseError(`${given.path}.${name}`, `"epoch:seq" expected, not "${text}"`)
  return { epoch, seq: Number(seq) }
}

export function inWords({ epoch, seq }: Cursor): string {
  return `${epoch}:${seq}`
}

/** A message that says nothing but its own key is named only. */
export function sentence(change: Change): string {
  if (change.op === 'gap') {
    const from = change.from === undefined ? 'the start' : inWords(change.from)
    return `gap ${from} to ${inWords(change.to)} (${change.reason})`
  }
  if (change.op === 'remove') return `remove ${change.key} (${change.origin})`
  const content = change.data === change.key ? '' : `=${JSON.stringify(change.data)}`
  return `${change.op} ${change.key}${content} (${change.origin})`
}
