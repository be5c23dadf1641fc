/** What a consumer of topics may rely on. */
import type { Change } from '../../../core/change'
import { sameJson } from '../same-json'
import type { Invariant } from '../invariant'

/** Messages of the workload's logs carry their number: published 1, 2, 3, … */
export function numberOf(change: Change): number | undefined {
  if (change.op === 'gap' || change.op === 'remove') return undefined
  const { data } = change
  return typeof data === 'object' && data !== null && 'n' in data && typeof data.n === 'number' ? data.n : undefined
}

export const noEventLostDuplicatedOrReordered: Invariant = {
  name: 'no-event-lost-duplicated-or-reordered',
  statement:
    'A log delivers each message once and in order; on a shared log none is missing, elsewhere none is missing unsaid.',
  watch({ plan }, violated) {
    const last = new Map<string, { n: number; gap: boolean }>()
    return {
      batch({ client, handle, topic, changes }) {
        if (!topic.endsWith('/log')) return
        const key = `${client} ${handle}`
        for (const change of changes) {
          const before = last.get(key)
          if (change.op === 'gap') {
            // Who has no message yet can prove nothing across sequence spaces: then a gap is the honest answer.
            if (plan.topology.log === 'shared' && before !== undefined)
              violated(`a gap (${change.reason}) on a shared log behind ${before.n}`)
            if (before !== undefined) before.gap = true
            continue
          }
          const n = numberOf(change)
          if (n === undefined) continue
          if (before !== undefined && n <= before.n) violated(`message ${n} behind ${before.n} (${change.origin})`)
          if (before !== undefined && n > before.n + 1 && !before.gap)
            violated(`message ${n} right behind ${before.n}, and no gap told (${change.origin})`)
          last.set(key, { n, gap: false })
        }
      },
    }
  },
}

export const changesReplayToTheView: Invariant = {
  name: 'changes-replay-to-view',
  statement: 'The changes delivered so far, applied to an empty map, are the view, at every step.',
  watch(_run, violated) {
    const maps = new Map<string, Map<string, unknown>>()
    return {
      subscribed({ client, handle, view }) {
        if (view !== undefined) maps.set(`${client} ${handle}`, new Map(view))
      },
      batch({ client, handle, topic, changes, view }) {
        const map = maps.get(`${client} ${handle}`)
        if (map === undefined || view === undefined) return
        for (const change of changes) {
          if (change.op === 'gap') continue
          if ('previous' in change && !sameJson(change.previous, map.get(change.key)))
            violated(`${topic} ${change.key}: \`previous\` is not what was told before`)
          if (change.op === 'remove' && !map.has(change.key)) violated(`${topic} ${change.key}: removed, never told`)
          if (change.op === 'remove') map.delete(change.key)
          else map.set(change.key, change.data)
        }
        const differs = map.size !== view.size || [...map].some(([key, value]) => !sameJson(value, view.get(key)))
        if (differs) violated(`${topic}: replayed ${textOf(map)}, the view is ${textOf(view)}`)
      },
    }
  },
}

export const viewEqualsServerAfterQuiet: Invariant = {
  name: 'view-equals-server-after-quiet',
  statement: 'When nothing has changed for a while, the view of a state topic is what its server has.',
  watch({ clients, truth }, violated) {
    const open = new Map<string, { readonly client: number; readonly topic: string }>()
    const views = new Map<string, ReadonlyMap<string, unknown>>()
    return {
      subscribed({ client, handle, topic, view }) {
        if (view === undefined) return
        open.set(`${client} ${handle}`, { client, topic })
        views.set(`${client} ${handle}`, view)
      },
      unsubscribed({ client, handle }) {
        open.delete(`${client} ${handle}`)
      },
      batch({ client, handle, view }) {
        if (view !== undefined) views.set(`${client} ${handle}`, view)
      },
      quiet() {
        for (const [key, { client, topic }] of open) {
          const server = clients[client]?.client.active?.server
          if (server === undefined) continue
          const theirs = truth.stateOf(server, topic)
          const ours = views.get(key) ?? new Map<string, unknown>()
          const differs =
            theirs.size !== ours.size || [...theirs].some(([item, value]) => !sameJson(value, ours.get(item)))
          if (differs) violated(`client ${client}, ${topic}: ${textOf(ours)} here, ${textOf(theirs)} on ${server}`)
        }
      },
    }
  },
}

export const allDeliveredAfterQuiet: Invariant = {
  name: 'all-delivered-after-quiet',
  statement: 'When nothing has been published for a while, the newest message of a log has been delivered.',
  watch({ clients, truth }, violated) {
    const open = new Map<string, { readonly client: number; readonly topic: string; newest: number }>()
    return {
      subscribed({ client, handle, topic }) {
        if (topic.endsWith('/log')) open.set(`${client} ${handle}`, { client, topic, newest: truth.published(topic) })
      },
      unsubscribed({ client, handle }) {
        open.delete(`${client} ${handle}`)
      },
      batch({ client, handle, changes }) {
        const entry = open.get(`${client} ${handle}`)
        if (entry === undefined) return
        for (const change of changes) entry.newest = Math.max(entry.newest, numberOf(change) ?? 0)
      },
      quiet() {
        for (const { client, topic, newest } of open.values()) {
          const server = clients[client]?.client.active?.server
          const published = server === undefined ? 0 : truth.newestOn(server, topic)
          if (newest < published) violated(`client ${client}, ${topic}: ${newest} of ${published} messages`)
        }
      },
    }
  },
}

function textOf(map: ReadonlyMap<string, unknown>): string {
  return JSON.stringify([...map].sort(([a], [b]) => (a < b ? -1 : 1)))
}
