/**
 * One undici Agent for each endpoint and generation. Sharing one would keep old keep-alive sockets in use after a
 * verdict changed (measured: 6 of 6 requests stayed on the old address, even after 4.5 s of idling).
 *
 * The Agent is the `dispatcher` of the *global* fetch: undici's own fetch corrupts foreign FormData, and msw cannot see
 * it. Each request gets a thin dispatcher of its own that notes when undici is about to write it: `onConnect` (undici
 * 7's own name for it, and what the fetch of Node 20, 22 and 24 implements) or `onRequestStart` (undici 7 and 8).
 * Before that call nothing of the request can have left. Measured on those three versions, see the contract tests.
 */
import type { Socket } from 'node:net'
import { Agent, type buildConnector, type Dispatcher } from 'undici'
import type { Road } from '../../core/road'
import type { Cancel } from '../platform'
import { createDial, type DialOptions } from './connector'
import type { RequestProgress } from './classify-failure'

/** Where a request is; changes while it runs. */
export interface ProgressMeter {
  progress: RequestProgress
  /** Called after `progress` has changed. */
  readonly changed?: () => void
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
  const advance = (progress: RequestProgress): void => {
    if (meter.progress === progress) return
    meter.progress = progress
    meter.changed?.()
  }
  return {
    dispatch(options, handler) {
      // A redirect dispatches again: what was written stays written.
      if (meter.progress === 'untouched') advance('waiting')
      watchStart(handler, () => advance('written'))
      return agent.dispatch(options, handler)
    },
  }
}

/** The Agents of a platform. */
export interface AgentPool {
  /** The Agent of this road's endpoint and generation, made when first asked for; for requests that nobody counts. */
  share(road: Road): Agent
  /** The same for one request; `answered` says that it has its answer or was given up. */
  use(road: Road): { readonly agent: Agent; readonly answered: () => void }
  /**
   * Nothing new goes to the Agents of an endpoint below `generation` (all, when absent): idle sockets are closed at
   * once, requests in flight keep the deadlines of their callers.
   */
  release(endpointId: string, generation?: number): void
  close(): void
}

/**
 * An Agent and what it dials. An Agent that is destroyed leaves a socket that still connects alone, and one that is
 * closed waits for it, even when all who wanted it have gone.
 */
interface DiallingAgent {
  readonly agent: Agent
  /** Requests of ours that have no answer yet. */
  requests: number
  /** Given to a Dispatcher of the user's, whose requests nobody counts. */
  isShared: boolean
  /** Ends every dial under way. */
  readonly cancelDials: Cancel
}

/** How the Agents of a pool dial, and whether they keep what they have dialled. */
export interface AgentOptions extends DialOptions {
  readonly keepAlive: boolean
}

function createAgent(road: Road, options: AgentOptions): DiallingAgent {
  const dial = createDial(road, options)
  const dials = new Set<Cancel>()
  const connect: buildConnector.connector = (options, callback) => {
    let isOver = false
    const settle = (error: Error | null, socket: Socket | null): void => {
      if (isOver) return
      isOver = true
      dials.delete(cancel)
      if (error !== null) callback(error, null)
      else if (socket !== null) callback(null, socket)
    }
    const cancel = (): void => {
      attempt.cancel()
      settle(new Error('the dial was given up'), null)
    }
    dials.add(cancel)
    const attempt = dial(options, settle)
  }
  const cancelDials = (): void => {
    for (const cancel of [...dials]) cancel()
  }
  // Deadlines are signals of the caller (undici's timers are coarse: 400 ms fired at 982); a silent event stream is
  // judged by its beats.
  const agent = new Agent({
    connect,
    headersTimeout: 0,
    bodyTimeout: 0,
    // One request at a time on a connection, over HTTP/2 too (undici's default). More of them are not safe there: see
    // ARCHITECTURE.md.
    allowH2: options.http2 === true,
    // undici's way to close each connection after its one request.
    ...(options.keepAlive ? {} : { pipelining: 0 }),
  })
  return { agent, requests: 0, isShared: false, cancelDials }
}

// A registered symbol: the ESM and CommonJS builds must find each other's Agents.
/** How `createDispatcher` reaches the Agents of a Node platform. */
export const AGENTS = Symbol.for('failover-client.agents')

/** The Agents of a platform that `nodePlatform` made; nothing for any other. */
export function agentsOf(platform: object): ((road: Road) => Dispatcher) | undefined {
  return (platform as { readonly [AGENTS]?: (road: Road) => Dispatcher })[AGENTS]
}

/** Makes an empty pool. */
export function createAgentPool(options: AgentOptions): AgentPool {
  const endpoints = new Map<string, Map<number, DiallingAgent>>()
  /** Released, with requests in flight. */
  const retiring = new Set<DiallingAgent>()
  const endUnwanted = (entry: DiallingAgent): void => {
    if (retiring.has(entry) && entry.requests === 0 && !entry.isShared) entry.cancelDials()
  }
  const retire = (entry: DiallingAgent): void => {
    retiring.add(entry)
    endUnwanted(entry)
    const forget = (): void => {
      retiring.delete(entry)
      // Nobody waits for these any more.
      entry.cancelDials()
    }
    entry.agent.close().then(forget, forget)
  }
  const destroy = ({ agent, cancelDials }: DiallingAgent): void => {
    agent.destroy().catch(() => undefined)
    cancelDials()
  }
  const get = (road: Road): DiallingAgent => {
    let generations = endpoints.get(road.endpointId)
    if (generations === undefined) endpoints.set(road.endpointId, (generations = new Map<number, DiallingAgent>()))
    let entry = generations.get(road.generation)
    if (entry === undefined) generations.set(road.generation, (entry = createAgent(road, options)))
    return entry
  }
  return {
    share(road) {
      const entry = get(road)
      entry.isShared = true
      return entry.agent
    },
    use(road) {
      const entry = get(road)
      entry.requests += 1
      const answered = (): void => {
        entry.requests -= 1
        endUnwanted(entry)
      }
      return { agent: entry.agent, answered }
    },
    release(endpointId, generation) {
      const generations = endpoints.get(endpointId)
      if (generations === undefined) return
      for (const [number, entry] of generations) {
        if (generation !== undefined && number >= generation) continue
        generations.delete(number)
        retire(entry)
      }
      if (generations.size === 0) endpoints.delete(endpointId)
    },
    close() {
      for (const generations of endpoints.values()) for (const entry of generations.values()) destroy(entry)
      for (const entry of retiring) destroy(entry)
      endpoints.clear()
      retiring.clear()
    },
  }
}
