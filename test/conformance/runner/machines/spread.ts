/** The spread of a fleet: its window W, and each class's first hop in it. Arithmetic: time plays no part. */
import { DEFAULTS } from '../../../../src/client/defaults'
import { drawSpread, spreadWindow } from '../../../../src/core/spread'
import type { Fields } from '../fields'
import type { MachineKind } from '../machine'

const CLASSES = ['interactive', 'agent', 'board', 'visitor'] as const

export const spread: MachineKind = {
  inputs: ['window', 'draw'],
  expects: { windows: [], draws: [] },
  create(config) {
    const settings = config.object('failover')
    const failover = {
      ...DEFAULTS.failover,
      spreadMs: settings.number('spreadMs', DEFAULTS.failover.spreadMs),
      maxSpreadMs: settings.number('maxSpreadMs', DEFAULTS.failover.maxSpreadMs),
    }
    settings.done()
    let windows: number[] = []
    let draws: number[] = []
    return {
      advance: () => undefined,
      take(word, row) {
        const given = row.object(word)
        if (word === 'window') windows.push(spreadWindow(facts(given), failover))
        else draws.push(draw(given))
        given.done()
      },
      observe() {
        const seen = { windows, draws }
        windows = []
        draws = []
        return seen
      },
    }
  },
}

/** `leaves`: clients of the server that is left; `takes`: connections a second that the next one accepts. */
function facts(given: Fields): Parameters<typeof spreadWindow>[0] {
  return {
    ...(given.has('announcedMs') ? { announcedMs: given.number('announcedMs') } : {}),
    ...(given.has('leaves') ? { left: { clients: given.number('leaves') } } : {}),
    ...(given.has('takes') ? { dialled: { acceptPerSec: given.number('takes') } } : {}),
  }
}

function draw(given: Fields): number {
  const random = given.number('random')
  return drawSpread(given.number('windowMs'), given.oneOf('class', CLASSES), () => random)
}
