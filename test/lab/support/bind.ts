/**
 * A real BIND 9 for tests: its zones are written as files, and read again at a SIGHUP, as an administrator without rndc
 * would do it. One `named` in the foreground, ended by its own process id, with all its files in a folder of its own.
 *
 *     const bind = await startBind({ address: '127.0.0.1', port: 5300, zones: [{ name: 'contoso.test', records }] })
 *     await bind.flip('a365web1.contoso.test', 'srv2.contoso.test')
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'

/** One record set. Names are absolute, with or without the last dot; `values` as in a zone file. */
export interface BindRecord {
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'SRV' | 'NS' | 'TXT'
  readonly ttl: number
  readonly values: readonly string[]
}

/** A zone this server is the primary of. */
export interface BindZone {
  readonly name: string
  readonly records: readonly BindRecord[]
  /** How long "no such name" may be cached, in seconds. @default 5 */
  readonly negativeTtl?: number
}

/**
 * How the server misbehaves. `dead`: the process is gone. `hung`: it takes questions and answers none. `slow`: it
 * answers all of them, once in five seconds. `servfail`: it has lost its zones. `nxdomain`: its zones are empty but for
 * their apex. `refused`: it answers nobody.
 */
export type BindMode = 'healthy' | 'dead' | 'hung' | 'slow' | 'servfail' | 'nxdomain' | 'refused'

/** Options of {@link startBind}. */
export interface BindOptions {
  /** One that an interface has; of 127.0.0.0/8 that is 127.0.0.1 alone. */
  readonly address: string
  /** @default 53, which needs root */
  readonly port?: number
  /** None: a mere cache, with `forwarders`. */
  readonly zones?: readonly BindZone[]
  /** Asked for all other names (then it recurses, and caches what they say). `10.0.0.53` or `10.0.0.53 port 5353`. */
  readonly forwarders?: readonly string[]
  /** Before the command line: `['ip', 'netns', 'exec', 'dns']`. It must end by becoming named (as these do). */
  readonly within?: readonly string[]
}

/** A running `named`. Changes resolve when they are served. */
export interface Bind {
  readonly address: string
  readonly port: number
  /** Replaces the record sets of that name and type; no values: removes them. */
  setRecord(name: string, type: BindRecord['type'], values: readonly string[], ttl?: number): Promise<void>
  /** What an administrator does: the name's CNAME leads elsewhere, with the TTL it has. */
  flip(name: string, target: string): Promise<void>
  /** Misbehaves from now on; `healthy` again: with the records as they are now. */
  lame(mode: BindMode): Promise<void>
  /** The last lines of its log. */
  log(): string
  stop(): Promise<void>
}

interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly lines: string[]
}

const START_WITHIN_MS = 30_000
const SLOW_MS = 5000
const AWAKE_MS = 100
const KEPT_LINES = 400
const DEFAULT_TTL = 60

/** Starts it, and waits until it serves its zones. */
export async function startBind(options: BindOptions): Promise<Bind> {
  const { address, port = 53 } = options
  const folder = await mkdtemp(join(tmpdir(), 'failover-bind-'))
  const zones = new Map((options.zones ?? []).map((zone) => [fqdn(zone.name), { ...zone, records: [...zone.records] }]))
  let mode: BindMode = 'healthy'
  let serial = 1
  let nod: NodeJS.Timeout | undefined
  let running: Running | undefined

  const writeFiles = async (): Promise<void> => {
    serial += 1
    for (const [name, zone] of zones) {
      const records = mode === 'nxdomain' ? [] : zone.records
      await writeFile(join(folder, `${name}zone`), zoneFile(name, serial, { ...zone, records }, address))
    }
    await writeFile(join(folder, 'named.conf'), configuration(folder, options, [...zones.keys()], mode))
  }
  const start = async (): Promise<void> => {
    await writeFiles()
    const command = [...(options.within ?? []), 'named', '-g', '-n', '1', '-c', join(folder, 'named.conf')]
    running = launch(command)
    await spoken(running, 0, / running$/)
  }
  const reload = async (): Promise<void> => {
    if (running === undefined) return writeFiles()
    await writeFiles()
    const { child, lines } = running
    const from = lines.length
    child.kill('SIGHUP')
    await spoken(running, from, / running$/)
    const isLoaded = mode !== 'servfail'
    if (isLoaded) {
      for (const name of zones.keys()) await spoken(running, from, `zone ${bare(name)}/IN: loaded serial ${serial}`)
    }
  }
  const end = async (): Promise<void> => {
    if (running === undefined) return
    const { child } = running
    running = undefined
    clearInterval(nod)
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  const zoneOf = (name: string): { records: BindRecord[] } => {
    const found = [...zones].find(([zone]) => fqdn(name) === zone || fqdn(name).endsWith(`.${zone}`))
    if (found === undefined) throw new Error(`${name} lies in no zone of this server`)
    return found[1]
  }
  const setRecord: Bind['setRecord'] = async (name, type, values, ttl) => {
    const zone = zoneOf(name)
    const isSame = (one: BindRecord): boolean => fqdn(one.name) === fqdn(name) && one.type === type
    const known = zone.records.find(isSame)
    zone.records = zone.records.filter((one) => !isSame(one))
    if (values.length > 0) zone.records.push({ name, type, values, ttl: ttl ?? known?.ttl ?? DEFAULT_TTL })
    await reload()
  }
  const stop = async (): Promise<void> => {
    await end()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    address,
    port,
    setRecord,
    flip: (name, target) => setRecord(name, 'CNAME', [fqdn(target)]),
    async lame(wanted) {
      const before = mode
      mode = wanted
      clearInterval(nod)
      if (before === 'hung' || before === 'slow') running?.child.kill('SIGCONT')
      if (wanted === 'dead') return end()
      if (running === undefined) await start()
      else await reload()
      if (running === undefined || (wanted !== 'hung' && wanted !== 'slow')) return
      await freeze(running.child)
      if (wanted === 'slow') nod = startNodding(running.child)
    },
    log: () => (running?.lines ?? []).slice(-40).join('\n'),
    stop,
  }
}

function launch(command: readonly string[]): Running {
  const [program = '', ...parameters] = command
  const child = spawn(program, parameters)
  const lines: string[] = []
  let rest = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    // Positions in the log are kept by those who wait: old lines are emptied, not removed.
    for (let index = lines.length - KEPT_LINES - 1; index >= 0 && lines[index] !== ''; index -= 1) lines[index] = ''
    child.emit('log')
  })
  child.on('error', (error) => {
    lines.push(String(error))
    child.emit('log')
  })
  return { child, lines }
}

