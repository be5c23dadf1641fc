/** Size of a text in UTF-8, only as exactly as the question needs. */

const encoder = new TextEncoder()
/** A UTF-16 unit takes at most three bytes in UTF-8. */
const MAX_BYTES_PER_UNIT = 3

/** Is the text longer than `maxBytes` in UTF-8? Encodes only where its length does not settle it. */
export function exceedsBytes(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return true
  if (text.length * MAX_BYTES_PER_UNIT <= maxBytes) return false
  return encoder.encode(text).byteLength > maxBytes
}
