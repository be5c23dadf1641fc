/** Reads a readiness body or topology document from untrusted text. A body without `server` and `state` is foreign. */
import { defined, isObject, member, readLoad, readPeers, readState, readTerm, readText } from './parse-frame'
import type { Peer, ReadinessBody } from './wire'

/** The body, or nothing when it did not come from a server of this contract (captive portal, proxy page). */
export function parseReadiness(text: string): ReadinessBody | undefined {
  const value = parseJson(text)
  if (!isObject(value)) return undefined
  const server = readText(member(value, 'server'), 256)
  const state = readState(member(value, 'state'))
  if (server === undefined || server === '' || state === undefined) return undefined
  const versions = member(value, 'versions')
  return defined({
    server,
    state,
    versions: Array.isArray(versions) ? versions.filter((entry): entry is number => Number.isSafeInteger(entry)) : [1],
    ucc: readText(member(value, 'ucc'), 256),
    term: readTerm(member(value, 'term')),
    peers: readPeers(member(value, 'peers')),
    load: readLoad(member(value, 'load')),
    draining: typeof member(value, 'draining') === 'boolean' ? (member(value, 'draining') as boolean) : undefined,
  }) as ReadinessBody
}

/** The `peers` of a topology document, or nothing when there are none to read. */
export function parseTopology(text: string): Peer[] | undefined {
  const value = parseJson(text)
  const peers = isObject(value) ? readPeers(member(value, 'peers')) : undefined
  return peers === undefined || peers.length === 0 ? undefined : peers
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
