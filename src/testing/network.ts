/** Devices, hosts and the links between them: who gets a connection to whom, and what is wrong on the way. */
import type { FailureKind } from '../core/road'
import type { Cancel } from '../platform/platform'
import { stream } from './chance'
import { Link, type Conditions, type LinkEnd, type Way } from './link'
import { aspectsOf, LinkRules, matches, type Aspect, type Rule, type Selector } from './link-rules'
import { Connection, type End, type EndHandlers, type Packet } from './tcp'
import type { Segment } from './segments'
import type { Timeline } from './timeline'
import type { Trace } from './trace'
import type {
  LinkDirection,
  LinkFault,
  LinkQuality,
  SimulatedLinks,
  SimulatedNetwork,
  SimulatedVip,
} from './network-types'

/** Somebody who can be dialled. */
export interface Host extends LinkEnd {
  /** Somebody listens there. */
  readonly isListening: boolean
  /** A connection is there; the kernel accepts it whether the program runs or not. */
  accept(end: End): EndHandlers
}

export interface Dialler extends LinkEnd {
  /** Every connection ends at a captive portal. */
  readonly portal: Host | undefined
}

export interface DialHandlers extends EndHandlers {
  connected(end: End): void
  failed(kind: FailureKind, code: string): void
}

/** Linux: 1 s, then twice as long each time. */
const SYN_RETRY_MS = 1000

/** Accepts everything and answers nothing. */
const TAR_PIT: EndHandlers = { data: () => undefined, ended: () => undefined }

export interface NetworkParts {
  readonly timeline: Timeline
  readonly trace: Trace
  readonly seed: number
  readonly conditions: Conditions
}

export class Network implements SimulatedNetwork {
  readonly #parts: NetworkParts
  readonly #links = new Map<string, Link>()
  readonly #hosts = new Map<string, Host>()
  readonly #connections = new Set<Connection>()
  /** In force for links that are made later. */
  readonly #rules = new LinkRules()
  #lastId = 0
  /** Registers the name of a VIP. */
  readonly #named: (name: string, address: string) => string

  constructor(parts: NetworkParts, named: (name: string, address: string) => string) {
    this.#parts = parts
    this.#named = named
  }

  get openConnections(): number {
    return this.#connections.size
  }

  /** Who is reached at an address. */
  put(address: string, host: Host): void {
    this.#hosts.set(address, host)
  }

  hostAt(address: string): Host | undefined {
    return this.#hosts.get(address)
  }

