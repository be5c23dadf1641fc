import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { runNode } from '../support/commands'

const { folder } = inject('consumer')

describe('the packed package at work', () => {
  it.each(['smoke.mjs', 'smoke.cjs'])('%s fails over, closes and ends by itself', (story) => {
    const run = runNode([join(folder, story)], folder)
    // A status of null is a process that had to be ended: something was left alive.
    expect(run.status, run.output).toBe(0)
    expect(JSON.parse(run.output)).toEqual({ first: 200, second: 200, names: ['a1', 'a2'], to: 'srv2', left: [] })
  })
})
