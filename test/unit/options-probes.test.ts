import { describe, expect, it } from 'vitest'
import { EVENTS } from '../../src/client/events'
import {
  httpProbe,
  probeSpec,
  readHttpProbe,
  readinessPath,
  readinessProbe,
  tcpProbe,
  type Probe,
  type ProbeAnswer,
  type ProbeContext,
} from '../../src/client/probes'
import { MOVE_REASONS, type EndpointInfo } from '../../src/client/reports'
import { WARNINGS } from '../../src/client/warnings'
import { isFailoverError } from '../../src/errors'

const endpoint = { id: 'https://srv1' } as EndpointInfo

function contextOf(answer: ProbeAnswer, asked: string[] = []): ProbeContext {
  const get = (path: string): Promise<ProbeAnswer> => {
    asked.push(path)
    return Promise.resolve(answer)
  }
  return { ucc: 'help desk', path: '/failover/ready', signal: new AbortController().signal, get }
}

describe('built-in probes', () => {
  it('are recognised by the driver; anything else is custom', () => {
    const own: Probe = () => Promise.resolve({ state: 'running' })
    expect(probeSpec(readinessProbe())).toEqual({ kind: 'readiness' })
    expect(probeSpec(httpProbe({ path: '/up?x=1' }))).toEqual({ kind: 'http', path: '/up?x=1' })
    expect(probeSpec(tcpProbe({ port: 6001 }))).toEqual({ kind: 'tcp', port: 6001 })
    expect(probeSpec(own)).toEqual({ kind: 'custom', run: own })
    expect([readinessProbe().kind, httpProbe({ path: '/' }).kind, own.kind]).toEqual(['readiness', 'http', undefined])
  })

  it('refuse what they cannot ask', () => {
    const attempts: [() => unknown, RegExp][] = [
      [() => httpProbe({ path: 'up' }), /^path must be a path/],
      [() => httpProbe({} as { path: string }), /^path must be .*got undefined/],
      [() => (httpProbe as () => unknown)(), /^path must be/],
      [() => tcpProbe({ port: 0 }), /^port must be an integer from 1 to 65535; got 0/],
      [() => tcpProbe({ port: 80.5 }), /^port must be/],
      [() => (tcpProbe as () => unknown)(), /^port must be/],
    ]
    for (const [attempt, says] of attempts) expect(attempt).toThrow(says)
  })

  it('ask readiness for the UCC and judge the body alone', async () => {
    const asked: string[] = []
    const body = JSON.stringify({ server: 'srv1', versions: [1], state: 'stopped', term: 7 })
    expect(await readinessProbe()(endpoint, contextOf({ status: 503, body }, asked))).toMatchObject({
      server: 'srv1',
      state: 'stopped',
      term: 7,
    })
    expect(asked).toEqual(['/failover/ready?ucc=help%20desk'])
    const foreign = readinessProbe()(endpoint, contextOf({ status: 200, body: '<html>Sign in</html>' }))
    await expect(foreign).rejects.toSatisfy((error) => isFailoverError(error, 'PROTOCOL_ERROR'))
  })

  it('take any 2xx for alive', async () => {
    const probe = httpProbe({ path: '/up' })
    expect(await probe(endpoint, contextOf({ status: 204, body: '' }))).toEqual({ state: 'unknown' })
    const dead = probe(endpoint, contextOf({ status: 302, body: '' }))
    await expect(dead).rejects.toSatisfy((error) => isFailoverError(error, 'NO_ENDPOINT_AVAILABLE'))
    expect([199, 200, 299, 300].map((status) => readHttpProbe(status)?.state)).toEqual([
      undefined,
      'unknown',
      'unknown',
      undefined,
    ])
  })

  it('open a port where the platform can', async () => {
    const ports: number[] = []
    const connect = (port: number): Promise<void> => Promise.resolve(void ports.push(port))
    const context = contextOf({ status: 0, body: '' })
    expect(await tcpProbe({ port: 6001 })(endpoint, { ...context, connect })).toEqual({ state: 'unknown' })
    expect(ports).toEqual([6001])
    await expect(tcpProbe({ port: 6001 })(endpoint, context)).rejects.toThrow(/Node only/)
  })

  it('put the UCC into the query', () => {
    expect(readinessPath('/r', undefined)).toBe('/r')
    expect(readinessPath('/r', 'a&b')).toBe('/r?ucc=a%26b')
    expect(readinessPath('/r?x=1', 'a')).toBe('/r?x=1&ucc=a')
  })
})

describe('tables', () => {
  it('say something of every code', () => {
    for (const [code, { means, remedy }] of Object.entries(WARNINGS)) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/)
      expect(
        [means, remedy].every((sentence) => /^\S.{8,}\.$/.test(sentence)),
        code,
      ).toBe(true)
    }
    for (const sentence of [...Object.values(MOVE_REASONS), ...Object.values(EVENTS)]) expect(sentence).toMatch(/\.$/)
  })
})
