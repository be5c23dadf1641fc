/** Answers to probes travel beside the live connection: one may be overtaken by what the server says there. */
import { describe, expect, it } from 'vitest'
import { ReadinessBook } from '../../src/core/readiness-book'

function stoppedInBand(at: number): ReadinessBook {
  const book = new ReadinessBook()
  book.hear(0, 'srv1', 'helpdesk', { state: 'running', term: 1, via: 'welcome' })
  book.hear(at, 'srv1', 'helpdesk', { state: 'stopped', via: 'status' })
  return book
}

describe('a readiness answer that was asked for before the server said in band that it stopped', () => {
  it('cannot make it run again, and is asked for once more', () => {
    const book = stoppedInBand(1000)
    const late = book.hear(1010, 'srv1', 'helpdesk', { state: 'running', term: 1, via: 'probe', askedAt: 990 })
    expect(late).toEqual({ changed: false, again: true })
    expect(book.word('srv1', 'helpdesk')).toMatchObject({ state: 'stopped', runningSince: undefined })
    const next = book.hear(1030, 'srv1', 'helpdesk', { state: 'running', term: 2, via: 'probe', askedAt: 1020 })
    expect(next).toEqual({ changed: true, again: false })
    expect(book.word('srv1', 'helpdesk')).toMatchObject({ state: 'running', term: 2, runningSince: 1030 })
  })

  it('holds when it says the same', () => {
    const book = stoppedInBand(1000)
    book.hear(1010, 'srv1', 'helpdesk', { state: 'stopped', term: 1, via: 'probe', askedAt: 990 })
    expect(book.word('srv1', 'helpdesk')).toMatchObject({ state: 'stopped', probedAt: 1010 })
  })
})
