/** What applications hand over: options, arguments of methods, arguments of the command. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { parseArguments } from '../../../src/cli/arguments'
import {
  checkCommandArguments,
  checkListenerArguments,
  checkNotifyArguments,
  checkReadyArguments,
  checkSubscribeArguments,
  checkSwitchoverArguments,
  checkTopicArguments,
} from '../../../src/client/options-arguments'
import { MAX_TIMER_MS } from '../../../src/client/options-check'
import { checkDirectoryClientArguments, resolveDirectoryOptions } from '../../../src/client/options-directory'
import { TUNING_GROUPS, TUNING_RULES } from '../../../src/client/options-schema'
import { resolveOptions, type ClientConfig } from '../../../src/client/options'
import { httpProbe, readinessPath, tcpProbe } from '../../../src/client/probes'
import { topologyDocument } from '../../../src/client/resolvers'
import { checkClose, readProtocols } from '../../../src/drop-in/web-socket-checks'
import { checkPlatformOptions } from '../../../src/platform/node/node-platform-options'
import { between, bool, choice, list, must, orInvalidOption, orThrown, shape, text, type Checker } from '../expect'
import { bentTexts, bentValues, hostileText, liveAtom } from '../generators'
import type { FuzzTarget } from '../target'

/** Stands in every credential; no refusal may quote it. */
const SECRET = 'secretword'

const TUNING = {
  health: { path: '/failover/ready', timeoutMs: 1500, fall: 3, referenceUrl: `https://u:${SECRET}@ref.contoso.com/` },
  breaker: { consecutive: 3, failures: 5, window: 10, firstOpenMs: 500, maxOpenMs: 30_000 },
  detection: { heartbeatMs: 1000, minSlackMs: 300, maxSlackMs: 900 },
  connect: { timeoutMs: 5000, backoffMs: 250, maxBackoffMs: 30_000 },
  failover: { spreadMs: 1000 },
  failback: { mode: 'automatic', holdDownMs: 60_000, jitter: 0.5, maxHoldDownMs: 900_000 },
  requests: { maxRetries: 2 },
  retry: { tokens: 5, maxTokens: 100, methods: ['GET', 'put'] },
  streams: { maxFrameBytes: 1_048_576, eventsPath: '/failover/events' },
  commands: { deadlineMs: 10_000, maxQueued: 256 },
}

const OPTIONS = {
  hostname: 'a365web1.contoso.com',
  endpoints: [
    'https://srv1.contoso.com',
    { url: 'srv2', name: 'two', rank: 7, site: 'west', address: '10.0.0.2', hostname: 'a365web2.contoso.com' },
  ],
  allowedHosts: ['srv9.fabrikam.example'],
  ucc: 'helpdesk',
  client: { id: 'c1', name: 'wallboard', version: '1' },
  token: `${SECRET}-token`,
  priority: 'agent',
  resolver: [
    { name: 'mine', pollMs: 5000, resolve: () => Promise.resolve([]) },
    { kind: 'topology', name: 'doc', url: '/topology?x=1', pollMs: 60_000 },
  ],
  standby: 'warm',
  store: false,
  ...TUNING,
}

const NAMES = [
  ...new Set(
    [OPTIONS, ...Object.values(OPTIONS), ...OPTIONS.endpoints, ...OPTIONS.resolver].flatMap((one) =>
      typeof one === 'object' && !Array.isArray(one) ? Object.keys(one) : [],
    ),
  ),
]

/** Everything later code takes for granted. */
function mustBeConfig(config: ClientConfig): void {
  must(Object.isFrozen(config) && Object.isFrozen(config.endpoints), 'the configuration must be frozen')
  must(config.endpoints.length > 0, 'there must be an endpoint')
  const ranks = config.endpoints.map(({ rank }) => rank)
  must(
    ranks.every((rank, index) => index === 0 || rank >= (ranks[index - 1] ?? 0)),
    'endpoints must be in rank order',
  )
  for (const { url } of [config.hostname, ...config.endpoints]) {
    const probed = new URL(url + readinessPath(config.health.path, config.ucc))
    must(probed.origin === new URL(url).origin, `${probed.href} leads away from ${url}`)
    must(probed.searchParams.get('ucc') === (config.ucc ?? null), `${probed.href} asks for another UCC`)
    must(config.hostname.scheme === 'http' || url.startsWith('https:'), `${url} is a downgrade`)
  }
  for (const { name, pollMs } of config.resolvers ?? []) {
    text(8192, 1)(name, 'resolver.name')
    between(1000, MAX_TIMER_MS)(pollMs, 'resolver.pollMs')
  }
  for (const group of TUNING_GROUPS) mustBeGroup(config, group)
}

