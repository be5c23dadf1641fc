/** The platform of Node and of Electron's main process: the global fetch over undici Agents, ws, net, timers. */
import { randomUUID } from 'node:crypto'
import { connect as connectSocket, type Socket } from 'node:net'
import type { Road } from '../../core/road'
import { exchangeOver, fetchOver, streamOver, type FetchBackend } from '../fetch-exchange'
import { createLiveSet, type LiveSet } from '../live-set'
import type { Cancel, Platform, PlatformSocket, SocketHandlers, SocketRequest } from '../platform'
import { openWebSocket } from '../web-socket'
import { classifyFailure, timeoutFailure } from './classify-failure'
import { createDial, dialUrl, roadHostname, type DialOptions } from './connector'
import { AGENTS, createAgentPool, meterDispatcher, type AgentPool, type ProgressMeter } from './dispatcher'
import { dnsResolver } from './dns-resolver'
import { createNames } from './names'
import { checkPlatformOptions, type NodePlatformOptions } from './node-platform-options'

type CreateConnection = (
  options: unknown,
  onCreate: (error: Error | null, socket?: Socket) => void,
) => Socket | undefined

/** Requests of the library's own: 3xx is an answer, never followed. */
const OWN_INIT: RequestInit = { redirect: 'manual', cache: 'no-store' }

/** @param single The Agents of requests that want a connection of their own. */
function createBackend(pool: AgentPool, single: AgentPool, live: LiveSet): FetchBackend {
  return {
    ownInit: OWN_INIT,
    anyHeader: true,
    url: (road, path) => road.url + path,
    setTimer: live.setTimer,
    track: live.track,
    start(road, url, init, { progressed, fresh = false } = {}) {
      const meter: ProgressMeter = {
        progress: 'untouched',
        ...(progressed === undefined ? {} : { changed: progressed }),
      }
      const begin = async (): Promise<Response> => {
        if (live.closed) throw new Error('the platform is closed')
        const { agent, answered } = (fresh ? single : pool).use(road)
        const dispatcher = meterDispatcher(agent, meter)
        try {
          return await fetch(dialUrl(road, url), { ...init, dispatcher } as RequestInit)
        } finally {
          answered()
        }
      }
      return {
        response: begin(),
        classify: (error) => classifyFailure(error, meter.progress),
        timedOut: (timeoutMs) => timeoutFailure(meter.progress, timeoutMs),
        // An interceptor's request never came here: nobody knows how far it got.
        ...(progressed === undefined ? {} : { isWaiting: () => meter.progress === 'waiting' }),
      }
    },
  }
}

/** Node runs timers before it reads its sockets, and immediates after that. */
function afterInput(callback: () => void): Cancel {
  const immediate = setImmediate(callback)
  return () => clearImmediate(immediate)
}

/** `createConnection` of `ws`, over the same dialler as HTTP. */
function createConnector(
  road: Road,
  options: DialOptions,
  url: URL,
  live: LiveSet,
): { readonly createConnection: CreateConnection; readonly cancel: Cancel } {
  const dial = createDial(road, options)
  let cancel: Cancel = () => undefined
  const createConnection: CreateConnection = (_options, onCreate) => {
    const target = {
      hostname: url.hostname,
      host: url.host,
      protocol: url.protocol === 'wss:' ? 'https:' : 'http:',
      port: url.port,
    }
    // A direct socket is returned while it connects, as net.connect would be: its errors reach ws by the request.
    const direct = options.proxy === undefined
    const attempt = dial(target, (error, socket) => {
      untrack()
      if (!direct) onCreate(error, socket ?? undefined)
    })
    const untrack = live.track(attempt.cancel)
    cancel = () => {
      untrack()
      attempt.cancel()
    }
    return attempt.socket
  }
  return { createConnection, cancel: () => cancel() }
}

