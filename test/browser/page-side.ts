/**
 * The test's half that runs in the page: one client at a time, what it delivers and says, as plain JSON. Times are Unix
 * milliseconds of the page's monotonic clock, so that they can be held against the times of faults: page and servers
 * run on one machine.
 */
import type * as Library from 'failover-client'
import type { FailoverClientOptions, FailoverEventName } from 'failover-client'

/** One change of a log, as it was delivered. */
export interface Delivered {
  /** Key of the message; `gap` for a gap. */
  readonly key: string
  readonly server: string
  readonly at: number
}

/** One event of the client. */
export interface Said {
  readonly name: FailoverEventName
  readonly at: number
  readonly sentence: string
  /** `to` of a change of state or name of the endpoint moved to, code of a warning, reason of the rest. */
  readonly about: string
  readonly offlineReason: string | undefined
}

export interface Answer {
  readonly status: number
  readonly server: string | null
  readonly body: unknown
}

/** How something ended: with a value, or with the code and message of an error. */
export type Ending = { readonly value: unknown } | { readonly code: string | undefined; readonly message: string }

export interface SocketTold {
  readonly what: 'open' | 'message' | 'error' | 'close'
  readonly at: number
  readonly data?: string
  readonly code?: number
  readonly reason?: string
}

export interface SourceTold {
  readonly what: 'open' | 'message' | 'error'
  readonly at: number
  readonly data?: string
  readonly id?: string
}

export type PageSide = ReturnType<typeof createPageSide>

const NAMES = [
  'stateChange',
  'topologyChange',
  'failover',
  'switchover',
  'failback',
  'resume',
  'gap',
  'outcomeUnknown',
  'warning',
  'decision',
] as const

type Loose = Readonly<Record<string, unknown>> & { readonly sentence: string }

function now(): number {
  return performance.timeOrigin + performance.now()
}

function describe(event: Loose): Pick<Said, 'sentence' | 'about' | 'offlineReason'> {
  const { to, code, reason, offlineReason } = event
  const about = typeof to === 'string' ? to : ((to as { name?: string } | undefined)?.name ?? code ?? reason ?? '')
  return { sentence: event.sentence, about: String(about), offlineReason: offlineReason as string | undefined }
}

async function settle(work: Promise<unknown>): Promise<Ending> {
  try {
    return { value: await work }
  } catch (error) {
    const { code, message, cause } = error as { code?: string; message: string; cause?: { code?: string } }
    return { code: typeof code === 'string' ? code : cause?.code, message }
  }
}

export function createPageSide(library: typeof Library) {
  let client: Library.FailoverClient | undefined
  const said: Said[] = []
  const delivered: Delivered[] = []
  const views = new Map<string, Library.StateSubscription<unknown>>()
  const socketTold: SocketTold[] = []
  const sourceTold: SourceTold[] = []
  let socket: WebSocket | undefined
  let source: EventSource | undefined
  const theClient = (): Library.FailoverClient => {
    if (client === undefined) throw new Error('connect first')
    return client
  }
  return {
    exported: () => Object.keys(library),
    /** Makes the client; `token` is what its provider answers. */
    connect(options: Omit<FailoverClientOptions, 'token'> & { readonly token?: string }) {
      const { token, ...rest } = options
      client = library.createFailoverClient({ ...rest, ...(token === undefined ? {} : { token: () => token }) })
      for (const name of NAMES) {
        client.on(name, (event) => void said.push({ name, at: now(), ...describe(event as unknown as Loose) }))
      }
    },
    ready: (timeoutMs: number) => theClient().ready({ timeoutMs }),
    state: () => {
      const { state, offlineReason, active } = theClient()
      return { state, offlineReason, active: active?.url, server: active?.server }
    },
    endpoints: () =>
      theClient().endpoints.map(({ server, url, breaker, readiness, term, verdict, lastError }) => ({
        ...{ server, url, breaker, readiness, term, verdict, lastError },
      })),
    said: (...names: FailoverEventName[]) => said.filter(({ name }) => names.length === 0 || names.includes(name)),
    decisions: () =>
      theClient()
        .decisions()
        .map(({ at, sentence }) => `${at} ${sentence}`),
    recordLog(topic: string) {
      theClient()
        .subscribe(library.logTopic(topic))
        .on('change', (change) => {
          delivered.push({ key: change.op === 'gap' ? 'gap' : change.key, server: change.server, at: now() })
        })
    },
    /** What the log delivered, from a place on. */
    delivered: (from = 0) => delivered.slice(from),
    deliveredCount: () => delivered.length,
    /** The first change that `server` delivered at or after `since`. */
    firstFrom: (server: string, since: number) => delivered.find((one) => one.server === server && one.at >= since),
    watchState(topic: string) {
      views.set(topic, theClient().subscribe(library.stateTopic(topic)))
    },
    view: (topic: string) => {
      const subscription = views.get(topic)
      return { state: subscription?.state, items: Object.fromEntries(subscription?.view ?? []) }
    },
    fetch: async (input: string, init?: RequestInit): Promise<Answer> => {
      const response = await theClient().fetch(input, init)
      const text = await response.text()
      const body: unknown = text.startsWith('{') ? JSON.parse(text) : text
      return { status: response.status, server: response.headers.get('X-Server'), body }
    },
    fetchEnding: (input: string, init?: RequestInit) =>
      settle(
        theClient()
          .fetch(input, init)
          .then(({ status }) => status),
      ),
    command: (name: string, args: unknown, options?: Library.CommandOptions) =>
      settle(theClient().command(name, args, options)),
    openSocket(url: string) {
      const opened = new (theClient().WebSocket)(url)
      socket = opened
      opened.addEventListener('open', () => void socketTold.push({ what: 'open', at: now() }))
      opened.addEventListener('error', () => void socketTold.push({ what: 'error', at: now() }))
      opened.addEventListener('message', ({ data }) => {
        socketTold.push({ what: 'message', at: now(), data: String(data) })
      })
      opened.addEventListener('close', ({ code, reason }) => {
        socketTold.push({ what: 'close', at: now(), code, reason })
      })
    },
    sendOnSocket: (text: string) => socket?.send(text),
    socketTold: () => socketTold,
    openSource(url: string) {
      const opened = new (theClient().EventSource)(url)
      source = opened
      opened.addEventListener('open', () => void sourceTold.push({ what: 'open', at: now() }))
      opened.addEventListener('error', () => void sourceTold.push({ what: 'error', at: now() }))
      opened.addEventListener('message', ({ data, lastEventId }) => {
        sourceTold.push({ what: 'message', at: now(), data: String(data), id: lastEventId })
      })
    },
    sourceTold: () => sourceTold,
    closeSource: () => source?.close(),
    close: () => theClient().close(),
  }
}
