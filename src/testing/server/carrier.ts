/** What carries frames to the client. */
export interface Carrier {
  send(text: string, sent?: () => void): void
  /** Ends it in good order. */
  close(code: number, reason: string): void
  /** Breaks it without a word. */
  destroy(): void
  /** Bytes not yet taken by the network. */
  backlogBytes(): number
  /** Stop or go on reading. */
  hold(on: boolean): void
}
