/** Milliseconds on a monotonic clock. Only differences mean anything; the wall clock never decides. */
export type Instant = number

/** A span in milliseconds. Names of such values end in `Ms`. */
export type DurationMs = number

/** "No deadline": sorts behind every instant. */
export const NEVER: Instant = Number.POSITIVE_INFINITY
