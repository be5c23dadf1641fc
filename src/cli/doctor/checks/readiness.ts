/** Who runs the UCC, and who could. */
import { PROTOCOL_VERSION } from '../../../core/wire'
import type { Facts, RoadFacts } from '../facts'
import type { Finding } from './finding'
import { bodyOf, impact, isDialable, isUsable, listed, serversOf, targetsOf } from './view'

/** What a probe has (`health.timeoutMs`). */
const PROBE_MS = 1500

export function checkReadiness(facts: Facts): Finding[] {
  return [
    ...facts.roads.flatMap((road) => [...answer(road, facts), ...upgrade(road)]),
    ...servers(facts),
    ...runsNowhere(facts),
    ...failoverTargets(facts),
    ...sharedServers(facts),
  ]
}

function answer(road: RoadFacts, facts: Facts): Finding[] {
  const { ready, again, id: subject } = road
  if (ready === undefined) return []
  if (ready.kind === 'failure') {
    const what = ready.code === 'ETIMEDOUT' ? 'is not answered' : `ends without an answer (${ready.code})`
    const seen = `The port opens, and readiness ${what}.`
    return [{ code: 'READY_SILENT', level: impact(facts), subject, seen }]
  }
  const { status, headers, body } = ready
  if (status >= 300 && status < 400) {
    const seen = `Readiness is redirected (${status}) to ${headers['location'] ?? 'somewhere'}.`
    return [{ code: 'READY_REDIRECT', level: impact(facts), subject, seen }]
  }
  if (body === undefined) {
    const type = headers['content-type'] ?? 'no type'
    const seen = `Readiness is answered by something else: ${status}, ${type}, without \`server\` and \`state\`.`
    return [{ code: 'READY_NO_CONTRACT', level: impact(facts), subject, seen }]
  }
  const findings: Finding[] = []
  // One slow answer may be this machine's own fault.
  const tookMs = Math.min(ready.tookMs, again?.kind === 'http' ? again.tookMs : ready.tookMs)
  if (tookMs > PROBE_MS) {
    findings.push({ code: 'READY_SLOW', level: 'fragile', subject, seen: `Readiness took ${tookMs} ms.` })
  }
  if (!/\bno-store\b/i.test(headers['cache-control'] ?? '')) {
    const seen = `Readiness comes with Cache-Control: ${headers['cache-control'] ?? '(none)'}.`
    findings.push({ code: 'READY_CACHEABLE', level: 'hint', subject, seen })
  }
  const other = again?.kind === 'http' ? again.body?.server : undefined
  if (other !== undefined && other !== body.server) {
    const seen = `Two questions were answered by ${listed([body.server, other].sort())}.`
    findings.push({ code: 'SERVER_CHANGES', level: 'fragile', subject, seen })
  }
  return findings
}

/** A proxy that strips upgrades shows nowhere else. */
function upgrade(road: RoadFacts): Finding[] {
  const { upgrade: seen, id: subject } = road
  if (seen === undefined || bodyOf(road) === undefined || (seen.kind === 'http' && seen.status === 101)) return []
  const what = seen.kind === 'http' ? `was answered with ${seen.status}` : `failed (${seen.code})`
  return [{ code: 'UPGRADE_REFUSED', level: 'hint', subject, seen: `The WebSocket handshake ${what}.` }]
}

function servers(facts: Facts): Finding[] {
  const { ucc } = facts.question
  const all = serversOf(facts)
  const findings = all.flatMap(({ name: subject, body }): Finding[] => {
    const found: Finding[] = []
    if (body.state === 'unknown') {
      found.push({ code: 'UCC_UNKNOWN', level: impact(facts), subject, seen: `${subject} does not know ${ucc}.` })
    }
    if (body.state === 'starting') {
      found.push({ code: 'UCC_STARTING', level: 'hint', subject, seen: `${ucc} is starting on ${subject}.` })
    }
    if (body.draining === true) {
      found.push({ code: 'SERVER_DRAINING', level: 'fragile', subject, seen: `${subject} says that it is draining.` })
    }
    if (!body.versions.includes(PROTOCOL_VERSION)) {
      const seen = `${subject} speaks version ${listed(body.versions.map(String))}.`
      found.push({ code: 'VERSION_UNKNOWN', level: impact(facts), subject, seen })
    }
    return found
  })
  const versions = new Set(all.map(({ body }) => [...body.versions].sort().join(', ')))
  if (versions.size > 1) {
    const seen = all.map(({ name, body }) => `${name}: ${body.versions.join(', ')}`).join('; ')
    findings.push({ code: 'VERSIONS_DIFFER', level: 'hint', seen: `Versions of the contract: ${seen}.` })
  }
  return findings
}

function runsNowhere(facts: Facts): Finding[] {
  const all = serversOf(facts)
  if (all.length === 0 || all.some(({ body }) => body.state === 'running')) return []
  const seen = all.map(({ name, body }) => `${name}: ${body.state}`).join('; ')
  return [{ code: 'UCC_RUNS_NOWHERE', level: 'broken', seen: `${facts.question.ucc} runs on no server (${seen}).` }]
}

function failoverTargets(facts: Facts): Finding[] {
  // Nobody at all is told by what bars the way to them.
  if (!facts.roads.some((road) => isUsable(road, facts))) return []
  const targets = targetsOf(facts)
  if (facts.roads.every(({ source }) => source === 'hostname')) {
    return [
      {
        code: 'STANDBY_UNKNOWN',
        level: 'fragile',
        seen: 'Only the dedicated hostname is known: no endpoints, no `peers`, no SRV records.',
      },
    ]
  }
  if (targets.length >= 2) return []
  return [{ code: 'ONE_SERVER', level: 'fragile', seen: `Only ${listed(targets)} could serve ${facts.question.ucc}.` }]
}

function sharedServers(facts: Facts): Finding[] {
  const byServer = new Map<string, RoadFacts[]>()
  for (const road of facts.roads) {
    const body = bodyOf(road)
    if (road.source !== 'endpoint' || body === undefined || !isDialable(road, facts.at)) continue
    byServer.set(body.server, [...(byServer.get(body.server) ?? []), road])
  }
  return [...byServer].flatMap(([subject, roads]): Finding[] => {
    if (roads.length < 2) return []
    const seen = `${listed(roads.map(({ id }) => id))} answer as one server, ${subject}.`
    return [{ code: 'ROADS_SHARE_SERVER', level: 'fragile', subject, seen }]
  })
}
