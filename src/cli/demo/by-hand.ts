import type { Stage } from './stage'
export function playByHand(_stage: Stage, _signal: AbortSignal, _interrupt: () => void): Promise<number> { return Promise.resolve(0) }
