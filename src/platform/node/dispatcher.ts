/**
 * One undici Agent for each endpoint and generation. Sharing one would keep old keep-alive sockets in use after a
 * verdict changed (measured: 6 of 6 requests stayed on the old address, even after 4.5 s of idling).
 *
 * The Agent is the `dispatcher` of the *global* fetch: undici's own fetch corrupts foreign FormData, and msw cannot see
 * it. Each request gets a thin dispatcher of its own that notes when undici is about to write it: `onConnect` (undici
 * 7's own name for it, and what the fetch of Node 20, 22 and 24 implements) or `onRequestStart` (undici 7 and 8).
 * Before that call nothing of the request can have left. Measured on those three versions, see the contract tests.
 */
import { Agent, type buildConnector, type Dispatcher } from 'undici'
import type { Road } from '../../core/road'
import { createDial, type NodeTlsOptions } from './connector'
import type { RequestProgress } from './classify-failure'
import type { TunnelProxy } from './tunnel'

/** Where a request is; changes while it runs. */
export interface ProgressMeter {
  progress: RequestProgress
}

/** The part of a dispatcher that `fetch` uses. */
export interface MeteredDispatcher {
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean
}

type AnyFunction = (this: unknown, ...parameters: unknown[]) => unknown

/** Wraps in place: fetch makes one handler object per dispatch, and reads its own members through `this`. */
function watchStart(handler: Dispatcher.DispatchHandler, onStart: () => void): void {
  const methods = handler as Record<string, unknown>
  for (const name of ['onConnect', 'onRequestStart']) {
    const original = methods[name]
    if (typeof original !== 'function') continue
    methods[name] = function (this: unknown, ...parameters: unknown[]): unknown {
      onStart()
      return (original as AnyFunction).apply(this, parameters)
    }
  }
}

/** The dispatcher of one request. */
export function meterDispatcher(agent: Dispatcher, meter: ProgressMeter): MeteredDispatcher {
  return {
    dispatch(options, handler) {
      // A redirect dispatches again: what was written stays written.
      if (meter.progress === 'untouched') meter.progress = 'waiting'
      watchStart(handler, () => {
        meter.progress = 'written'
      })
      return agent.dispatch(options, handler)
    },
  }
}

/** The Agents of a platform. */
export interface AgentPool {
  /** The Agent of this road's endpoint and generation, made when first asked for. */
  get(road: Road): Agent
  /**
   * Nothing new goes to the Agents of an endpoint below `generation` (all, when absent): idle sockets are closed at
   * once, requests in flight keep the deadlines of their callers.
   */
  release(endpointId: string, generation?: number): void
  close(): void
}

function createAgent(road: Road, tls: NodeTlsOptions, proxy: TunnelProxy | undefined): Agent {
  const dial = createDial(road, tls, proxy)
  const connect: buildConnector.connector = (options, callback) => {
    dial(options, (error, socket) => {
      if (error !== null) callback(error, null)
      else if (socket !== null) callback(null, socket)
    })
  }
  // Deadlines are signals of the caller (undici's timers are coarse: 400 ms fired at 982); a silent event stream is
  // judged by its beats.
  return new Agent({ connect, headersTimeout: 0, bodyTimeout: 0 })
}

// A registered symbol: the ESM and CommonJS builds must find each other's Agents.
/** How `createDispatcher` reaches the Agents of a Node platform. */
export const AGENTS = Symbol.for('failover-client.agents')

/** The Agents of a platform that `nodePlatform` made; nothing for any other. */
export function agentsOf(platform: object): ((road: Road) => Dispatcher) | undefined {
  return (platform as { readonly [AGENTS]?: (road: Road) => Dispatcher })[AGENTS]
}

/** Makes an empty pool. */
export function createAgentPool(tls: NodeTlsOptions, proxy: TunnelProxy | undefined): AgentPool {
  const endpoints = new Map<string, Map<number, Agent>>()
  /** Released, with requests in flight. */
  const retiring = new Set<Agent>()
  const retire = (agent: Agent): void => {
    retiring.add(agent)
    const forget = (): void => void retiring.delete(agent)
    agent.close().then(forget, forget)
  }
  const destroy = (agent: Agent): void => {
    agent.destroy().catch(() => undefined)
  }
  return {
    get(road) {
      let generations = endpoints.get(road.endpointId)
      if (generations === undefined) endpoints.set(road.endpointId, (generations = new Map<number, Agent>()))
      let agent = generations.get(road.generation)
      if (agent === undefined) generations.set(road.generation, (agent = createAgent(road, tls, proxy)))
      return agent
    },
    release(endpointId, generation) {
      const generations = endpoints.get(endpointId)
      if (generations === undefined) return
      for (const [number, agent] of generations) {
        if (generation !== undefined && number >= generation) continue
        generations.delete(number)
        retire(agent)
      }
      if (generations.size === 0) endpoints.delete(endpointId)
    },
    close() {
      for (const generations of endpoints.values()) for (const agent of generations.values()) destroy(agent)
      for (const agent of retiring) destroy(agent)
      endpoints.clear()
    },
  }
}