function mustBeGroup(config: ClientConfig, group: (typeof TUNING_GROUPS)[number]): void {
  const members: Readonly<Record<string, unknown>> = { ...config[group] }
  for (const name of Object.keys(members)) {
    must(Object.hasOwn(TUNING_RULES[group], name), `${group}.${name} is no option`)
    const value = members[name]
    if (typeof value !== 'number') continue
    must(Number.isFinite(value) && value >= 0, `${group}.${name} must not be ${value}`)
    must(!name.endsWith('Ms') || value <= MAX_TIMER_MS, `${group}.${name} is longer than a timer takes`)
  }
}

function refusedWell<T>(call: () => T): T | undefined {
  const outcome = orInvalidOption(call)
  if ('value' in outcome) return outcome.value
  must(!outcome.refusal.message.includes(SECRET), `a secret is told: ${outcome.refusal.message}`)
  return undefined
}

const options: FuzzTarget = {
  name: 'options',
  reads: 'options of createFailoverClient',
  inputs: bentValues(
    [
      OPTIONS,
      { hostname: 'https://10.0.0.1:8443/base' },
      { hostname: `u:${SECRET}@srv1.contoso.com` },
      { ...OPTIONS, endpoints: undefined },
    ],
    NAMES,
  ),
  check(input) {
    const config = refusedWell(() => resolveOptions(input))
    if (config === undefined) return
    mustBeConfig(config)
    const tuning = Object.fromEntries(TUNING_GROUPS.map((group) => [group, config[group]]))
    const again = resolveOptions({ ...(input as object), ...tuning })
    must(isDeepStrictEqual(again, config), 'options that were completed once stay as they are')
  },
}

const directory: FuzzTarget = {
  name: 'directory-options',
  reads: 'options of createFailoverDirectory and of its clients',
  inputs: bentValues(
    [
      {
        directory: {
          pools: [
            { hostname: 'a365web1.contoso.com', endpoints: ['https://srv1.contoso.com'], uccs: ['helpdesk', 'sales'] },
            { hostname: 'https://b365web1.contoso.com', allowedHosts: ['x.example'], uccs: ['support'] },
          ],
          token: SECRET,
          ...TUNING,
        },
        ucc: 'sales',
        client: { basePath: '/base/' },
      },
    ],
    [...NAMES, 'pools', 'uccs', 'basePath'],
  ),
  check(input) {
    const { directory: given, ucc, client } = Object(input) as Record<string, unknown>
    const config = refusedWell(() => resolveDirectoryOptions(given))
    if (config === undefined) return
    for (const pool of config.pools) mustBeConfig(pool.config)
    const uccs = config.pools.flatMap((pool) => pool.uccs)
    must(new Set(uccs).size === uccs.length, 'a UCC in two pools')
    const named = refusedWell(() => checkDirectoryClientArguments(config, ucc, client))
    if (named !== undefined) must(named.pool.uccs.includes(named.ucc), 'the pool of that UCC')
  },
}

const CALLS: Readonly<Record<string, { readonly seed: readonly unknown[]; call(args: readonly unknown[]): void }>> = {
  topic: {
    seed: ['ucc/helpdesk/agents', { parse: (data: unknown) => data }],
    call: ([name, more]) => text(1024, 1)(checkTopicArguments(name, more).name, 'name'),
  },
  subscribe: {
    seed: [
      { name: 't', kind: 'log' },
      { cursor: { epoch: 'e', seq: 1 }, maxBuffered: 10, freshWithinMs: 1000 },
    ],
    call: ([topic, more]) => text(1024, 1)(checkSubscribeArguments(topic, more).name, 'name'),
  },
  command: {
    seed: ['ready', { agent: 'é😀' }, { safety: 'keyed', key: 'k', target: 't', deadlineMs: 1000 }],
    call([name, args, more]) {
      const command = checkCommandArguments(name, args, more)
      const written = JSON.stringify(command.args)
      must(command.bytes === Buffer.byteLength(written), `${command.bytes} bytes of ${written.slice(0, 80)}`)
      choice('read', 'set', 'keyed', 'claim', 'effect')(command.safety, 'safety')
    },
  },
  switchover: {
    seed: [{ to: `https://u:${SECRET}@srv2.contoso.com`, reason: 'patch', hold: true }],
    call: ([more]) => bool(checkSwitchoverArguments(more).hold, 'hold'),
  },
  ready: {
    seed: [{ timeoutMs: 1000, signal: new AbortController().signal }],
    call: ([more]) => between(0, MAX_TIMER_MS)(checkReadyArguments(more).timeoutMs ?? 0, 'timeoutMs'),
  },
  notify: { seed: ['resume'], call: ([signal]) => void checkNotifyArguments(signal) },
  on: { seed: ['failover', () => undefined], call: ([name, listener]) => void checkListenerArguments(name, listener) },
  topologyDocument: {
    seed: [`https://u:${SECRET}@config.contoso.com/topology?token=${SECRET}`, { pollMs: 5000 }],
    call: ([url, more]) => void topologyDocument(url as string, more as { pollMs: number }),
  },
  httpProbe: { seed: [{ path: '/health?x=1' }], call: ([more]) => void httpProbe(more as { path: string }) },
  tcpProbe: { seed: [{ port: 6001 }], call: ([more]) => void tcpProbe(more as { port: number }) },
}

