/** Checks the arguments of the client's methods; wrong ones throw `INVALID_OPTION` before anything is started. */
import type { CommandSafety } from '../core/command-protocol'
import { readCursor } from '../core/parse-frame'
import type { Cursor, TopicKind } from '../core/wire'
import { EVENTS, type FailoverEventName } from './events'
import type { TopicDescription } from './option-types'
import {
  checkKeys,
  checkMembers,
  checkRule,
  checkSignalOption,
  fail,
  given,
  list,
  nearest,
  refuse,
  type Given,
  type Rule,
} from './options-check'

/** Topic names and message keys a server may be sent (`parse-frame.ts` reads as much). */
const NAME: Rule = { kind: 'text', maxLength: 1024 }
const KINDS: readonly TopicKind[] = ['state', 'log', 'ephemeral']
export const SAFETIES: readonly CommandSafety[] = ['read', 'set', 'keyed', 'claim', 'effect']
const SIGNALS = ['suspend', 'resume', 'online', 'offline'] as const

/** Options are optional; `undefined` is none. */
function optional(options: unknown, known: readonly string[]): Given {
  return options === undefined ? {} : checkKeys(options, known, '')
}

function checkedSignal(options: Given): { readonly signal?: AbortSignal } {
  const signal = checkSignalOption(given(options, 'signal'), 'signal')
  return signal === undefined ? {} : { signal }
}

/** Arguments of `stateTopic`, `logTopic`, `ephemeralTopic`. */
export function checkTopicArguments(name: unknown, options: unknown): Pick<TopicDescription, 'name' | 'parse'> {
  const checkedName = checkRule(NAME, name, 'topic') as string
  const members = checkMembers(optional(options, ['parse']), { parse: { kind: 'function' } }, '')
  return { name: checkedName, ...members }
}

export interface SubscribeArguments {
  readonly name: string
  readonly kind?: TopicKind
  readonly parse?: (data: unknown) => unknown
  readonly cursor?: Cursor
  readonly maxBuffered?: number
  readonly freshWithinMs?: number
  readonly signal?: AbortSignal
}

/** Arguments of `subscribe(topic, options)`. A topic is a name or what `stateTopic` and its like return. */
export function checkSubscribeArguments(topic: unknown, options?: unknown): SubscribeArguments {
  const object = optional(options, ['cursor', 'maxBuffered', 'freshWithinMs', 'signal'])
  const rules: Readonly<Record<string, Rule>> = {
    maxBuffered: { kind: 'integer', min: 1 },
    freshWithinMs: { kind: 'ms' },
  }
  const cursor = given(object, 'cursor')
  return {
    ...checkTopic(topic),
    ...checkMembers(object, rules, ''),
    ...(cursor === undefined ? {} : { cursor: checkCursor(cursor) }),
    ...checkedSignal(object),
  }
}

function checkTopic(topic: unknown): Pick<SubscribeArguments, 'name' | 'kind' | 'parse'> {
  if (typeof topic === 'string') return { name: checkRule(NAME, topic, 'topic') as string }
  if (typeof topic !== 'object' || topic === null || Array.isArray(topic)) {
    return fail('topic', 'must be a name, or what stateTopic(), logTopic() or ephemeralTopic() returns', topic)
  }
  // Its own members or a class's: topics may be made elsewhere, so only what is needed is looked at.
  const { name, kind, parse } = topic as Partial<TopicDescription>
  return {
    name: checkRule(NAME, name, 'topic.name') as string,
    ...(kind === undefined ? {} : { kind: checkRule({ kind: 'choice', of: KINDS }, kind, 'topic.kind') as TopicKind }),
    ...(parse === undefined
      ? {}
      : { parse: checkRule({ kind: 'function' }, parse, 'topic.parse') as (data: unknown) => unknown }),
  }
}

function checkCursor(value: unknown): Cursor {
  const right = 'must be a cursor { epoch: text, seq: integer from 0 }, as subscription.cursor gives it'
  return readCursor(value) ?? fail('cursor', right, value)
}

