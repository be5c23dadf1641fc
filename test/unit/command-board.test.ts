import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { CommandBoard } from '../../src/client/command-board'
import type { SessionInput } from '../../src/core/session-protocol'
import type { Platform } from '../../src/platform/platform'

const platform = { now: () => 1000, randomId: () => 'key' } as unknown as Platform

function boardWithInputs() {
  const inputs: SessionInput[] = []
  return { inputs, board: new CommandBoard(platform, 5000, (input) => void inputs.push(input)) }
}

test('a signal that outlives its command keeps no listener of it', async () => {
  const { board } = boardWithInputs()
  const { signal } = new AbortController()
  const answer = board.send('presence.set', 'away', { safety: 'set', signal })
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  board.settle({ type: 'done', command: 1, data: 'ok', duplicate: false })
  expect(await answer).toBe('ok')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('an abort is told to the machine, which knows whether the command has left', async () => {
  const { board, inputs } = boardWithInputs()
  const controller = new AbortController()
  const answer = board.send('call.transfer', 'anna', { signal: controller.signal })
  controller.abort('changed my mind')
  expect(inputs.at(-1)).toEqual({ type: 'command-abort', command: 1, reason: 'changed my mind' })
  const abortReason = 'changed my mind'
  board.settle({ type: 'failed', command: 1, code: 'COMMAND_EXPIRED', message: 'aborted', abortReason })
  await expect(answer).rejects.toBe('changed my mind')
  expect(board.size).toBe(0)
})
