/** What the built-in commands do. A name that is not among them answers its `args`: the ledger is the point. */
import type { ExecutionRequest } from './server-types'
import type { Effect, Ledger } from './ledger'
import type { PublishInput } from './fault-options'

interface EffectContext {
  readonly ledger: Ledger
  /** Publishes on all servers, or only on the one that executes. */
  publish(topic: string, change: PublishInput, onlyHere: boolean): { readonly cursor: unknown }
  nextAction(): number
}

export function runEffect(context: EffectContext, { kind, name, args }: ExecutionRequest): Effect {
  const given = typeof args === 'object' && args !== null ? (args as Readonly<Record<string, unknown>>) : {}
  if (kind === 'http') return done({ n: context.nextAction() })
  if (name === 'set') {
    const target = String(given['target'] ?? 'set')
    context.ledger.store(target, given['value'])
    return done({ target, value: given['value'] })
  }
  if (name === 'get') return done({ value: context.ledger.values().get(String(given['target'] ?? 'set')) })
  if (name === 'slow') return { ...done(args), afterMs: Math.max(0, Number(given['delayMs']) || 0) }
  if (name === 'fail')
    return rejected(String(given['code'] ?? 'failed'), String(given['message'] ?? 'failed as ordered'))
  if (name === 'publish') {
    const { topic, key, op, data, only } = given
    if (typeof topic !== 'string' || typeof key !== 'string')
      return rejected('invalid', 'publish needs a topic and a key')
    try {
      const change = { key, data, ...(op === undefined ? {} : { op: op as 'upsert' }) }
      return done({ cursor: context.publish(topic, change, only === true).cursor })
    } catch (error) {
      return rejected('invalid', String(error))
    }
  }
  return done(args)
}

function done(data: unknown): Effect {
  return { answer: { status: 'done', data }, afterMs: 0 }
}

function rejected(code: string, message: string): Effect {
  return { answer: { status: 'rejected', error: { code, message } }, afterMs: 0 }
}