/** Waits for a line of the log, from a position on. */
async function spoken({ child, lines }: Running, from: number, what: RegExp | string): Promise<void> {
  const isSaid = (line: string): boolean => (typeof what === 'string' ? line.includes(what) : what.test(line))
  await new Promise<void>((resolve, reject) => {
    const end = (problem?: string): void => {
      clearTimeout(timer)
      child.off('log', look).off('exit', ended)
      if (problem === undefined) resolve()
      else reject(new Error(`${problem}:\n${lines.slice(-20).join('\n')}`))
    }
    const look = (): void => {
      if (lines.slice(from).some(isSaid)) end()
    }
    const ended = (): void => end('named has ended')
    const timer = setTimeout(
      () => end(`named did not say ${String(what)} within ${START_WITHIN_MS} ms`),
      START_WITHIN_MS,
    )
    child.on('log', look).on('exit', ended)
    look()
  })
}

/** A signal is no instant: each of its threads stops when it is next scheduled. */
async function freeze(child: ChildProcessWithoutNullStreams): Promise<void> {
  const folder = `/proc/${child.pid}/task`
  child.kill('SIGSTOP')
  const isRunning = async (thread: string): Promise<boolean> =>
    !/^State:\s+T/m.test(await readFile(join(folder, thread, 'status'), 'utf8'))
  for (const thread of await readdir(folder)) while (await isRunning(thread)) await setImmediate()
}

/** Awake for a moment now and then. */
function startNodding(child: ChildProcessWithoutNullStreams): NodeJS.Timeout {
  return setInterval(() => {
    child.kill('SIGCONT')
    setTimeout(() => child.kill('SIGSTOP'), AWAKE_MS)
  }, SLOW_MS)
}

function configuration(folder: string, options: BindOptions, zones: readonly string[], mode: BindMode): string {
  const { address, port = 53, forwarders } = options
  const forwards =
    forwarders === undefined
      ? []
      : ['allow-recursion { any; };', 'forward only;', `forwarders { ${forwarders.join('; ')}; };`]
  return `
options {
  directory "${folder}";
  listen-on port ${port} { ${address}; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  dnssec-validation no;
  empty-zones-enable no;
  notify no;
  minimal-responses no;
  recursion ${forwarders === undefined ? 'no' : 'yes'};
  allow-query { ${mode === 'refused' ? 'none' : 'any'}; };
  allow-query-cache { any; };
  ${forwards.join('\n  ')}
};
controls { };
${zones.map((name) => zoneStatement(name, mode)).join('\n')}
`
}

/** A secondary that can never reach its primary has no zone: it answers SERVFAIL, as one whose zone has expired. */
function zoneStatement(name: string, mode: BindMode): string {
  const body =
    mode === 'servfail' ? 'type secondary; primaries { 127.0.0.1 port 1; };' : `type primary; file "${name}zone";`
  return `zone "${bare(name)}" { ${body} };`
}

/** Its name servers: as the zone's own NS records say, else this very server. */
function zoneFile(name: string, serial: number, zone: BindZone, address: string): string {
  const { records, negativeTtl = 5 } = zone
  const isNamed = zone.records.some((one) => one.type === 'NS' && fqdn(one.name) === name)
  const own = isNamed ? [] : [`${name} 300 IN NS ns1.${name}`, `ns1.${name} 300 IN A ${address}`]
  const lines = records.flatMap((one) =>
    one.values.map((value) => `${fqdn(one.name)} ${one.ttl} IN ${one.type} ${value}`),
  )
  const soa = `${name} 300 IN SOA ns1.${name} hostmaster.${name} ${serial} 3600 600 86400 ${negativeTtl}`
  return `${[soa, ...own, ...lines].join('\n')}\n`
}

/** `srv1.contoso.test.` */
function fqdn(name: string): string {
  return name.endsWith('.') ? name : `${name}.`
}

function bare(name: string): string {
  return name.replace(/\.$/, '')
}
