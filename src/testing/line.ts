/** A line: a connection of a device to where a road leads, name and TLS handshake included. */
import type { FailureKind, Road } from '../core/road'
import type { Cancel } from '../platform/platform'
import type { End } from './tcp'
import type { Segment } from './segments'
import type { Lookup } from './names'
import type { DialHandlers } from './network'

/** What a line needs of its device. Everything calls back while the device's code runs, and later otherwise. */
export interface LineDevice {
  lookup(name: string, done: (lookup: Lookup) => void): Cancel
  dial(address: string, handlers: DialHandlers): Cancel
}

export interface LineHandlers {
  ready(end: End): void
  failed(kind: FailureKind, code: string): void
  data(segment: Segment): void
  ended(how: 'fin' | 'reset'): void
}

/** Opens a line; the cancel function also drops one that is open. */
export function openLine(device: LineDevice, road: Road, handlers: LineHandlers): Cancel {
  const url = new URL(road.url)
  const target = road.address ?? url.hostname
  let isOver = false
  let cancel: Cancel = () => undefined
  const failed = (kind: FailureKind, code: string): void => {
    if (isOver) return
    isOver = true
    handlers.failed(kind, code)
  }
  cancel = device.lookup(target, (lookup) => {
    if (isOver) return
    if (!lookup.ok) return failed('dns', lookup.code)
    cancel = device.dial(
      lookup.address,
      handshake(url.protocol === 'https:', { ...handlers, failed }, () => isOver),
    )
  })
  return () => {
    isOver = true
    cancel()
  }
}

function handshake(isSecure: boolean, handlers: LineHandlers, isOver: () => boolean): DialHandlers {
  let end: End | undefined
  let isReady = !isSecure
  return {
    connected(opened) {
      end = opened
      if (isOver()) return
      if (isSecure) opened.send({ is: 'client-hello' })
      else handlers.ready(opened)
    },
    failed: handlers.failed,
    data(segment) {
      if (isOver()) return
      if (segment.is !== 'server-hello' || end === undefined) return handlers.data(segment)
      if (end.connection.link.fault === 'certificate') {
        end.abort()
        return handlers.failed('certificate', 'CERT_HAS_EXPIRED')
      }
      isReady = true
      handlers.ready(end)
    },
    ended(how) {
      if (isOver()) return
      if (isReady) handlers.ended(how)
      else handlers.failed('reset', 'ECONNRESET')
    },
  }
}
