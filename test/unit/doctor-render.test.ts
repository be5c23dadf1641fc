import { describe, expect, it } from 'vitest'
import { renderReport } from '../../src/cli/doctor/render'
import { reportOf } from '../../src/cli/doctor/report'
import { answering, certificate, HEALTHY, hostnameRoad, NOW, QUESTION, road } from '../support/deployment-facts'

const BROKEN = reportOf({
  ...HEALTHY,
  question: { ...QUESTION, uccPort: 6001 },
  roads: [hostnameRoad(), road('srv1'), road('srv2', { tls: certificate({ validTo: NOW - 1 }) })],
})

describe('the report for people', () => {
  it('is a table of the roads, findings, times, the line for the pages, and a verdict', () => {
    const text = renderReport(reportOf(HEALTHY), false)
    expect(text).toMatch(/^a365web1\.contoso\.com, UCC helpdesk\n/)
    expect(text).toMatch(/^10\.0\.0\.53 \(of the zone\) +srv1\.contoso\.com → 203\.0\.113\.11 {2}TTL 30 s$/m)
    expect(text).toMatch(/^ROAD +ADDRESS +TCP +CERTIFICATE +SERVER +UCC +TERM +CLOCK$/m)
    const row = /^https:\/\/srv2\.contoso\.com +203\.0\.113\.12 +open +until 2027-09-18 +srv2 +stopped +6 +\+0\.2 s$/m
    expect(text).toMatch(row)
    expect(text).toMatch(/^ {2}library about 3 s: /m)
    expect(text).toMatch(/^ {2}connect-src 'self' https:\/\/a365web1\.contoso\.com /m)
    expect(text).toMatch(/\n\nReady to fail over\.\n$/)
  })

  it('says of each finding what was seen, why it matters, what to do', () => {
    const text = renderReport(BROKEN, false)
    expect(text).toContain(
      [
        'FRAGILE TLS_EXPIRED  https://srv2.contoso.com',
        '  seen    The certificate ended on 2026-11-21.',
        '  why     Every client refuses it.',
        '  do      Renew the certificate on this server.',
      ].join('\n'),
    )
  })

  it('has colours only where they are wanted', () => {
    expect(renderReport(BROKEN, false)).not.toContain('\u001b')
    expect(renderReport(BROKEN, true)).toContain('\u001b[1;33mFRAGILE\u001b[0m')
  })

  it('shows nothing of a server that would drive the terminal', () => {
    const hostile = answering('srv2', { server: 'srv2\u001b[2J\r\nReady' })
    const text = renderReport(reportOf({ ...HEALTHY, roads: [hostnameRoad(), road('srv1'), hostile] }), false)
    expect(text).toContain('srv2 [2J  Ready')
    expect(text).not.toContain('\u001b')
    expect(text).not.toContain('\r')
  })
})
