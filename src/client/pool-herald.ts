/** Tells what the pool has found out, in the words of one client: of its own UCC, and free of its tokens. */
import type { PoolNews } from '../driver/pool-driver'
import type { ClientVoice } from './client-voice'
import { DuplicateServers } from './duplicate-servers'
import type { ClientConfig } from './options'
import type { PoolRuntime } from './pool-runtime'
import type { EndpointInfo } from './reports'
import type { WarningCode } from './warnings'

export interface PoolHeraldHost {
  readonly config: ClientConfig
  readonly runtime: PoolRuntime
  readonly voice: ClientVoice
  readonly active: () => EndpointInfo | undefined
  readonly endpoints: () => readonly EndpointInfo[]
  readonly describe: (endpointId: string) => EndpointInfo | undefined
}

export class PoolHerald {
  readonly #verdicts = new Map<string, EndpointInfo['verdict']>()
  readonly #duplicates: DuplicateServers
  #warnedOfOneRoad = false

  constructor(private readonly host: PoolHeraldHost) {
    this.#duplicates = new DuplicateServers(host.config.hostname.url)
  }

  tell(news: PoolNews): void {
    const { voice } = this.host
    switch (news.type) {
      case 'warning':
        return voice.warn(warningCode(news.code), news.sentence, news)
      case 'decision':
        return voice.decide(news.kind, news.reason, news.sentence, news.facts)
      case 'topology-changed':
        return this.#topology(news)
      case 'endpoint-changed':
        return this.#endpoint(news)
    }
  }

  /** Only the hostname is known and nobody names peers: told once, when that is clear (a server has been reached). */
  warnOfOneRoad(): void {
    const { config, runtime, voice } = this.host
    // The dedicated hostname at an address is no other road: it leads where DNS says.
    const isOther = runtime.driver.endpoints().some(({ seed }) => seed.url !== config.hostname.url)
    if (config.endpointsGiven || this.#warnedOfOneRoad || isOther) return
    this.#warnedOfOneRoad = true
    voice.warn(
      'ONLY_HOSTNAME',
      'Only the dedicated hostname is known: the client can only follow DNS or the load balancer.',
    )
  }

  #topology({ added, removed, source }: Extract<PoolNews, { type: 'topology-changed' }>): void {
    const { describe, voice, endpoints } = this.host
    const infos = (ids: readonly string[]): EndpointInfo[] => ids.flatMap((id) => describe(id) ?? [])
    const sentence = `The ${source} named ${added.length} new and dropped ${removed.length} endpoints.`
    this.#remember()
    const change = { added: infos(added), removed: infos(removed), endpoints: endpoints(), source, sentence }
    voice.emit('topologyChange', change)
  }

  #endpoint({ endpointId, reason, ...news }: Extract<PoolNews, { type: 'endpoint-changed' }>): void {
    const { describe, endpoints, voice } = this.host
    const endpoint = describe(endpointId)
    if (endpoint === undefined) return
    this.#remember()
    const duplicate = this.#duplicates.notice(endpoints())
    if (duplicate !== undefined) voice.warn('DUPLICATE_SERVER', duplicate, { endpointId })
    const previous = this.#verdicts.get(endpointId) ?? 'unknown'
    this.#verdicts.set(endpointId, endpoint.verdict)
    const sentence = voice.redact(news.sentence)
    voice.decide('verdict', reason, sentence, { endpoint: endpointId, verdict: endpoint.verdict })
    voice.emit('endpointChange', { endpoint, previous, reason, sentence })
  }

  #remember(): void {
    const { driver, memory } = this.host.runtime
    memory.save(driver.endpoints(), this.host.active()?.id)
  }
}

/** Names of machine warnings that the public list spells otherwise. */
export function warningCode(code: string): WarningCode {
  if (code === 'BLOCKED') return 'CORS_OR_CSP_BLOCKED'
  if (code === 'UNKNOWN_UCC') return 'STANDBY_UNKNOWN_UCC'
  return code as WarningCode
}
