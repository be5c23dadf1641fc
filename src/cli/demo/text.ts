/** Styled text as data: lines of segments, measured, cut, boxed and set side by side; escape sequences come last. */

/** How a segment looks where there are colours. */
export type Style = 'bold' | 'dim' | 'inverse' | 'red' | 'green' | 'yellow' | 'cyan' | 'magenta'

export interface Segment {
  readonly text: string
  readonly styles: readonly Style[]
}

export type Line = readonly Segment[]

const CODES: Readonly<Record<Style, number>> = {
  bold: 1,
  dim: 2,
  inverse: 7,
  red: 31,
  green: 32,
  yellow: 33,
  magenta: 35,
  cyan: 36,
}

export const EMPTY: Line = []

/** One segment. All characters of the demo are one column wide. */
export function text(content: string, ...styles: readonly Style[]): Segment {
  return { text: content, styles }
}

/** Columns a line takes. */
export function widthOf(line: Line): number {
  return line.reduce((sum, segment) => sum + [...segment.text].length, 0)
}

/** Exactly so many columns: filled up with blanks, or cut with an ellipsis. */
export function fit(line: Line, columns: number): Line {
  const missing = columns - widthOf(line)
  if (missing === 0) return line
  if (missing > 0) return [...line, text(' '.repeat(missing))]
  const cut: Segment[] = []
  let left = Math.max(0, columns - 1)
  for (const segment of line) {
    const characters = [...segment.text]
    cut.push({ ...segment, text: characters.slice(0, left).join('') })
    left -= characters.length
    if (left <= 0) break
  }
  return columns > 0 ? [...cut, text('…', 'dim')] : []
}

/** Left and right ends of one line, of so many columns. */
export function spread(left: Line, right: Line, columns: number): Line {
  const room = columns - widthOf(right)
  return room > widthOf(left) ? [...fit(left, room), ...right] : fit([...left, text(' '), ...right], columns)
}

/** Exactly so many lines: empty ones added below, or the last ones left out. */
export function tall(lines: readonly Line[], rows: number): readonly Line[] {
  return Array.from({ length: Math.max(0, rows) }, (_unused, index) => lines[index] ?? EMPTY)
}

/** A frame around lines, with a title in its upper edge. */
export function box(title: Line, lines: readonly Line[], columns: number): readonly Line[] {
  const inner = Math.max(0, columns - 4)
  const head = fit([text('╭─ ', 'dim'), ...title, text(' ')], Math.min(columns - 1, widthOf(title) + 4))
  const edge = '─'.repeat(Math.max(0, columns - 1 - widthOf(head)))
  return [
    [...head, text(`${edge}╮`, 'dim')],
    ...lines.map((line) => [text('│ ', 'dim'), ...fit(line, inner), text(' │', 'dim')]),
    [text(`╰${'─'.repeat(Math.max(0, columns - 2))}╯`, 'dim')],
  ]
}

/** Two blocks side by side. */
export function beside(
  left: readonly Line[],
  right: readonly Line[],
  leftColumns: number,
  rightColumns: number,
): readonly Line[] {
  const rows = Math.max(left.length, right.length)
  return Array.from({ length: rows }, (_unused, index) => [
    ...fit(left[index] ?? EMPTY, leftColumns),
    ...fit(right[index] ?? EMPTY, rightColumns),
  ])
}

/** A line for the terminal, or as plain text. */
export function render(line: Line, hasColours: boolean): string {
  return line
    .map(({ text: content, styles }) =>
      hasColours && styles.length > 0
        ? `\x1b[${styles.map((style) => CODES[style]).join(';')}m${content}\x1b[0m`
        : content,
    )
    .join('')
}
