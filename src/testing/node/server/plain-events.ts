/** `GET /events/plain`: an event stream as any server has one, for clients of `EventSource`. */
import type { StoredEvent } from '../../server/topic-log'
import type { Exchange } from './http'

/**
 * Streams `?topic=` (default `plain/log`) from the position in `Last-Event-ID` on (all that is held: `?from=start`,
 * else from now). The id of an event is `EPOCH/SEQ`. `?retryMs=` sends that `retry` field first.
 */
export function plainEvents({ state, request, response, url }: Exchange): void {
  const name = url.searchParams.get('topic') ?? 'plain/log'
  const owner = state.owner(name)
  const topic = owner === undefined ? undefined : state.topic(name, owner.name)
  if (owner === undefined || topic === undefined) {
    response.writeHead(404).end()
    return
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  response.flushHeaders()
  const retryMs = url.searchParams.get('retryMs')
  if (retryMs !== null) response.write(`retry: ${retryMs}\n\n`)
  const send = (event: StoredEvent): void => {
    if (event.topic !== name || !owner.runs) return
    const { seq, key, op, data } = event
    const body = JSON.stringify({ server: state.config.name, seq, key, op, data })
    response.write(`id: ${event.epoch}/${seq}\ndata: ${body}\n\n`)
  }
  const position = positionOf(String(request.headers['last-event-id'] ?? ''))
  const fromSeq =
    position?.epoch === topic.epoch ? position.seq : url.searchParams.get('from') === 'start' ? 0 : undefined
  if (fromSeq !== undefined) for (const event of topic.since(fromSeq) ?? []) send(event)
  state.taps.add(send)
  state.plainStreams.add(response)
  response.on('close', () => {
    state.taps.delete(send)
    state.plainStreams.delete(response)
  })
}

function positionOf(id: string): { epoch: string; seq: number } | undefined {
  const slash = id.lastIndexOf('/')
  const seq = Number(id.slice(slash + 1))
  return slash > 0 && Number.isSafeInteger(seq) ? { epoch: id.slice(0, slash), seq } : undefined
}
