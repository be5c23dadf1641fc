/** The report as a person reads it. What came from the network is shown without what would drive the terminal. */
import { EMPTY, fit, render, text, type Line, type Segment, type Style } from '../demo/text'
import type { Level } from './checks/finding'
import type { DnsFacts } from './facts'
import type { DoctorReport, FindingReport, RoadReport } from './report'

const STYLE: Readonly<Record<Level, Style>> = { broken: 'red', fragile: 'yellow', hint: 'cyan' }
const VERDICTS = {
  ready: ['green', 'Ready to fail over.'],
  fragile: ['yellow', 'Works, but would not survive a failover for everybody: see what is fragile.'],
  broken: ['red', 'Does not work: see what is broken.'],
} as const
const COLUMNS = 100

export function renderReport(report: DoctorReport, hasColours: boolean): string {
  const { question, dns, roads, findings, estimate, csp, verdict } = report
  const [style, sentence] = VERDICTS[verdict]
  const lines: readonly Line[] = [
    [text(question.name, 'bold'), text(`, UCC ${question.ucc}`)],
    EMPTY,
    ...(dns === null ? [] : [...dnsLines(dns), EMPTY]),
    ...table(roads, question.uccPort),
    EMPTY,
    ...findings.flatMap(findingLines),
    [text('Time to fail over', 'bold')],
    ...labelled('plain', `${seconds(estimate.plain.seconds)}${estimate.plain.text}`),
    ...labelled('library', `${seconds(estimate.library.seconds)}${estimate.library.text}`),
    EMPTY,
    [text('Content-Security-Policy of the pages', 'bold')],
    [text(`  ${csp}`)],
    EMPTY,
    [text(sentence, 'bold', style)],
  ]
  return `${lines.map((line) => render(line.map(clean), hasColours).trimEnd()).join('\n')}\n`
}

function clean({ text: content, styles }: Segment): Segment {
  return { text: content.replace(/\p{Cc}/gu, ' '), styles }
}

function seconds(value: number | null): string {
  return value === null ? '' : `about ${value} s: `
}

function dnsLines({ resolvers, system }: DnsFacts): readonly Line[] {
  const rows = resolvers.map(({ server, role, answer }): Line => {
    const who = text(`${server}${role === 'zone' ? ' (of the zone)' : ''}`.padEnd(30))
    if (answer.kind === 'failure') return [who, text(answer.code, 'red')]
    const chain = [...answer.aliases, answer.addresses.join(', ') || 'no address'].join(' → ')
    return [who, text(chain), text(answer.ttlSeconds === undefined ? '' : `  TTL ${answer.ttlSeconds} s`, 'dim')]
  })
  const own: Line[] = system.length === 0 ? [] : [[text('this machine'.padEnd(30)), text(system.join(', '))]]
  return [[text('DNS', 'bold')], ...rows, ...own]
}

function table(roads: readonly RoadReport[], uccPort: number | undefined): readonly Line[] {
  const heads = ['ROAD', 'ADDRESS', 'TCP', 'CERTIFICATE', 'SERVER', 'UCC', 'TERM', 'CLOCK']
  const rows = roads.map((road) => [...cells(road), ...(uccPort === undefined ? [] : [road.uccPort ?? ''])])
  const all = [[...heads, ...(uccPort === undefined ? [] : [`PORT ${uccPort}`])], ...rows]
  const wide = (all[0] ?? []).map((_head, column) => Math.max(...all.map((row) => [...(row[column] ?? '')].length)))
  const lineOf = (row: readonly string[], styles: readonly Style[]): Line =>
    row.flatMap((cell, column) => fit([text(cell, ...styles)], (wide[column] ?? 0) + 2))
  return all.map((row, index) => lineOf(row, index === 0 ? ['bold'] : []))
}

function cells({ url, address, tcp, tls, server, state, term, skewMs }: RoadReport): readonly string[] {
  const certificate = tls === null ? '' : `until ${tls.validTo.slice(0, 10)}`
  const clock = skewMs === null ? '' : `${skewMs < 0 ? '' : '+'}${(skewMs / 1000).toFixed(1)} s`
  return [url, address ?? '', tcp, certificate, server ?? '', state ?? '', term === null ? '' : String(term), clock]
}

function findingLines({ level, code, subject, seen, why, remedy }: FindingReport): readonly Line[] {
  const head: Line = [
    text(level.toUpperCase(), 'bold', STYLE[level]),
    text(` ${code}`, 'bold'),
    text(subject === undefined ? '' : `  ${subject}`),
  ]
  return [head, ...labelled('seen', seen), ...labelled('why', why), ...labelled('do', remedy), EMPTY]
}

/** A label, and text in lines of a width that can be read. */
function labelled(label: string, content: string): readonly Line[] {
  const lines: string[] = ['']
  for (const word of content.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last !== '' && last.length + word.length >= COLUMNS - 10) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.map((line, index) => [text((index === 0 ? `  ${label}` : '').padEnd(10), 'dim'), text(line)])
}