export interface CommandArguments {
  readonly name: string
  /** `null` where none were given: `undefined` has no JSON. */
  readonly args: unknown
  /** Size of the arguments as UTF-8 JSON. */
  readonly bytes: number
  readonly safety: CommandSafety
  /** Nothing: to be drawn. */
  readonly key?: string
  readonly target: string
  /** Nothing: `commands.deadlineMs`. */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

const COMMAND_RULES: Readonly<Record<string, Rule>> = {
  safety: { kind: 'choice', of: SAFETIES },
  key: { kind: 'text' },
  target: NAME,
  deadlineMs: { kind: 'ms' },
}

/** Arguments of `command(name, args, options)`. */
export function checkCommandArguments(name: unknown, args?: unknown, options?: unknown): CommandArguments {
  const checkedName = checkRule(NAME, name, 'name') as string
  const object = optional(options, [...Object.keys(COMMAND_RULES), 'signal'])
  const defaults = { safety: 'effect' as CommandSafety, target: checkedName }
  const text = jsonText(args === undefined ? null : args)
  return {
    name: checkedName,
    // As it is now: what the caller does to the object while the command waits must not change or break it.
    args: JSON.parse(text) as unknown,
    bytes: utf8Length(text),
    ...defaults,
    ...(checkMembers(object, COMMAND_RULES, '') as Partial<typeof defaults>),
    ...checkedSignal(object),
  }
}

function jsonText(args: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(args) as string | undefined
  } catch (cause) {
    // A ring or a bigint. The cause may quote the payload, so only its kind is told.
    const kind = cause instanceof TypeError ? 'it cannot be serialised' : 'its toJSON failed'
    const why = cause instanceof RangeError ? 'it is nested too deeply' : kind
    refuse('args', `must be JSON (no rings, no bigint): ${why}`)
  }
  return text ?? fail('args', 'must be JSON', args)
}

/** Without encoding: arguments may be large, and only their size is wanted. */
function utf8Length(text: string): number {
  let bytes = text.length
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    // A surrogate pair is two units and four bytes.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return bytes
}

/** Arguments of `switchover(options)`; `to` as text. */
export function checkSwitchoverArguments(options?: unknown): { to?: string; reason?: string; hold: boolean } {
  const object = optional(options, ['to', 'reason', 'hold'])
  const to = given(object, 'to')
  const text: Rule = { kind: 'text', maxLength: 2048 }
  const rules: Readonly<Record<string, Rule>> = { reason: { kind: 'text' }, hold: { kind: 'boolean' } }
  return {
    hold: false,
    ...(to === undefined ? {} : { to: checkRule(text, to instanceof URL ? to.href : to, 'to') as string }),
    ...checkMembers(object, rules, ''),
  }
}

/** Arguments of `ready(options)`. */
export function checkReadyArguments(options?: unknown): { timeoutMs?: number; signal?: AbortSignal } {
  const object = optional(options, ['timeoutMs', 'signal'])
  return { ...checkMembers(object, { timeoutMs: { kind: 'ms', min: 0 } }, ''), ...checkedSignal(object) }
}

/** Argument of `notify(signal)`. */
export function checkNotifyArguments(signal: unknown): (typeof SIGNALS)[number] {
  return checkRule({ kind: 'choice', of: SIGNALS }, signal, 'signal') as (typeof SIGNALS)[number]
}

/** Arguments of `on`, `once` and `off`: a misspelt event would never come, and nobody would notice. */
export function checkListenerArguments(name: unknown, listener: unknown): FailoverEventName {
  if (typeof name !== 'string' || !Object.hasOwn(EVENTS, name)) {
    const near = typeof name === 'string' ? nearest(name, Object.keys(EVENTS)) : undefined
    return fail(
      'name',
      near === undefined ? `must be ${list(Object.keys(EVENTS), 'or')}` : `must be an event; did you mean ${near}?`,
      name,
    )
  }
  checkRule({ kind: 'function' }, listener, 'listener')
  return name as FailoverEventName
}
