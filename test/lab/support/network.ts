/**
 * The lab's network: one namespace a host (scripts/lab.mjs made them), and cuts in it with nftables. What is cut is cut
 * for packets; the processes and the channel they are steered by notice nothing.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { onCleanup } from '../../support/harness'

const ADDRESSES = {
  client: '10.88.0.100',
  dns: '10.88.0.53',
  cache: '10.88.0.54',
  lb1: '10.88.0.80',
  lb2: '10.88.0.81',
  srv1: '10.88.0.11',
  srv2: '10.88.0.12',
  srv3: '10.88.0.13',
  srv4: '10.88.0.14',
} as const

/** Whatever rules there are or are not: gone. */
const ANEW = 'table ip lab\ndelete table ip lab'

export type LabHost = keyof typeof ADDRESSES

export function addressOf(host: LabHost): string {
  return ADDRESSES[host]
}

/** What comes before a command line to run it on that host. */
export function within(host: LabHost): readonly string[] {
  const prefix = process.env['FAILOVER_LAB']
  if (prefix === undefined) throw new Error('these tests run in the network of scripts/lab.mjs: npm run test:lab')
  return ['ip', 'netns', 'exec', `${prefix}${host}`]
}

export interface Cut {
  /** Whose packets, those of all hosts where it is left out. */
  readonly from?: LabHost
  /** `both` (default): nothing gets in or out; `in`, `out`: this way only. */
  readonly way?: 'both' | 'in' | 'out'
  /** `drop` (default): a black hole; `reset`: TCP is answered with RST. */
  readonly how?: 'drop' | 'reset'
}

/** Cuts a host off, for all protocols; healed after the test at the latest. */
export async function cut(host: LabHost, { from, way = 'both', how = 'drop' }: Cut = {}): Promise<void> {
  const act = how === 'drop' ? 'drop' : 'meta l4proto tcp reject with tcp reset'
  const whose = (field: 'saddr' | 'daddr'): string => (from === undefined ? '' : `ip ${field} ${addressOf(from)}`)
  const input = `chain input {
    type filter hook input priority 0
    iifname != "lo" ${whose('saddr')} ${act}
  }`
  const output = `chain output {
    type filter hook output priority 0
    oifname != "lo" ${whose('daddr')} ${act}
  }`
  const chains = [...(way === 'out' ? [] : [input]), ...(way === 'in' ? [] : [output])]
  onCleanup(() => heal(host))
  await nft(host, `${ANEW}\ntable ip lab {\n${chains.join('\n')}\n}\n`)
}

/** Ends every cut of a host. */
async function heal(host: LabHost): Promise<void> {
  await nft(host, `${ANEW}\n`)
}

async function nft(host: LabHost, rules: string): Promise<void> {
  const [program = '', ...parameters] = [...within(host), 'nft', '-f', '-']
  const child = spawn(program, parameters, { stdio: ['pipe', 'ignore', 'pipe'] })
  child.stdin.end(rules)
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<[number]>])
  if (code !== 0) throw new Error(`nft on ${host}: ${said}`)
}