const methods: FuzzTarget<[string, unknown]> = {
  name: 'arguments',
  reads: "arguments of the client's methods",
  inputs: fc.oneof(
    ...Object.entries(CALLS).map(([name, { seed }]) =>
      fc.tuple(fc.constant(name), bentValues([seed], ['signal', 'parse', 'kind', 'cursor', 'key', 'to'])),
    ),
  ),
  check([name, args]) {
    if (Array.isArray(args)) refusedWell(() => CALLS[name]?.call(args))
  },
}

const platform: FuzzTarget = {
  name: 'platform-options',
  reads: 'options of nodePlatform',
  inputs: bentValues(
    [{ proxy: `http://u:${SECRET}@proxy.contoso.com:3128` }, { tls: { servername: 'x' }, proxy: 'https://[::1]' }, {}],
    ['tls', 'proxy', 'ca', 'cert', 'key', 'servername', 'passphrase'],
  ),
  check(input) {
    const checked = refusedWell(() => checkPlatformOptions(input as object))
    if (checked?.proxy !== undefined) must(/^https?:$/.test(checked.proxy.url.protocol), 'a proxy is http or https')
  },
}

const socket: FuzzTarget<[unknown, unknown, string]> = {
  name: 'socket-arguments',
  reads: 'arguments of the WebSocket class',
  inputs: fc.tuple(fc.oneof(fc.array(hostileText, { maxLength: 3 }), hostileText), liveAtom, hostileText),
  check([protocols, code, reason]) {
    const read = orThrown(() => readProtocols(protocols as string), DOMException)
    for (const name of read ?? []) must(/^[\x21-\x7e]+$/.test(name), `${name} is no subprotocol`)
    if (typeof code === 'number') orThrown(() => checkClose(code, reason), DOMException)
  },
}

const request = {
  help: shape({ kind: choice('help') }),
  version: shape({ kind: choice('version') }),
  wrong: shape({ kind: choice('wrong'), message: text(20_000, 1) }),
  demo: shape({ kind: choice('demo'), options: shape({ json: bool, script: bool }) }),
  doctor: shape({ kind: choice('doctor'), options: shape({ json: bool, question: doctorQuestion() }) }),
}

function doctorQuestion(): Checker {
  const url = text(20_000, 1)
  return shape(
    { url, name: text(253, 1), ucc: text(20_000, 1), endpoints: list(shape({ url }, { address: text(45, 2) })) },
    { uccPort: between(1, 65_535), origin: url, dnsServers: list(text(20_000, 1)) },
  )
}

const command: FuzzTarget<string[]> = {
  name: 'command-line',
  reads: 'arguments of the failover-client command',
  inputs: fc.array(
    fc.oneof(
      fc.constantFrom('demo', '--json', '--script', '--help', '-h', '-V', '--', '-', '--no-json', '--json=', '-hV'),
      bentTexts(['demo', '--json', '--script=1', '-h'], ['=', '-', '--', '\u001b[2J', '\n', '__proto__']),
      fc.constantFrom('doctor', '--ucc=helpdesk', '--ucc-port', '--origin', '--dns'),
      bentTexts(
        ['a365web1.contoso.com', '--endpoint=https://srv1.contoso.com,10.0.0.11', '--dns=[fd00::53]:53', '6001'],
        ['=', ',', ':', '/', '@', '\u001b[2J', '__proto__'],
      ),
    ),
    { maxLength: 6 },
  ),
  check(args) {
    list(text(Number.POSITIVE_INFINITY))(args, 'args')
    const asked = parseArguments(args)
    request[asked.kind](asked, 'request')
    if (asked.kind === 'wrong') must(!/\p{Cc}/u.test(asked.message), 'what is wrong is one line, fit for a terminal')
  },
}

export const optionTargets: readonly FuzzTarget[] = [options, directory, methods, platform, socket, command]
