/**
 * What an application does without the library, and does well: `fetch` in a loop and a `ws` connection, both on the
 * dedicated hostname. The WebSocket is dialled again a second after it closed, and closed when a ping of five seconds
 * found no pong: what a careful engineer writes by hand.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, fetch } from 'undici'
import { WebSocket, type ClientOptions } from 'ws'
import { onCleanup } from '../../support/harness'

const FETCH_EVERY_MS = 250
const FETCH_TIMEOUT_MS = 5000
const REDIAL_MS = 1000
const PING_EVERY_MS = 5000

export type Face = 'fetch' | 'ws'

/** Neither face has heard of it. */
export const NOWHERE = { fetch: undefined, ws: undefined } as const

/** When each face first heard of a server after the fault, in milliseconds from it; undefined: not yet. */
export type Arrivals = Readonly<Record<Face, number | undefined>>

export interface PlainClient {
  /** The server each face heard last. */
  readonly heard: Readonly<Partial<Record<Face, string>>>
  /** When each face first heard that server, from an instant of `performance.now()` on. */
  since(faultAt: number, server: string): Arrivals
}

/** Waits until both faces have heard that server, or until it was long enough. */
export async function arrivalsWithin(
  client: PlainClient,
  faultAt: number,
  server: string,
  boundMs: number,
): Promise<Arrivals> {
  const isIn = ({ fetch, ws }: Arrivals): boolean => fetch !== undefined && ws !== undefined
  while (!isIn(client.since(faultAt, server)) && performance.now() - faultAt < boundMs) await delay(20)
  return client.since(faultAt, server)
}

/** One line of measured times, ours beside theirs, kept in the test output. */
export function reportBeside(fault: string, oursMs: number, { fetch, ws }: Arrivals, boundMs: number): void {
  const shown = (ms: number | undefined): string =>
    ms === undefined ? `not within ${boundMs} ms` : `${ms.toFixed(0)} ms`
  console.log(`${fault}: first event ${shown(oursMs)}; a plain client: fetch ${shown(fetch)}, ws ${shown(ws)}`)
}

interface Sighting {
  readonly face: Face
  readonly server: string
  readonly at: number
}

/**
 * Starts it; it ends after the test at the latest. `url`: the dedicated hostname's; `ca`: the authority of its
 * servers' certificates, where that is a private one.
 */
export function startPlainClient(url: string, { ca }: { readonly ca?: string } = {}): PlainClient {
  const sightings: Sighting[] = []
  const heard: Partial<Record<Face, string>> = {}
  const see = (face: Face, server: string): void => {
    heard[face] = server
    sightings.push({ face, server, at: performance.now() })
  }
  const tls = ca === undefined ? {} : { ca }
  const stops = [
    fetchInALoop(url, new Agent({ connect: tls }), (server) => see('fetch', server)),
    keepWebSocket(url, tls, (server) => see('ws', server)),
  ]
  onCleanup(async () => {
    await Promise.all(stops.map((stop) => stop()))
  })
  return {
    heard,
    since(faultAt, server) {
      const first = (face: Face): number | undefined => {
        const found = sightings.find((one) => one.face === face && one.server === server && one.at >= faultAt)
        return found === undefined ? undefined : found.at - faultAt
      }
      return { fetch: first('fetch'), ws: first('ws') }
    },
  }
}

function fetchInALoop(url: string, dispatcher: Agent, see: (server: string) => void): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const ask = async (): Promise<void> => {
    try {
      const response = await fetch(`${url}/api/whoami`, { dispatcher, signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
      const { server } = (await response.json()) as { server: string }
      if (response.ok) see(server)
    } catch {
      // The next one may do better.
    }
    if (!isOver) timer = setTimeout(() => void ask(), FETCH_EVERY_MS)
  }
  void ask()
  return async () => {
    isOver = true
    clearTimeout(timer)
    await dispatcher.destroy()
  }
}

function keepWebSocket(url: string, tls: ClientOptions, see: (server: string) => void): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let socket: WebSocket | undefined
  let isOver = false
  const options: ClientOptions = { ...tls, handshakeTimeout: PING_EVERY_MS }
  const dial = (): void => {
    const dialled = new WebSocket(`${url.replace('http', 'ws')}/ws/echo?greet`, options)
    socket = dialled
    let isAnswered = true
    const pings = setInterval(() => {
      if (!isAnswered) return dialled.terminate()
      isAnswered = false
      if (dialled.readyState === WebSocket.OPEN) dialled.ping()
    }, PING_EVERY_MS)
    dialled.on('message', (data) => see((JSON.parse(String(data as Buffer)) as { server: string }).server))
    dialled.on('pong', () => (isAnswered = true))
    dialled.on('error', () => undefined)
    dialled.on('close', () => {
      clearInterval(pings)
      if (!isOver) timer = setTimeout(dial, REDIAL_MS)
    })
  }
  dial()
  return () => {
    isOver = true
    clearTimeout(timer)
    socket?.terminate()
    return Promise.resolve()
  }
}
