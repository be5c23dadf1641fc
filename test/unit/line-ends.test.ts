import fc from 'fast-check'
import { createParser } from 'eventsource-parser'
import { describe, expect, it } from 'vitest'
import { lineEnds } from '../../src/transports/line-ends'
import { cut } from '../fuzz/generators'

function unified(chunks: readonly string[]): string[] {
  const unify = lineEnds()
  return chunks.map((chunk) => unify(chunk))
}

describe('line ends of an event stream', () => {
  it.each([
    [['a\r\nb\rc\nd'], ['a\nb\nc\nd']],
    [
      ['a\r', '\nb'],
      ['a\n', 'b'],
    ],
    [
      ['a\r', 'b'],
      ['a\n', 'b'],
    ],
    [
      ['\r', '', '\n', '\n'],
      ['\n', '', '', '\n'],
    ],
    [
      ['\r\r', '\n\r'],
      ['\n\n', '\n'],
    ],
  ])('%j become %j', (chunks, expected) => {
    expect(unified(chunks)).toEqual(expected)
  })

  it('are the same however the text is cut', () => {
    const text = fc.array(fc.constantFrom('\r', '\n', '\r\n', 'x', ''), { maxLength: 20 }).map((all) => all.join(''))
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 40 }), { maxLength: 6 }), (whole, at) => {
        expect(unified(cut(whole, at)).join('')).toBe(whole.replace(/\r\n|\r/g, '\n'))
      }),
      { numRuns: 2000 },
    )
  })

  // Found by fuzzing: the parser alone keeps the last CR of a chunk back until another line has come.
  it('an event that ends with a chunk’s last CR is heard with that chunk', () => {
    const heard: string[] = []
    const unify = lineEnds()
    const parser = createParser({ onEvent: ({ data }) => void heard.push(data) })
    parser.feed(unify('data: a\r\r'))
    expect(heard).toEqual(['a'])
    parser.feed(unify('\ndata: b\r'))
    parser.feed(unify('\r'))
    expect(heard).toEqual(['a', 'b'])
  })
})
