import { describe, expect, it } from 'vitest'
import { parseArguments } from '../../src/cli/arguments'
import { actionsOf, KEYS } from '../../src/cli/demo/keys'
import { whyNot } from '../../src/cli/demo/run-demo'
import { DOCTOR_EXIT, DOCTOR_EXIT_CODES, EXIT, EXIT_CODES, SIGNAL_EXIT } from '../../src/cli/exit-codes'
import { helpText } from '../../src/cli/help'

describe('arguments', () => {
  it.each([
    [['demo'], { kind: 'demo', options: { json: false, script: false } }],
    [['demo', '--json'], { kind: 'demo', options: { json: true, script: false } }],
    [['--script', 'demo'], { kind: 'demo', options: { json: false, script: true } }],
    [['--help'], { kind: 'help' }],
    [['demo', '-h'], { kind: 'help' }],
    [['--version'], { kind: 'version' }],
  ])('%j', (args, expected) => {
    expect(parseArguments(args)).toEqual(expected)
  })

  it.each([
    [[], 'no command given'],
    [['dance'], "unknown command 'dance'"],
    [['demo', '--ucc', 'helpdesk'], "demo takes no option '--ucc'"],
    [['doctor'], 'doctor needs the dedicated hostname'],
    [['doctor', 'a365web1.contoso.com'], 'doctor needs --ucc NAME'],
    [['doctor', 'a', 'b', '--ucc', 'helpdesk'], 'doctor takes one hostname'],
    [['doctor', 'a', '--ucc', 'helpdesk', '--script'], "doctor takes no option '--script'"],
    [['doctor', 'a', '--ucc', 'helpdesk', '--ucc-port', '6001x'], '--ucc-port must be a port, such as 6001'],
    [['doctor', 'a', '--ucc', 'helpdesk', '--ucc-port', '65536'], '--ucc-port must be a port, such as 6001'],
    [
      ['doctor', 'a', '--ucc', 'helpdesk', '--origin', 'https://app.contoso.com/page'],
      '--origin must be an origin, such as https://app.contoso.com',
    ],
    [
      ['doctor', 'a', '--ucc', 'helpdesk', '--endpoint', 'srv1,srv2'],
      '--endpoint must be a URL, or URL,ADDRESS with an IP address',
    ],
    [
      ['doctor', 'a', '--ucc', 'helpdesk', '--dns', 'dns1'],
      '--dns must be an IP address, such as 10.0.0.53 or [fd00::53]:5353',
    ],
    [['demo', '--loud'], "unknown option '--loud'"],
    [['demo', '-x'], "unknown option '-x'"],
    [['demo', 'srv1'], "demo takes no argument 'srv1'"],
    [['da\nnce\u001b[2J'], "unknown command 'da nce [2J'"],
  ])('%j is wrong, said in one line', (args, message) => {
    expect(parseArguments(args)).toEqual({ kind: 'wrong', message })
  })

  it('reads all that doctor takes; a server has the scheme, port and path of the hostname', () => {
    const more = ['--ucc-port', '6001', '--origin', 'https://app.contoso.com', '--dns', '10.0.0.53', '--json']
    const endpoints = ['--endpoint', 'srv1.contoso.com', '--endpoint', 'http://a365web1.contoso.com:8080,10.0.0.12']
    expect(
      parseArguments(['doctor', 'http://A365web1.contoso.com:8080', '--ucc', 'helpdesk', ...endpoints, ...more]),
    ).toEqual({
      kind: 'doctor',
      options: {
        json: true,
        question: {
          url: 'http://a365web1.contoso.com:8080',
          name: 'a365web1.contoso.com',
          ucc: 'helpdesk',
          endpoints: [
            { url: 'http://srv1.contoso.com:8080' },
            { url: 'http://a365web1.contoso.com:8080', address: '10.0.0.12' },
          ],
          uccPort: 6001,
          origin: 'https://app.contoso.com',
          dnsServers: ['10.0.0.53'],
        },
      },
    })
  })

  it('repeats no credentials', () => {
    const request = parseArguments(['doctor', 'https://user:secretword@a365web1.contoso.com', '--ucc', 'helpdesk'])
    expect(request).toMatchObject({ kind: 'wrong', message: expect.stringContaining('credentials') as string })
    expect(JSON.stringify(request)).not.toContain('secretword')
  })

  it('tells of a value where none is taken, in one line', () => {
    const request = parseArguments(['demo', '--json=yes'])
    expect(request.kind).toBe('wrong')
    expect(request).toHaveProperty('message', expect.stringMatching(/^[^\n]*--json[^\n]*$/))
  })
})

describe('help', () => {
  it('lists every key and exit code, and nothing that does not exist', () => {
    const help = helpText()
    for (const { key, what } of KEYS) expect(help).toMatch(new RegExp(`^ {2}${key} +${what.slice(0, 12)}`, 'm'))
    const codes = [...Object.values(EXIT), SIGNAL_EXIT.SIGINT, SIGNAL_EXIT.SIGTERM]
    const listed = EXIT_CODES.flatMap(([code]) => code.split(', ').map(Number))
    expect(listed).toEqual(codes)
    for (const [code, meaning] of EXIT_CODES) expect(help).toContain(`${code.padEnd(8)}  ${meaning}`)
    expect(DOCTOR_EXIT_CODES.map(([code]) => Number(code))).toEqual(Object.values(DOCTOR_EXIT))
    for (const [code, meaning] of DOCTOR_EXIT_CODES) expect(help).toContain(`  ${code}  ${meaning}`)
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
  })
})

describe('a machine that cannot', () => {
  it('is told why in one line: no loopback addresses but one, or whatever else', () => {
    const absent = Object.assign(new Error('listen EADDRNOTAVAIL: 127.8.3.1'), { code: 'EADDRNOTAVAIL' })
    expect(whyNot(absent)).toMatch(/^failover-client: [^\n]*two loopback addresses[^\n]*127\.8\.3\.1[^\n]*$/)
    expect(whyNot(new Error('no more processes'))).toMatch(/^failover-client: [^\n]*no more processes$/)
  })
})

describe('keys', () => {
  it('reads what was typed, in order, in either case', () => {
    expect(actionsOf('kHu')).toEqual(['kill', 'hang', 'stop-ucc'])
    expect(actionsOf('dsrtq')).toEqual(['drain', 'switchover', 'repair', 'tour', 'quit'])
  })

  it('takes Ctrl+C for an interrupt: in raw mode no signal comes', () => {
    expect(actionsOf('\x03')).toEqual(['interrupt'])
  })

  it('ignores other keys, and the letters inside escape sequences', () => {
    expect(actionsOf('xyz \r1')).toEqual([])
    expect(actionsOf('\x1b[A\x1b[1;5D\x1bOQ\x1b[15~')).toEqual([])
    expect(actionsOf('\x1b[Ak')).toEqual(['kill'])
  })
})
