import { expect, test } from 'vitest'
import { readStored } from '../../src/client/last-known-good'

const HOUR_MS = 3_600_000
const NOW = 1_767_225_600_000

function storedAt(savedAt: number): string {
  const endpoints = [{ url: 'https://srv1.contoso.com' }]
  return JSON.stringify({ version: 1, savedAt, endpoints, addresses: { 'srv1.contoso.com': '192.0.2.1' } })
}

test('what was stored within a day is a hint, with its age', () => {
  expect(readStored(storedAt(NOW - 23 * HOUR_MS), NOW)).toMatchObject({
    named: [{ url: 'https://srv1.contoso.com' }],
    addresses: [['srv1.contoso.com', '192.0.2.1']],
    ageMs: 23 * HOUR_MS,
  })
})

test('what is older than a day names nobody and leads nowhere, nor does what comes from the future', () => {
  for (const savedAt of [NOW - 25 * HOUR_MS, NOW + 25 * HOUR_MS]) {
    expect(readStored(storedAt(savedAt), NOW)).toMatchObject({ named: [], addresses: [] })
  }
})
