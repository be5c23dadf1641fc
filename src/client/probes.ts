/**
 * Probes: how an endpoint is asked whether it can serve. The built-in ones carry a tagged spec, so that the driver
 * carries them out with the platform's callbacks (and the simulation stays synchronous); called as functions they do
 * the same through the context they are given, so that a custom probe can build on them.
 */
import { parseReadiness } from '../core/parse-readiness'
import type { ReadinessBody } from '../core/wire'
import { FailoverError } from '../errors'
import { checkRule } from './options-check'
import type { EndpointInfo } from './reports'

/** What a probe found out. Only `state` is needed; `unknown` means: alive, judged by liveness and traffic alone. */
export type Readiness = Pick<ReadinessBody, 'state'> & Partial<ReadinessBody>

/** An HTTP answer, whatever its status. */
export interface ProbeAnswer {
  /** HTTP status. */
  readonly status: number
  /** As text. */
  readonly body: string
}

/** What a probe is given to ask with. */
export interface ProbeContext {
  /** The UCC whose readiness is asked for. */
  readonly ucc?: string
  /** `health.path`. */
  readonly path: string
  /** Aborted when the probe is out of time (`health.timeoutMs`) or not wanted any more. */
  readonly signal: AbortSignal
  /**
   * Anonymous GET of `path` under the endpoint's base URL, on the road the client itself would take (configured
   * address, TLS name). Rejects when there was no HTTP answer.
   */
  readonly get: (path: string) => Promise<ProbeAnswer>
  /** Opens and closes a TCP connection to this port of the endpoint. Absent in pages. */
  readonly connect?: (port: number) => Promise<void>
}

/**
 * Asks one endpoint. Resolves: it is alive, and this is its readiness. Rejects: it did not answer.
 * @see readinessProbe, httpProbe, tcpProbe
 */
export type Probe = ((endpoint: EndpointInfo, context: ProbeContext) => Promise<Readiness>) & {
  /** Of the built-in ones. */
  readonly kind?: 'readiness' | 'http' | 'tcp'
}

/** A probe as the driver reads it. */
export type ProbeSpec =
  | { readonly kind: 'readiness' }
  | { readonly kind: 'http'; readonly path: string }
  | { readonly kind: 'tcp'; readonly port: number }
  | { readonly kind: 'custom'; readonly run: Probe }

// A registered symbol: the ESM and CommonJS builds must recognise each other's probes.
const SPEC = Symbol.for('failover-client.probe')

type BuiltIn = Exclude<ProbeSpec, { kind: 'custom' }>

function builtIn(spec: BuiltIn, run: (endpoint: EndpointInfo, context: ProbeContext) => Promise<Readiness>): Probe {
  return Object.freeze(Object.assign(run, { kind: spec.kind, [SPEC]: Object.freeze(spec) }))
}

/**
 * The readiness probe of the wire contract: `GET health.path?ucc=NAME`, judged by its body alone. The default.
 */
export function readinessProbe(): Probe {
  return builtIn({ kind: 'readiness' }, async (endpoint, { ucc, path, get }) => {
    const { body } = await get(readinessPath(path, ucc))
    const readiness = parseReadiness(body)
    if (readiness !== undefined) return readiness
    throw new FailoverError('PROTOCOL_ERROR', 'the answer is no readiness body', { endpoint: endpoint.id })
  })
}

/**
 * `GET path`: any 2xx is alive, readiness `unknown`. For servers that do not speak the contract: a stopped UCC behind
 * working web services is not seen.
 * @param options.path Absolute path under the endpoint's base URL, `/api/health`.
 * @throws FailoverError `INVALID_OPTION` when the path is none.
 */
export function httpProbe(options: { readonly path: string }): Probe {
  const path = checkRule({ kind: 'path', query: true }, options?.path, 'path') as string
  return builtIn({ kind: 'http', path }, async (endpoint, { get }) => {
    const readiness = readHttpProbe((await get(path)).status)
    if (readiness !== undefined) return readiness
    throw new FailoverError('NO_ENDPOINT_AVAILABLE', `${path} did not answer 2xx`, { endpoint: endpoint.id })
  })
}

/**
 * Opens a TCP connection to `port` and closes it: the load balancer's own check (Node only). Alive when it opens,
 * readiness `unknown`.
 * @throws FailoverError `INVALID_OPTION` when the port is none.
 */
export function tcpProbe(options: { readonly port: number }): Probe {
  const port = checkRule({ kind: 'integer', min: 1, max: 65_535 }, options?.port, 'port') as number
  return builtIn({ kind: 'tcp', port }, async (_endpoint, { connect }) => {
    if (connect === undefined)
      throw new FailoverError('INVALID_OPTION', 'tcpProbe works in Node only', { field: 'health.probe' })
    await connect(port)
    return { state: 'unknown' }
  })
}

/** How the driver carries this probe out. */
export function probeSpec(probe: Probe): ProbeSpec {
  return (probe as Probe & { readonly [SPEC]?: BuiltIn })[SPEC] ?? { kind: 'custom', run: probe }
}

/** `path` with the UCC in its query. */
export function readinessPath(path: string, ucc: string | undefined): string {
  if (ucc === undefined) return path
  return `${path}${path.includes('?') ? '&' : '?'}ucc=${encodeURIComponent(ucc)}`
}

/** What the status of an {@link httpProbe} answer means: alive, or nothing. */
export function readHttpProbe(status: number): Readiness | undefined {
  return status >= 200 && status < 300 ? { state: 'unknown' } : undefined
}