function openNodeSocket(
  request: SocketRequest,
  handlers: SocketHandlers,
  live: LiveSet,
  options: DialOptions,
): PlatformSocket {
  const { road } = request
  const url = new URL(dialUrl(road, road.url + request.path).replace(/^http/, 'ws'))
  const { createConnection, cancel } = createConnector(road, options, url, live)
  let opened = false
  const socket = openWebSocket(
    url.href,
    request,
    {
      classify: (error) => classifyFailure(error, opened ? 'written' : 'waiting'),
      setTimer: live.setTimer,
      track: live.track,
      // Compression costs memory for each socket and buys little on small frames.
      options: { createConnection, perMessageDeflate: false, followRedirects: false },
    },
    {
      opened(info) {
        opened = true
        handlers.opened(info)
      },
      message: (data) => handlers.message(data),
      closed: (close) => handlers.closed(close),
    },
  )
  return {
    send: (data) => socket.send(data),
    get bufferedAmount() {
      return socket.bufferedAmount
    },
    close: (code, reason) => socket.close(code, reason),
    abandon() {
      socket.abandon()
      // ws has no socket to destroy while a tunnel is being opened.
      if (!opened) cancel()
    },
  }
}

function connectTcp(live: LiveSet, { lookup }: DialOptions): NonNullable<Platform['connectTcp']> {
  return (road, port, timeoutMs, done) => {
    const socket = connectSocket({ host: road.address ?? roadHostname(road), port, lookup })
    let over = false
    const finish = (): boolean => {
      if (over) return false
      over = true
      stopTimer()
      untrack()
      socket.destroy()
      return true
    }
    const cancel = (): void => void finish()
    const stopTimer = live.setTimer(timeoutMs, () => {
      if (finish()) done(timeoutFailure('waiting', timeoutMs))
    })
    const untrack = live.track(cancel)
    socket.once('connect', () => {
      if (finish()) done()
    })
    // Stays after the end: a destroyed socket may still report an error.
    socket.on('error', (error) => {
      if (finish()) done(classifyFailure(error, 'waiting'))
    })
    return cancel
  }
}

/**
 * Makes the platform of Node. A client closes the one it made itself; whoever calls this closes what it returns, after
 * the clients that use it: until then their keep-alive connections stay.
 * @throws FailoverError `INVALID_OPTION`, naming the option, when one is wrong or unknown.
 */
export function nodePlatform(options: NodePlatformOptions = {}): Platform {
  const { tls, proxy, http2 } = checkPlatformOptions(options)
  const live = createLiveSet(afterInput)
  const names = createNames({ now: () => performance.now(), setTimer: live.setTimer })
  const dialling: DialOptions = { tls, proxy, lookup: names.lookup }
  const pool = createAgentPool({ ...dialling, keepAlive: true, http2 })
  // Without HTTP/2, which has no way to end a connection with its one request (undici keeps it, whatever `pipelining`).
  const single = createAgentPool({ ...dialling, keepAlive: false })
  const backend = createBackend(pool, single, live)
  const platform: Platform & { readonly [AGENTS]: AgentPool['share'] } = {
    name: 'node',
    can: { pinAddress: true, proveUnsent: true, inspectRedirects: true },
    now: () => performance.now(),
    wallClock: () => Date.now(),
    random: () => Math.random(),
    randomId: () => randomUUID(),
    setTimer: live.setTimer,
    exchange: (request, done) => exchangeOver(backend, request, done),
    fetch: (request, done) => fetchOver(backend, request, done),
    stream: (request, handlers) => streamOver(backend, request, handlers),
    openSocket: (request, handlers) => openNodeSocket(request, handlers, live, dialling),
    connectTcp: connectTcp(live, dialling),
    watchSignals: () => () => undefined,
    releaseRoad(endpointId, generation) {
      pool.release(endpointId, generation)
      single.release(endpointId, generation)
    },
    // A proxy resolves names itself; what is found here may not be what it finds there.
    ...(proxy === undefined ? { names, resolver: dnsResolver() } : {}),
    close() {
      live.close()
      pool.close()
      single.close()
    },
    [AGENTS]: (road) => pool.share(road),
  }
  return platform
}
