/** A client in a process of its own, which can be blocked, stopped and continued without stopping the cluster. */
import { createFailoverClient, logTopic } from 'failover-client'

export interface ClientProcessSetup {
  readonly hostname: string
  readonly endpoints: readonly string[]
  readonly ucc: string
  readonly topic: string
}

/** What it tells its parent. */
export type ClientProcessNews =
  | { readonly type: 'state'; readonly to: string }
  | { readonly type: 'moved'; readonly kind: string; readonly reason: string }
  | { readonly type: 'keys'; readonly keys: readonly string[] }
  | { readonly type: 'decision'; readonly kind: string; readonly sentence: string }
  | { readonly type: 'breakers'; readonly breakers: readonly string[] }

const setup = JSON.parse(process.argv[2] ?? '{}') as ClientProcessSetup
const tell = (news: ClientProcessNews): void => void process.send?.(news)
const client = createFailoverClient({ hostname: setup.hostname, endpoints: setup.endpoints, ucc: setup.ucc })

client.on('stateChange', ({ to }) => tell({ type: 'state', to }))
client.on('decision', ({ kind, sentence }) => tell({ type: 'decision', kind, sentence }))
for (const kind of ['failover', 'switchover', 'failback'] as const) {
  client.on(kind, ({ reason }) => tell({ type: 'moved', kind, reason }))
}
client.subscribe(logTopic(setup.topic)).on('batch', (changes) => {
  tell({ type: 'keys', keys: changes.map((change) => (change.op === 'gap' ? 'gap' : change.key)) })
})

process.on('message', (message: { readonly block?: number; readonly ask?: true; readonly close?: true }) => {
  if (message.block !== undefined) {
    const until = performance.now() + message.block
    // Busy on purpose: a page or a program that computes does just this.
    while (performance.now() < until);
  }
  if (message.ask === true) tell({ type: 'breakers', breakers: client.endpoints.map((endpoint) => endpoint.breaker) })
  if (message.close === true) void client.close().then(() => process.disconnect())
})
