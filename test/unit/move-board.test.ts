import { expect, test } from 'vitest'
import { MoveBoard } from '../../src/client/move-board'
import type { MoveReport } from '../../src/client/reports'

test('a call is answered by the report of its move', async () => {
  const board = new MoveBoard()
  const answer = board.open((call) => board.accept(call, 7))
  const report = { kind: 'switchover' } as MoveReport
  board.done(6, undefined)
  board.done(7, report)
  expect(await answer).toBe(report)
})

test('a move whose new side broke, so that the client is back where it was, has failed', async () => {
  const board = new MoveBoard()
  const answer = board.open((call) => board.accept(call, 7))
  board.done(7, undefined)
  await expect(answer).rejects.toMatchObject({ code: 'MOVE_FAILED' })
})
