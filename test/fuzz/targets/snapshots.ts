/** What was stored, and what resolvers of users answer: endpoints as hints, believed by the same rules as any. */
import { isIP } from 'node:net'
import fc from 'fast-check'
import { readStored } from '../../../src/client/last-known-good'
import { resolveOptions } from '../../../src/client/options'
import { Resolution } from '../../../src/client/resolution'
import { valueIn } from '../../../src/platform/node/file-store'
import type { Platform } from '../../../src/platform/platform'
import { finite, list, must, mustRoundTrip, shape, text } from '../expect'
import { bentJson, bentValues } from '../generators'
import type { FuzzTarget } from '../target'

const NOW = 1_767_225_600_000
const ENDPOINTS = [
  { url: 'https://srv1.contoso.com', server: 'srv1' },
  { url: 'https://a365web1.contoso.com', address: '10.0.0.2' },
  { url: 'https://evil.example' },
  { url: 'http://srv3.contoso.com' },
]
/** Doubled once, more than is read. */
const MANY = [...ENDPOINTS, ...ENDPOINTS, ...ENDPOINTS]
const SNAPSHOT = {
  version: 1,
  savedAt: NOW - 1000,
  endpoints: ENDPOINTS,
  active: 'https://a365web1.contoso.com#10.0.0.2',
}
const NAMES = ['url', 'server', 'address', 'rank', 'designated', 'active', 'endpoints', 'savedAt', 'version']

const config = resolveOptions({
  hostname: 'a365web1.contoso.com',
  endpoints: ['https://srv1.contoso.com', { url: 'https://srv2.contoso.com', address: '10.0.0.9' }],
})

const named = list(shape({ url: text(2048) }, { address: text(64), server: text(256) }), 16)
const seeds = list(
  shape(
    { id: text(30_000, 8), url: text(30_000, 8), name: text(30_000, 1), rank: finite },
    { address: text(64), server: text(30_000), site: text(256), hostname: text(253) },
  ),
)

/** Neither endpoint nor warning of a stranger gets through. */
function mustBeAccepted(answer: Parameters<Resolution['accept']>[1]): void {
  const hooks = { merge: () => undefined, designated: () => undefined, known: () => [], warn: () => undefined }
  const accepted = new Resolution(config, {} as Platform, hooks).accept('the store', answer)
  seeds(accepted, 'seeds')
  for (const { url } of accepted) {
    must(/^https:\/\/[\w-]+\.contoso\.com(?:[:/]|$)/.test(url), `${url} was accepted`)
  }
}

const stored: FuzzTarget<string> = {
  name: 'last-known-good',
  reads: 'the stored endpoints',
  inputs: bentJson([SNAPSHOT, { ...SNAPSHOT, endpoints: MANY }], NAMES),
  check(input) {
    const read = readStored(input, NOW)
    if (read === 'corrupt') return
    const endpoints = read.named
    named(endpoints, 'endpoints')
    for (const [, address] of read.addresses) must(isIP(address) !== 0, `${address} is no address`)
    const { active: _who, ...kept } = { ...SNAPSHOT, endpoints }
    mustRoundTrip(kept, (again) => {
      const told = readStored(again, NOW)
      return { ...kept, endpoints: told === 'corrupt' ? [] : told.named }
    })
    mustBeAccepted(endpoints)
  },
}

const resolver: FuzzTarget = {
  name: 'resolver-answer',
  reads: "the answer of a user's resolver",
  inputs: bentValues([ENDPOINTS, [...ENDPOINTS, ...ENDPOINTS]], NAMES),
  check(input) {
    // Anything but an array is refused before.
    if (Array.isArray(input)) mustBeAccepted(input as typeof ENDPOINTS)
  },
}

const KEY = 'failover-client https://a365web1.contoso.com'

const file: FuzzTarget<string> = {
  name: 'store-file',
  reads: 'a file of fileStore',
  inputs: fc.oneof(
    bentJson([{ key: KEY, value: 'x' }], ['key', 'value']),
    fc.string({ unit: 'binary' }).map((value) => JSON.stringify({ key: KEY, value })),
  ),
  check(input) {
    const value = valueIn(input, KEY)
    if (value === undefined) return
    text(input.length)(value, 'value')
    must(valueIn(JSON.stringify({ key: KEY, value }), KEY) === value, 'must read back as written')
    must(valueIn(input, `${KEY}/other`) === undefined, "another key's file")
  },
}

export const snapshotTargets: readonly FuzzTarget[] = [stored, resolver, file]
