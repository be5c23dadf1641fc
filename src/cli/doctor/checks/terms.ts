/** Terms, and the clocks they are taken from. */
import type { Facts } from '../facts'
import type { Finding } from './finding'
import { bodyOf, listed, readyOf, serversOf, type ServerView } from './view'

/** The Date header has whole seconds. */
const SERVERS_APART_MS = 3000
const HERE_OFF_MS = 30_000

export function checkTerms(facts: Facts): Finding[] {
  const servers = serversOf(facts)
  return [...missing(servers), ...regression(servers, facts), ...runsTwice(servers, facts), ...clocks(servers)]
}

/** A stopped UCC has no term that would matter. */
function missing(servers: readonly ServerView[]): Finding[] {
  const silent = servers.filter(({ body }) => body.state === 'running' && body.term === undefined)
  if (silent.length === 0 || servers.length < 2) return []
  const level = servers.some(({ body }) => body.term !== undefined) ? 'fragile' : 'hint'
  const seen = `${listed(silent.map(({ name }) => name))} runs it and announces no term.`
  return [{ code: 'TERM_MISSING', level, seen }]
}

function regression(servers: readonly ServerView[], facts: Facts): Finding[] {
  const running = servers.filter(({ body }) => body.state === 'running')
  const best = Math.max(...running.map(({ body }) => body.term ?? Infinity))
  const above = servers.filter(({ body }) => body.term !== undefined && body.term > best)
  const findings: Finding[] = []
  if (running.length > 0 && above.length > 0) {
    const seen =
      `${facts.question.ucc} runs with term ${best} (${listed(running.map(({ name }) => name))}), and ` +
      `${above.map(({ name, body }) => `${name} announces ${body.term}`).join(', ')} without running it.`
    findings.push({ code: 'TERM_REGRESSION', level: 'broken', seen })
  }
  return [...findings, ...facts.roads.flatMap((road) => regressionOf(road))]
}

/** Asked twice, the same server must not go back. */
function regressionOf(road: Facts['roads'][number]): Finding[] {
  const first = bodyOf(road)
  const second = road.again?.kind === 'http' ? road.again.body : undefined
  if (first?.term === undefined || second?.term === undefined) return []
  if (first.server !== second.server || first.term === second.term) return []
  const seen = `${first.server} announced the terms ${first.term} and ${second.term} within a second.`
  return [{ code: 'TERM_REGRESSION', level: 'fragile', subject: road.id, seen }]
}

function runsTwice(servers: readonly ServerView[], { question }: Facts): Finding[] {
  const running = servers.filter(({ body }) => body.state === 'running')
  if (running.length < 2) return []
  const terms = new Set(running.map(({ body }) => body.term))
  const each = running.map(({ name, body }) => `${name} (term ${body.term ?? 'none'})`)
  const seen = `${question.ucc} runs on ${listed(each)}.`
  return [{ code: 'UCC_RUNS_TWICE', level: terms.size > 1 ? 'fragile' : 'hint', seen }]
}

function clocks(servers: readonly ServerView[]): Finding[] {
  const known = servers.flatMap(({ name, road }) => {
    const skewMs = readyOf(road)?.skewMs
    return skewMs === undefined ? [] : [{ name, skewMs }]
  })
  const skews = known.map(({ skewMs }) => skewMs)
  if (skews.length === 0) return []
  const shown = known.map(({ name, skewMs }) => `${name} ${skewMs < 0 ? '' : '+'}${(skewMs / 1000).toFixed(1)} s`)
  const seen = `Against this machine’s clock: ${shown.join(', ')}.`
  if (Math.max(...skews) - Math.min(...skews) > SERVERS_APART_MS) {
    return [{ code: 'CLOCKS_DIFFER', level: 'fragile', seen }]
  }
  return skews.every((skewMs) => Math.abs(skewMs) > HERE_OFF_MS) ? [{ code: 'CLOCK_HERE', level: 'hint', seen }] : []
}
