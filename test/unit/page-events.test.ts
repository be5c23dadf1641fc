import { beforeEach, describe, expect, it, vi } from 'vitest'
import { watchPage } from '../../src/platform/browser/page-events'
import type { PlatformSignal } from '../../src/platform/platform'

// A page stood in for by two event targets: what matters is which event is read as what.

let page: EventTarget
let document: EventTarget & { visibilityState: string }
let heard: PlatformSignal[]

beforeEach(() => {
  page = new EventTarget()
  document = Object.assign(new EventTarget(), { visibilityState: 'visible' })
  heard = []
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page))
  vi.stubGlobal('document', document)
  vi.stubGlobal('navigator', { onLine: true })
})

function happens(target: EventTarget, type: string, persisted?: boolean): void {
  target.dispatchEvent(Object.assign(new Event(type), persisted === undefined ? {} : { persisted }))
}

describe('what a page tells of itself', () => {
  // fault-matrix: 38
  it('into and out of the back/forward cache is suspend and resume; an ordinary unload and load is nothing', () => {
    watchPage((signal) => heard.push(signal))
    happens(page, 'pagehide', false)
    happens(page, 'pageshow', false)
    expect(heard).toEqual([])
    happens(page, 'pagehide', true)
    happens(page, 'pageshow', true)
    expect(heard).toEqual(['suspend', 'resume'])
  })

  it('freezing, hiding and the network are told as they come', () => {
    watchPage((signal) => heard.push(signal))
    happens(document, 'freeze')
    happens(document, 'resume')
    document.visibilityState = 'hidden'
    happens(document, 'visibilitychange')
    document.visibilityState = 'visible'
    happens(document, 'visibilitychange')
    happens(page, 'offline')
    happens(page, 'online')
    expect(heard).toEqual(['suspend', 'resume', 'hidden', 'visible', 'offline', 'online'])
  })

  it('a page that starts hidden and offline says so, once, and nothing after the end', async () => {
    document.visibilityState = 'hidden'
    vi.stubGlobal('navigator', { onLine: false })
    const stop = watchPage((signal) => heard.push(signal))
    expect(heard).toEqual([])
    await Promise.resolve()
    expect(heard).toEqual(['offline', 'hidden'])
    stop()
    happens(page, 'online')
    expect(heard).toHaveLength(2)
  })
})