  vip(name: string, server: string): SimulatedVip {
    const address = `192.0.2.${100 + this.#hosts.size}`
    const point = (to: string): void => {
      const host = this.#hostNamed(to)
      this.#parts.trace.note('network', `vip ${name} points at ${to}`)
      this.put(address, host)
    }
    point(server)
    return { url: this.#named(name, address), address, point }
  }

  links(where: Selector = {}): SimulatedLinks {
    const name = `${where.device ?? '*'} ↔ ${where.server ?? '*'}`
    const rule = (what: string, decides: readonly Aspect[], apply: (link: Link) => void): void => {
      this.#parts.trace.note('network', `${name} ${what}`)
      this.#apply({ where, decides, apply })
    }
    const each = (what: string, act: (connection: Connection) => void): void => {
      this.#parts.trace.note('network', `${name} ${what}`)
      for (const connection of this.#connections) if (matches(where, connection.link)) act(connection)
    }
    return {
      quality: (change: LinkQuality, direction: LinkDirection = 'both') =>
        rule(`${direction} ${JSON.stringify(change)}`, aspectsOf(change, direction), (link) =>
          link.change(change, direction),
        ),
      break: (fault: LinkFault) =>
        rule(fault, ['fault'], (link) => {
          link.fault = fault
        }),
      heal: () =>
        rule('healed', ['fault'], (link) => {
          link.fault = undefined
        }),
      reset: () =>
        each('reset', ({ device, host }) => {
          device.take({ is: 'reset' })
          host.take({ is: 'reset' })
        }),
      forget: () =>
        each('forgotten', (connection) => {
          connection.isForgotten = true
        }),
    }
  }

  heal(): void {
    this.#parts.trace.note('network', 'all healed')
    this.#rules.clear()
    const { conditions } = this.#parts
    for (const link of this.#links.values()) {
      link.fault = undefined
      link.change(conditions, 'both')
    }
  }

  /** A TCP connection, tried until it is there, refused or cancelled. */
  dial(device: Dialler, address: string, handlers: DialHandlers): Cancel {
    const dialling = new Dialling(this.#parts.timeline, handlers)
    const host = device.portal ?? this.#hosts.get(address)
    if (host === undefined || device.isCutOff) {
      dialling.fail(0, 'unreachable', 'EHOSTUNREACH')
      return () => dialling.cancel()
    }
    const link = this.#link(device, host)
    if (link.fault === 'unreachable') dialling.fail(link.latency('up'), 'unreachable', 'EHOSTUNREACH')
    else this.#knock(dialling, link, host, SYN_RETRY_MS)
    return () => dialling.cancel()
  }

  #knock(dialling: Dialling, link: Link, host: Host, retryMs: number): void {
    const { timeline } = this.#parts
    dialling.again(retryMs, () => this.#knock(dialling, link, host, 2 * retryMs))
    if (link.loses('up')) return
    timeline.after(link.latency('up'), () => {
      if (dialling.isOver || link.isBlocked('up') || link.fault === 'black-hole') return
      const isHole = link.fault === 'accept-and-hang'
      if (link.fault === 'refused' || (!isHole && !host.isListening)) {
        if (!link.loses('down') && !link.isBlocked('down')) {
          dialling.fail(link.latency('down'), 'refused', 'ECONNREFUSED')
        }
        return
      }
      this.#accept(dialling, link, isHole ? () => TAR_PIT : (end) => host.accept(end))
    })
  }

  #accept(dialling: Dialling, link: Link, accept: (end: End) => EndHandlers): void {
    const { timeline } = this.#parts
    this.#lastId += 1
    const connection = new Connection(
      {
        id: this.#lastId,
        link,
        timeline,
        whenOver: () => this.#connections.delete(connection),
        witness: (seen, way, packet) => this.#witness(seen, way, packet),
      },
      dialling,
      accept,
    )
    this.#connections.add(connection)
    dialling.accepted(connection)
    connection.host.send({ is: 'accepted' })
  }

  /** Whatever arrives is in the trace, at the one to whom it comes. */
  #witness({ id, link }: Connection, way: Way, packet: Packet): void {
    if (this.#parts.trace.isOff) return
    const to = way === 'up' ? link.host.name : link.device.name
    const what = packet.is === 'data' ? packet.segment.is : packet.is
    this.#parts.trace.note(to, `hears #${id} ${what}`, packet.is === 'data' ? textOf(packet.segment) : '')
  }

  #link(device: LinkEnd, host: LinkEnd): Link {
    const key = `${device.name} ${host.name}`
    let link = this.#links.get(key)
    if (link === undefined) {
      const { conditions, seed } = this.#parts
      link = new Link(device, host, conditions, stream(seed, `link ${key}`))
      this.#rules.applyTo(link)
      this.#links.set(key, link)
    }
    return link
  }

  #apply(rule: Rule): void {
    this.#rules.add(rule)
    for (const link of this.#links.values()) if (matches(rule.where, link)) rule.apply(link)
  }

  #hostNamed(name: string): Host {
    for (const host of this.#hosts.values()) if (host.name === name) return host
    throw new Error(`there is no server ${name} to point at`)
  }
}

function textOf(segment: Segment): string {
  if ('text' in segment) return 'status' in segment ? `${segment.status} ${segment.text}` : segment.text
  return 'request' in segment ? `${segment.request.method} ${segment.request.target}` : ''
}

/** A connection that is being made: the device's end of it, until and after it is there. */
class Dialling implements EndHandlers {
  readonly #timeline: Timeline
  readonly #handlers: DialHandlers
  #connection: Connection | undefined
  #isConnected = false
  #isOver = false
  #cancelNext: Cancel | undefined

  constructor(timeline: Timeline, handlers: DialHandlers) {
    this.#timeline = timeline
    this.#handlers = handlers
  }

  /** No further knock counts. */
  get isOver(): boolean {
    return this.#isOver || this.#connection !== undefined
  }

  again(afterMs: number, knock: () => void): void {
    this.#cancelNext?.()
    this.#cancelNext = this.#timeline.after(afterMs, knock)
  }

  accepted(connection: Connection): void {
    this.#cancelNext?.()
    this.#connection = connection
  }

  fail(afterMs: number, kind: FailureKind, code: string): void {
    this.#cancelNext?.()
    this.#cancelNext = this.#timeline.after(afterMs, () => {
      if (this.#isOver) return
      this.#isOver = true
      this.#handlers.failed(kind, code)
    })
  }

  data(segment: Parameters<EndHandlers['data']>[0]): void {
    if (segment.is !== 'accepted') return this.#handlers.data(segment)
    if (this.#connection === undefined) return
    this.#isConnected = true
    this.#handlers.connected(this.#connection.device)
  }

  ended(how: 'fin' | 'reset'): void {
    if (this.#isConnected) return this.#handlers.ended(how)
    this.#isOver = true
    this.#handlers.failed('reset', 'ECONNRESET')
  }

  cancel(): void {
    this.#isOver = true
    this.#cancelNext?.()
    this.#connection?.device.abort()
  }
}
