/** The terminal: alternate screen, raw keys and size, and everything put back in the end, however that comes. */
import type { ReadStream, WriteStream } from 'node:tty'
import { render, type Line } from './text'
import type { Size } from './screen'

const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[0m\x1b[?25h\x1b[?1049l'
/** A frame appears at once where the terminal knows how; others ignore it. */
const FRAME_BEGIN = '\x1b[?2026h\x1b[H'
const FRAME_END = '\x1b[?2026l'

export interface TerminalEvents {
  readonly typed: (characters: string) => void
  readonly resized: () => void
}

export class Terminal {
  readonly #input: ReadStream
  readonly #output: WriteStream
  readonly #hasColours: boolean
  readonly #events: TerminalEvents
  readonly #onData = (data: Buffer): void => this.#events.typed(data.toString('utf8'))
  readonly #onResize = (): void => {
    this.#output.write('\x1b[2J')
    this.#events.resized()
  }
  readonly #onExit = (): void => this.leave()
  #isEntered = false

  constructor(input: ReadStream, output: WriteStream, hasColours: boolean, events: TerminalEvents) {
    this.#input = input
    this.#output = output
    this.#hasColours = hasColours
    this.#events = events
  }

  get size(): Size {
    return { columns: this.#output.columns || 80, rows: this.#output.rows || 24 }
  }

  enter(): void {
    this.#isEntered = true
    // Also when something throws: nobody wants a shell without echo and cursor.
    process.on('exit', this.#onExit)
    this.#output.on('resize', this.#onResize)
    this.#output.write(ENTER)
    this.#input.setRawMode(true)
    this.#input.on('data', this.#onData)
    this.#input.resume()
  }

  draw(lines: readonly Line[]): void {
    if (!this.#isEntered) return
    const body = lines.map((line) => render(line, this.#hasColours)).join('\r\n')
    this.#output.write(`${FRAME_BEGIN}${body}${FRAME_END}`)
  }

  /** Idempotent. */
  leave(): void {
    if (!this.#isEntered) return
    this.#isEntered = false
    process.off('exit', this.#onExit)
    this.#output.off('resize', this.#onResize)
    this.#input.off('data', this.#onData)
    this.#input.setRawMode(false)
    this.#input.pause()
    this.#output.write(LEAVE)
  }
}
