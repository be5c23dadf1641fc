/** WebSocket classes that misbehave as real ones were seen to: the platform still makes one `closed` of it. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { browserPlatform } from '../../src/platform/browser/browser-platform'
import type { Platform } from '../../src/platform/platform'
import { openSocket, road } from '../support/platform-probes'
import { until } from '../support/loopback'

let platform: Platform
const endless: OddSocket[] = []

class OddSocket {
  binaryType = 'blob'
  readyState = 0
  readonly protocol = ''
  readonly extensions = ''
  readonly bufferedAmount = 0
  onopen: ((event: unknown) => void) | null = null
  onmessage: ((event: unknown) => void) | null = null
  onerror: ((event: unknown) => void) | null = null
  onclose: ((event: unknown) => void) | null = null
  readonly closes: (number | undefined)[] = []

  constructor(url: string) {
    if (url.includes('throws')) throw new DOMException('mixed content', 'SecurityError')
    if (url.includes('endless')) endless.push(this)
    else queueMicrotask(() => this.onerror?.({ type: 'error' }))
  }

  send(): void {}

  close(code?: number): void {
    if (code === 1012) throw new DOMException('not for pages', 'InvalidAccessError')
    this.closes.push(code)
  }
}

beforeEach(() => {
  vi.stubGlobal('WebSocket', OddSocket)
  platform = browserPlatform()
})
afterEach(() => platform.close())

it('an error that no close follows: Chromium, for a WebSocket blocked by the Content-Security-Policy', async () => {
  const heard = openSocket(platform, { road: road(1) })
  await until('closed', () => heard.closes.length > 0)
  expect(heard.closes).toMatchObject([{ code: 1006, clean: false, failure: { kind: 'opaque', sent: 'maybe' } }])
})

it('an error that no close follows, on a socket abandoned meanwhile', async () => {
  const heard = openSocket(platform, { road: road(1) })
  const other = openSocket(platform, { road: road(1) })
  queueMicrotask(() => heard.socket.abandon())
  await until('the other one is closed', () => other.closes.length > 0)
  expect(heard.closes).toEqual([])
})

it('a constructor that throws: mixed content, a bad protocol name', async () => {
  const heard = openSocket(platform, { road: road(1), path: '/throws' })
  const abandoned = openSocket(platform, { road: road(1), path: '/throws' })
  abandoned.socket.abandon()
  expect(heard.closes).toEqual([])
  await until('closed', () => heard.closes.length > 0)
  expect(heard.closes).toMatchObject([{ code: 1006, failure: { kind: 'blocked', sent: 'no' } }])
  expect(abandoned.closes).toEqual([])
})

it('a close code that a page may not send', () => {
  const heard = openSocket(platform, { road: road(1), path: '/endless' })
  heard.socket.close(1012, 'failover')
  expect(endless[0]?.closes).toEqual([1000])
})
