/** What servers put into payloads: values in views, frames of a topic in any order, and texts that are shown. */
import fc from 'fast-check'
import { jsonEqual } from '../../../src/core/json-equal'
import { parseFrame } from '../../../src/core/parse-frame'
import { differences } from '../../../src/core/state-view'
import { TopicMachine } from '../../../src/core/topic'
import type { TopicEffect } from '../../../src/core/topic-protocol'
import type { TopicFrame } from '../../../src/core/wire'
import { errorText, redact, redactError } from '../../../src/client/redact'
import { must } from '../expect'
import { bentJson, bentTexts, bentValues, hostileText } from '../generators'
import type { FuzzTarget } from '../target'

const VALUES = [
  { agent: 'a', state: 'ready', skills: ['x', { level: 1 }], since: 1 },
  [1, 'a', null, true, { a: [] }],
  { b: 1, a: { c: [1, 2] } },
  { a: { c: [1, 2] }, b: 1 },
]

/** JSON with its members sorted, and zero without a sign: equal texts, equal values. Nothing when nested too deeply. */
function canonical(value: unknown): string | undefined {
  const sorted = (_name: string, member: unknown): unknown => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    const entries = Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))
    // As a list, because an object would put names like "7" first; marked, so that it is no list of the server.
    return { of: entries.flat(1), size: entries.length }
  }
  try {
    return JSON.stringify(mapDeep(value, sorted))
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function mapDeep(value: unknown, change: (name: string, member: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapDeep(item, change))
  if (typeof value !== 'object' || value === null) return typeof value === 'number' ? numberText(value) : value
  const inner = Object.entries(value).map(([name, member]): [string, unknown] => [name, mapDeep(member, change)])
  return change('', Object.fromEntries(inner))
}

/** JSON.stringify makes null of what JSON.parse made of 1e999. */
function numberText(value: number): unknown {
  return Number.isFinite(value) ? value + 0 : { infinite: String(value) }
}

const payloads: FuzzTarget<[string, string]> = {
  name: 'payload',
  reads: 'two payloads, compared',
  inputs: fc.tuple(bentJson(VALUES, ['a', 'b', 'length']), bentJson(VALUES, ['a', 'b', 'length'])),
  check(texts) {
    const [left, right] = texts.map(parsed)
    const same = jsonEqual(left, right)
    must(jsonEqual(left, left) && jsonEqual(right, parsed(texts[1])), 'a value equals itself and its copy')
    must(jsonEqual(right, left) === same, 'the order of the two means nothing')
    const forms = [canonical(left), canonical(right)]
    if (!forms.includes(undefined)) must((forms[0] === forms[1]) === same, `equal: ${same}, by their texts: ${!same}`)
  },
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const view: FuzzTarget = {
  name: 'view-values',
  reads: 'values of a view, before and after, as a validator may have made them',
  inputs: bentValues(
    [
      { before: VALUES, after: VALUES },
      { before: VALUES, after: [...VALUES].reverse() },
    ],
    ['0', '1'],
  ),
  check(input) {
    const { before, after } = Object(input) as { before?: unknown; after?: unknown }
    const known = new Map(Object.entries(Object(before) as object))
    const next = new Map(Object.entries(Object(after) as object))
    const { removed, written } = differences(known, next)
    for (const key of removed) known.delete(key)
    for (const key of written) known.set(key, next.get(key))
    must(known.size === next.size && [...next.keys()].every((key) => known.has(key)), 'the keys must be those of after')
    must(differences(known, next).written.length === 0, 'what was made equal must be equal')
  },
}

const FRAMES = [
  { type: 'subscribed', id: 1, kind: 'state', recovered: false, cursor: { epoch: 'e', seq: 4 } },
  { type: 'subscribed', id: 1, kind: 'state', recovered: true, cursor: { epoch: 'e', seq: 4 } },
  { type: 'snapshot', id: 1, cursor: { epoch: 'e', seq: 4 }, items: [{ key: 'a', data: 1 }, { key: '__proto__' }] },
  { type: 'snapshot', id: 1, cursor: { epoch: 'f', seq: 1 }, items: [{ key: 'b', data: { x: 1 } }], more: true },
  { type: 'event', id: 1, seq: 5, op: 'upsert', key: 'a', data: { y: [] }, ts: 5 },
  { type: 'event', id: 1, seq: 6, op: 'remove', key: 'a', ts: 6 },
  { type: 'event', id: 1, seq: 6, op: 'upsert', key: '__proto__', data: { z: 1 } },
]

const topicFrame = bentJson(FRAMES, ['id', 'seq', 'op', 'key', 'data', 'ts', 'more', 'epoch'])

function isTopicFrame(frame: { readonly type: string }): frame is TopicFrame {
  return ['subscribed', 'snapshot', 'event'].includes(frame.type)
}

const topic: FuzzTarget<string[]> = {
  name: 'topic-frames',
  reads: 'frames of one state topic, in any order',
  inputs: fc.array(fc.oneof(topicFrame, fc.constantFrom(...FRAMES.map((one) => JSON.stringify(one)))), {
    maxLength: 12,
  }),
  check(texts) {
    const machine = new TopicMachine({ name: 't', logKeys: 10, staleAfterMs: 5000 })
    const built = new Map<string, unknown>()
    const apply = (effects: readonly TopicEffect[]): void => {
      for (const effect of effects) {
        if (effect.type !== 'batch') continue
        for (const change of effect.changes) {
          if (change.op === 'remove') built.delete(change.key)
          else if (change.op === 'upsert') built.set(change.key, change.data)
        }
        if (effect.view === undefined) continue
        must(effect.view.size === built.size, 'the changes must add up to the view')
        for (const [key, data] of effect.view) must(jsonEqual(built.get(key), data), `${key} must be as in the view`)
      }
    }
    apply(machine.handle(0, { type: 'link-ready', link: 1, server: 'srv1', heartbeatMs: 1000 }))
    for (const [index, text] of texts.entries()) {
      const read = parseFrame(text)
      if (!read.ok) apply(machine.handle(index, { type: 'problem', link: 1, detail: read.problem.detail }))
      else if (read.frame !== undefined && isTopicFrame(read.frame))
        apply(machine.handle(index, { type: 'frame', link: 1, frame: read.frame }))
      must(machine.deadline() >= 0, 'a deadline must be an instant')
    }
  },
}

const SECRETS = ['tok-abcdef-1234567890', 'p%40ss w/rd?&#', 'geheim-äöü-secret']

const shown: FuzzTarget<[string, string]> = {
  name: 'redact',
  reads: 'texts on their way into logs, events and tickets',
  inputs: fc.tuple(
    bentTexts(
      [
        `connect failed: Bearer ${SECRETS[0]} at https://u:${SECRETS[0]}@srv1.contoso.com/?token=${SECRETS[0]}`,
        `{"authorization":"Bearer ${SECRETS[2]}","password":"${SECRETS[1]}"}`,
        `GET /x?sig=${encodeURIComponent(SECRETS[1] ?? '')}&access_token=abc`,
      ],
      [...SECRETS, 'token=', 'Bearer ', 'Basic ', 'eyJhbGciOi.eyJzdWIiOi.x', '"', "'", '\\"', '%3D', '://', '@', ' : '],
    ),
    fc.oneof(hostileText, fc.constantFrom(...SECRETS)),
  ),
  check([text, secret]) {
    const secrets = [...SECRETS, secret]
    const plain = redact(text, secrets)
    must(plain.length <= 4001, `${plain.length} characters`)
    must(!/[^\P{Cc}\t\n]/u.test(plain), 'no control characters')
    for (const known of SECRETS) must(!plain.includes(known), `${known} is shown`)
    const error = new Error(text, { cause: { code: text, message: text } })
    for (const line of [errorText(error, secrets), errorText(text, secrets), redactError(error, secrets).message]) {
      for (const known of SECRETS) must(!line.includes(known), `${known} is shown`)
    }
    must(!errorText(error, secrets).includes('\n'), 'one line')
  },
}

export const valueTargets: readonly FuzzTarget[] = [payloads, view, topic, shown]
