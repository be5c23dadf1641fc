/** The line ends of an event stream. */

/**
 * Turns CRLF, CR and LF (HTML 9.2.6) into LF, also where a chunk ends between CR and LF. The parser would do it, but it
 * keeps a chunk's last CR until another line has come, so that a stream of CRs is always one event late, and it looks
 * for an LF anew behind each CR: a megabyte of CRs in one chunk took it 3.7 s.
 */
export function lineEnds(): (chunk: string) => string {
  let isAfterCr = false
  return (chunk) => {
    if (chunk === '') return chunk
    const text = isAfterCr && chunk.startsWith('\n') ? chunk.slice(1) : chunk
    isAfterCr = chunk.endsWith('\r')
    return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
  }
}
