/** What travels on a connection: HTTP, WebSocket and the handshakes below them, one meaningful piece at a time. */

export interface WireRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type Segment =
  | { readonly is: 'accepted' }
  | { readonly is: 'client-hello' }
  | { readonly is: 'server-hello' }
  | { readonly is: 'request'; readonly request: WireRequest }
  /** A response whole, or the head of one that goes on. */
  | {
      readonly is: 'response'
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly text: string
      readonly isWhole: boolean
    }
  | { readonly is: 'body'; readonly text: string }
  | { readonly is: 'body-end' }
  | { readonly is: 'upgrade'; readonly request: WireRequest; readonly protocols: readonly string[] }
  | { readonly is: 'upgraded'; readonly protocol: string }
  | { readonly is: 'message'; readonly text: string }
  | { readonly is: 'bytes'; readonly bytes: ArrayBuffer }
  | { readonly is: 'close'; readonly code: number; readonly reason: string }
