/** What a command is answered where it goes by POST: `parseJson` and the lane of an event-stream link. */
import fc from 'fast-check'
import { CLOSE, type CommandFrame, type ServerFrame } from '../../../src/core/wire'
import { eventStreamTransport } from '../../../src/transports/event-stream'
import type { LinkClose } from '../../../src/transports/live-transport'
import { must } from '../expect'
import { bentJson } from '../generators'
import type { FuzzTarget } from '../target'
import { LINK_REQUEST, Wire } from '../wire'
import { mustBeFrame } from './frames'

const ANSWERS = [
  { type: 'result', id: 7, status: 'done', data: { text: 'é', list: [1, null] } },
  { type: 'result', id: 7, status: 'duplicate', data: null },
  { type: 'result', id: 8, status: 'rejected', error: { code: 'busy', message: 'later' } },
  { type: 'result', status: 'expired' },
  { type: 'reject', id: 7, code: 'unauthorized', message: 'the token has expired' },
  { type: 'reject', code: 'overloaded', message: 'try later', retryAfterMs: 5000 },
  { type: 'welcome', version: 1, server: 'srv1', state: 'running', heartbeatMs: 1000 },
  { error: 'not found', status: 404 },
]
const NAMES = [...new Set(ANSWERS.flatMap((answer) => Object.keys(answer)))]

const FIRST = 7
const SECOND = 8

interface Told {
  readonly frames: ServerFrame[]
  readonly problems: (number | undefined)[]
  close: LinkClose | undefined
}

/** A link on which two commands were given: the first is under way, the second waits for its answer. */
function linkOn(wire: Wire): Told {
  const told: Told = { frames: [], problems: [], close: undefined }
  const open = (): void => must(told.close === undefined, 'nothing is told after the end')
  const link = eventStreamTransport(wire.platform).open(LINK_REQUEST, {
    opened: () => undefined,
    frame: (frame) => {
      open()
      told.frames.push(frame)
    },
    problem: ({ id }) => {
      open()
      told.problems.push(id)
    },
    closed: (close) => {
      open()
      told.close = close
    },
  })
  link.send({ type: 'hello', version: 1, client: { id: 'c' } })
  for (const id of [FIRST, SECOND]) link.send(commandOf(id))
  return told
}

function commandOf(id: number): CommandFrame {
  return { type: 'command', id, name: 'dial', args: {}, key: `k${id}` }
}

/** The link is lost: who was not executed for certain is told so, the others hear nothing. */
function mustBeLost({ frames, problems }: Told, { code, status }: LinkClose, answered: number): void {
  const isRefused = code === CLOSE.unauthorized
  must(
    isRefused || (code === CLOSE.abnormal && status === answered),
    `lost as a broken connection, not ${code} ${status}`,
  )
  const unsent = isRefused ? [FIRST, SECOND] : [SECOND]
  must(problems.length === 0, 'a lost link has no further problem')
  must(
    frames.length === unsent.length &&
      frames.every(
        (frame, index) => frame.type === 'result' && frame.id === unsent[index] && frame.error?.code === 'not-running',
      ),
    `unsent are ${unsent.join(', ')}, told was ${JSON.stringify(frames)}`,
  )
}

function isJson(body: string): boolean {
  try {
    JSON.parse(body)
    return true
  } catch {
    return false
  }
}

const answer: FuzzTarget<readonly [number, string]> = {
  name: 'command-answer',
  reads: 'the answer to a command that was posted',
  inputs: fc.tuple(fc.constantFrom(200, 200, 200, 200, 204, 401, 404, 409, 500, 503), bentJson(ANSWERS, NAMES)),
  check([status, body]) {
    const wire = new Wire()
    const told = linkOn(wire)
    must(wire.posted.length === 1, 'one at a time')
    wire.reply(status, body)
    const { frames, problems, close } = told
    if (close !== undefined) {
      must(wire.posted.length === 1, 'nothing is posted on a link that is lost')
      return mustBeLost(told, close, status)
    }
    must(wire.posted.length === 2, 'the next one follows')
    must(frames.length + problems.length === 1, `answered once: ${frames.length} frames, ${problems.length} problems`)
    must(isJson(body), 'a page is no answer: the command may have been executed')
    if (frames.length === 0)
      return must(status === 200 && problems[0] === FIRST, 'a problem of the command in question')
    const [frame] = frames
    must(frame?.type === 'result' || frame?.type === 'reject', `${frame?.type} is no answer to a command`)
    mustBeFrame({ ok: true, frame })
    // Whatever number the server wrote: it was asked about one command alone.
    must(frame !== undefined && 'id' in frame && frame.id === FIRST, 'the answer to the command in question')
    must(!(frame?.type === 'reject' && frame.code === 'unauthorized'), 'a refused token ends the link')
  },
}

export const commandAnswerTargets: readonly FuzzTarget[] = [answer]
