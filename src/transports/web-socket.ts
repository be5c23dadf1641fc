/** The wire contract over a WebSocket: one JSON frame a text message, subprotocol `failover-stream`. */
import { parseFrame } from '../core/parse-frame'
import { CLOSE, SUBPROTOCOL } from '../core/wire'
import type { Platform } from '../platform/platform'
import { exceedsBytes } from './frame-size'
import type { LinkHandlers, LinkRequest, LiveLink, LiveTransport } from './live-transport'

/**
 * The platform's own limit lies above ours: frames between the two are read and answered with 4409, as the contract
 * says; only what is beyond is cut off unread, with 1009.
 */
const HARD_LIMIT_FACTOR = 2
/** Time for our own close frame to leave; nobody waits for it. */
const LINGER_MS = 1000

/** Makes the transport. Stateless: each `open` is one socket. */
export function webSocketTransport(platform: Platform): LiveTransport {
  return { kind: 'websocket', open: (request, handlers) => openLink(platform, request, handlers) }
}

function openLink(platform: Platform, request: LinkRequest, handlers: LinkHandlers): LiveLink {
  let over = false
  let stopLinger: () => void = () => undefined
  const finish = (): boolean => {
    if (over) return false
    over = true
    return true
  }
  /** We end it: the close frame goes out, `closed` is reported now, and nothing later is listened to. */
  const refuse = (code: number, reason: string): void => {
    if (!finish()) return
    socket.close(code, reason)
    stopLinger = platform.setTimer(LINGER_MS, () => socket.abandon())
    handlers.closed({ code, reason, clean: false })
  }
  const tooLarge = (): void => {
    const detail = `a frame is longer than ${request.maxFrameBytes} bytes`
    handlers.problem({ reason: 'too-large', detail })
  }
  const receive = (text: string): void => {
    if (exceedsBytes(text, request.maxFrameBytes)) {
      tooLarge()
      return refuse(CLOSE.frameTooBig, 'frame too big')
    }
    const parsed = parseFrame(text)
    if (!parsed.ok) handlers.problem(parsed.problem)
    else if (parsed.frame !== undefined) handlers.frame(parsed.frame)
  }
  const socket = platform.openSocket(
    {
      road: request.road,
      path: request.paths.stream,
      protocols: [SUBPROTOCOL],
      maxMessageBytes: request.maxFrameBytes * HARD_LIMIT_FACTOR,
    },
    {
      opened({ protocol }) {
        if (over) return
        if (protocol === SUBPROTOCOL) return handlers.opened()
        handlers.problem({ reason: 'malformed', detail: `the server did not select the subprotocol ${SUBPROTOCOL}` })
        refuse(CLOSE.invalid, 'no subprotocol')
      },
      message(data) {
        if (over) return
        if (typeof data === 'string') receive(data)
        else handlers.problem({ reason: 'not-json', detail: `a binary message (${data.byteLength} bytes)` })
      },
      closed(close) {
        stopLinger()
        if (over) return
        if (close.failure?.kind === 'too-large') tooLarge()
        if (finish()) handlers.closed(close)
      },
    },
  )
  return {
    transport: 'websocket',
    send(frame) {
      if (!over) socket.send(JSON.stringify(frame))
    },
    // Whatever was sent has left: nothing waits here.
    withdraw: () => undefined,
    close(code, reason) {
      if (!over) socket.close(code, reason)
    },
    abandon() {
      over = true
      stopLinger()
      socket.abandon()
    },
  }
}
