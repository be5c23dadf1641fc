/** A raw client of the wire contract for the cluster's own tests: `ws`, and nothing of the library. */
import { WebSocket } from 'ws'

export interface Frame {
  readonly type: string
  readonly [member: string]: unknown
}

const WAIT_MS = 8000

/** Resolves when `condition` gives a value; rejects when it has not after a bounded time. */
export async function until<T>(
  condition: () => T | undefined | false,
  what = 'a condition',
  waitMs = WAIT_MS,
): Promise<T> {
  const deadline = performance.now() + waitMs
  for (;;) {
    const value = condition()
    if (value !== undefined && value !== false) return value
    if (performance.now() > deadline) throw new Error(`waited ${waitMs} ms for ${what} in vain`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export class Wire {
  readonly frames: Frame[] = []
  readonly socket: WebSocket
  closed: { code: number; reason: string } | undefined
  #id = 0

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer) => this.frames.push(JSON.parse(data.toString()) as Frame))
    socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }))
    socket.on('error', () => undefined)
  }

  static async dial(url: string, options: object = {}): Promise<Wire> {
    const wire = new Wire(new WebSocket(`${url.replace('http', 'ws')}/failover/stream`, 'failover-stream', options))
    await until(() => wire.socket.readyState === WebSocket.OPEN || wire.closed, 'the handshake')
    return wire
  }

  /** Dials and says hello; resolves at the welcome. */
  static async open(url: string, hello: object = {}, options: object = {}): Promise<Wire> {
    const wire = await Wire.dial(url, options)
    wire.send({ type: 'hello', version: 1, client: { id: 'wire' }, ...hello })
    await wire.frame('welcome')
    return wire
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame))
  }

  subscribe(topic: string, cursor?: object): number {
    const id = (this.#id += 1)
    this.send({ type: 'subscribe', id, topic, ...(cursor === undefined ? {} : { cursor }) })
    return id
  }

  command(name: string, args: unknown, key: string, more: object = {}): number {
    const id = (this.#id += 1)
    this.send({ type: 'command', id, name, args, key, ...more })
    return id
  }

  /** The first frame of this type that matches, waited for. */
  frame(type: string, matches: (frame: Frame) => boolean = () => true): Promise<Frame> {
    return until(() => this.frames.find((frame) => frame.type === type && matches(frame)), `a ${type} frame`)
  }

  result(id: number): Promise<Frame> {
    return this.frame('result', (frame) => frame['id'] === id)
  }

  of(id: number, type: string): Frame[] {
    return this.frames.filter((frame) => frame.type === type && frame['id'] === id)
  }

  seqs(id: number): number[] {
    return this.of(id, 'event').map((frame) => Number(frame['seq']))
  }

  close(): void {
    this.socket.terminate()
  }
}

export async function ready(url: string, ucc = 'helpdesk'): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${url}/failover/ready?ucc=${ucc}`, { signal: AbortSignal.timeout(WAIT_MS) })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
