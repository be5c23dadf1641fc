/** What the doctor says, as data: the shape of `--json`. Members are added, never changed: docs/doctor.md has them. */
import { DOCTOR_EXIT } from '../exit-codes'
import { check } from './checks/check'
import type { Finding, Level } from './checks/finding'
import { FINDINGS } from './checks/findings'
import { bodyOf, isUsable, tlsOf } from './checks/view'
import { estimate, type Estimates } from './estimate'
import type { DnsFacts, Facts, Question, RoadFacts, RoadSource } from './facts'

/** A finding with all that is to be said of it. */
export interface FindingReport extends Finding {
  readonly why: string
  readonly remedy: string
}

/** What is known of one road. */
export interface RoadReport {
  readonly id: string
  readonly url: string
  readonly source: RoadSource
  readonly address: string | null
  /** `open`, or why not. */
  readonly tcp: string
  /** None over plain http, or without TCP. */
  readonly tls: { readonly names: readonly string[]; readonly validTo: string; readonly protocol: string } | null
  readonly server: string | null
  /** Of the UCC there; `null`: no readiness was answered. */
  readonly state: string | null
  readonly term: number | null
  readonly skewMs: number | null
  /** Of the UCC: `open`, or why not; `null`: not asked for. */
  readonly uccPort: string | null
}

export interface DoctorReport {
  /** Of this shape. */
  readonly version: 1
  readonly verdict: 'ready' | 'fragile' | 'broken'
  readonly exitCode: number
  /** ISO 8601. */
  readonly at: string
  readonly question: Question
  readonly dns: DnsFacts | null
  readonly roads: readonly RoadReport[]
  /** The worst first. */
  readonly findings: readonly FindingReport[]
  readonly estimate: Estimates
  /** For the pages' Content-Security-Policy. */
  readonly csp: string
}

export function reportOf(facts: Facts): DoctorReport {
  const findings = check(facts).map((finding) => ({ ...finding, ...FINDINGS[finding.code] }))
  const verdict = verdictOf(findings, facts)
  return {
    version: 1,
    verdict,
    exitCode: DOCTOR_EXIT[verdict],
    at: new Date(facts.at).toISOString(),
    question: facts.question,
    dns: facts.dns ?? null,
    roads: facts.roads.map(roadReport),
    findings,
    estimate: estimate(facts),
    csp: cspOf(facts),
  }
}

function verdictOf(findings: readonly Finding[], facts: Facts): DoctorReport['verdict'] {
  const has = (level: Level): boolean => findings.some((one) => one.level === level)
  if (has('broken') || !facts.roads.some((road) => isUsable(road, facts))) return 'broken'
  return has('fragile') ? 'fragile' : 'ready'
}

function roadReport(road: RoadFacts): RoadReport {
  const { id, url, source, address, tcp, ready, uccPort } = road
  const tls = tlsOf(road)
  const body = bodyOf(road)
  return {
    id,
    url,
    source,
    address: address ?? null,
    tcp: tcp.kind === 'open' ? 'open' : tcp.code,
    tls:
      tls === undefined
        ? null
        : { names: tls.names, validTo: new Date(tls.validTo).toISOString(), protocol: tls.protocol },
    server: body?.server ?? null,
    state: body?.state ?? null,
    term: body?.term ?? null,
    skewMs: ready?.kind === 'http' ? (ready.skewMs ?? null) : null,
    uccPort: uccPort === undefined ? null : uccPort.kind === 'open' ? 'open' : uccPort.code,
  }
}

/** Both schemes of each origin: browsers differ in whether https covers wss. */
function cspOf({ roads }: Facts): string {
  const origins = [...new Set(roads.map(({ url }) => new URL(url).origin))]
  return `connect-src 'self' ${origins.flatMap((origin) => [origin, origin.replace(/^http/, 'ws')]).join(' ')}`
}
