import { describe, expect, it } from 'vitest'
import type { RestoreContext } from '../../src/client/option-types'
import { SimulatedWorld } from '../../src/testing/index'

// Found by the swarm: a hook that failed because the client closed was put down to be tried again.

type Hook = (context: RestoreContext) => Promise<void>

const HOOKS: readonly (readonly [string, Hook])[] = [
  ['gives up when it is told to', async ({ command }) => void (await command('login', {}, { safety: 'set' }))],
  ['never ends', () => new Promise(() => undefined)],
]

describe('close() during the restore hook of a routed request', () => {
  it.each(HOOKS)('leaves nothing alive, and warns of nothing: one that %s', async (_what, restoreSession) => {
    const world = new SimulatedWorld({ seed: 1 })
    world.setCommandDelay({ beforeMs: 5000, afterMs: 0 })
    const device = world.device()
    // A platform of its own is ended with the client, and hides what was left.
    const client = device.connect({ platform: device.platform(), restoreSession })
    const warnings: string[] = []
    client.on('warning', ({ code }) => warnings.push(code))
    await world.settle(client.ready())
    const request = client.fetch('/api/whoami').catch((error: unknown) => error)
    await world.run(500)
    await world.settle(client.close(), 1000)
    expect(await world.settle(request)).toMatchObject({ code: 'CLIENT_CLOSED' })
    expect(world.leftovers()).toEqual([])
    await world.run(2000)
    expect(world.leftovers()).toEqual([])
    expect(warnings).not.toContain('RESTORE_FAILED')
    world.close()
  })
})
