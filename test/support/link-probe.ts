/** A live link and everything it told, in order. */
import type { FrameProblem } from '../../src/core/parse-frame'
import type { ServerFrame } from '../../src/core/wire'
import type { LinkClose, LinkRequest, LiveLink, LiveTransport } from '../../src/transports/live-transport'
import { road } from './platform-probes'

/** Limits small enough to be reached. */
export const LINK_LIMITS = { maxFrameBytes: 4000, timeoutMs: 5000 }

export const HELLO = { type: 'hello', version: 1, client: { id: 'c1' }, ucc: 'help desk', token: 't1' } as const
export const WELCOME = { type: 'welcome', version: 1, server: 'srv1', state: 'running', heartbeatMs: 1000, keys: 'k' }

export interface HeardLink {
  readonly link: LiveLink
  opened: number
  readonly frames: ServerFrame[]
  readonly problems: FrameProblem[]
  readonly closes: LinkClose[]
  /** Runs at each frame, after it was noted. */
  onFrame: (frame: ServerFrame) => void
}

/** Opens a link to a port and notes what it tells. Fails when it speaks before `open` returned or after the end. */
export function openLink(transport: LiveTransport, port: number, more: Partial<LinkRequest> = {}): HeardLink {
  const paths = { stream: '/failover/stream', events: '/failover/events', command: '/failover/command' }
  const heard: Omit<HeardLink, 'link'> & { link?: LiveLink } = {
    opened: 0,
    frames: [],
    problems: [],
    closes: [],
    onFrame: () => undefined,
  }
  const check = (): void => {
    if (heard.link === undefined) throw new Error('called back before open() returned')
    if (heard.closes.length > 0) throw new Error('called back after closed()')
  }
  heard.link = transport.open(
    { road: road(port), paths, ...LINK_LIMITS, ...more },
    {
      opened() {
        check()
        heard.opened += 1
      },
      frame(frame) {
        check()
        heard.frames.push(frame)
        heard.onFrame(frame)
      },
      problem(problem) {
        check()
        heard.problems.push(problem)
      },
      closed(close) {
        check()
        heard.closes.push(close)
      },
    },
  )
  return heard as HeardLink
}
