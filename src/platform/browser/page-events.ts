/** What a page or worker tells of itself and of its network, as signals. Hints: each triggers a check, nothing else. */
import type { Cancel, PlatformSignal } from '../platform'

type Listener = (event: { readonly type: string; readonly persisted?: boolean }) => void

interface EventSource {
  addEventListener(type: string, listener: Listener): void
  removeEventListener(type: string, listener: Listener): void
}

/** The globals used here, none of which exists everywhere: workers have no document, Node has hardly any. */
interface PageScope {
  readonly addEventListener?: EventSource['addEventListener']
  readonly removeEventListener?: EventSource['removeEventListener']
  readonly document?: EventSource & { readonly visibilityState: string }
  readonly navigator?: { readonly onLine?: boolean }
  readonly location?: { readonly origin: string; readonly protocol: string }
  readonly localStorage?: Pick<Storage, 'getItem' | 'setItem'>
}

/** `globalThis`, as a place where anything may be missing. */
export function pageScope(): PageScope {
  return globalThis as unknown as PageScope
}

type Reading = (event: { readonly persisted?: boolean }) => PlatformSignal | undefined
type Table = ReadonlyMap<string, Reading>

const WINDOW_EVENTS: Table = new Map<string, Reading>([
  ['online', () => 'online'],
  ['offline', () => 'offline'],
  // Into and out of the back/forward cache: everything stops, sockets are closed by the browser.
  ['pagehide', (event) => (event.persisted === true ? 'suspend' : undefined)],
  ['pageshow', (event) => (event.persisted === true ? 'resume' : undefined)],
])

const DOCUMENT_EVENTS: Table = new Map<string, Reading>([
  ['visibilitychange', () => visibility()],
  // Page Lifecycle: Chrome freezes hidden pages (Energy Saver, 133 and later), network handlers included.
  ['freeze', () => 'suspend'],
  ['resume', () => 'resume'],
])

function visibility(): PlatformSignal {
  return pageScope().document?.visibilityState === 'hidden' ? 'hidden' : 'visible'
}

/** Listens to one place; does nothing where it does not exist. */
function listen(
  source: Partial<EventSource> | undefined,
  table: Table,
  emit: (signal: PlatformSignal) => void,
): Cancel {
  const onEvent: Listener = (event) => {
    const signal = table.get(event.type)?.(event)
    if (signal !== undefined) emit(signal)
  }
  for (const type of table.keys()) source?.addEventListener?.(type, onEvent)
  return () => {
    for (const type of table.keys()) source?.removeEventListener?.(type, onEvent)
  }
}

/** Signals from now on, and first the state it finds: a page may start hidden or offline. */
export function watchPage(listener: (signal: PlatformSignal) => void): Cancel {
  let over = false
  const emit = (signal: PlatformSignal): void => {
    if (!over) listener(signal)
  }
  const scope = pageScope()
  const stopWindow = listen(scope, WINDOW_EVENTS, emit)
  const stopDocument = listen(scope.document, DOCUMENT_EVENTS, emit)
  queueMicrotask(() => {
    if (scope.navigator?.onLine === false) emit('offline')
    if (scope.document !== undefined && visibility() === 'hidden') emit('hidden')
  })
  return () => {
    over = true
    stopWindow()
    stopDocument()
  }
}
