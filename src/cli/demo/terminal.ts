/** The terminal: alternate screen, raw keys and size, and everything put back in the end, however that comes. */
import { render, type Line } from './text'
import type { Size } from './screen'

const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[2J\x1b[0m\x1b[?25h\x1b[?1049l'
/** A frame appears at once where the terminal knows how; others ignore it. */
const FRAME_BEGIN = '\x1b[?2026h\x1b[H'
const FRAME_END = '\x1b[?2026l'
/** Of a terminal that does not tell, or says 0. */
const DEFAULT_SIZE: Size = { columns: 80, rows: 24 }

/** What the screen needs of `process.stdin`. */
export interface TerminalInput {
  setRawMode(isRaw: boolean): unknown
  resume(): unknown
  pause(): unknown
  on(event: 'data', listener: (data: Buffer) => void): unknown
  off(event: 'data', listener: (data: Buffer) => void): unknown
}

/** What the screen needs of `process.stdout`. */
export interface TerminalOutput {
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
  on(event: 'resize', listener: () => void): unknown
  off(event: 'resize', listener: () => void): unknown
}

/** A terminal to draw on. */
export interface Console {
  readonly input: TerminalInput
  readonly output: TerminalOutput
  readonly hasColours: boolean
}

export interface TerminalEvents {
  readonly typed: (characters: string) => void
  readonly resized: () => void
}

export class Terminal {
  readonly #input: TerminalInput
  readonly #output: TerminalOutput
  readonly #hasColours: boolean
  readonly #events: TerminalEvents
  readonly #onData = (data: Buffer): void => this.#events.typed(data.toString('utf8'))
  readonly #onResize = (): void => {
    this.#output.write('\x1b[2J')
    this.#events.resized()
  }
  readonly #onExit = (): void => this.leave()
  #isEntered = false

  constructor({ input, output, hasColours }: Console, events: TerminalEvents) {
    this.#input = input
    this.#output = output
    this.#hasColours = hasColours
    this.#events = events
  }

  get size(): Size {
    return { columns: this.#output.columns || DEFAULT_SIZE.columns, rows: this.#output.rows || DEFAULT_SIZE.rows }
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
