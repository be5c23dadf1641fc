/** The certificate and what is wrong with it. Nothing is sent over this connection. */
import { isIP } from 'node:net'
import { checkServerIdentity, connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { alternativeNames, oneOf } from '../../../platform/node/certificate'
import type { Failure, TlsFacts } from '../facts'

const TLS_MS = 2500
/** Judged by themselves: dates and names say nothing of the chain. */
const NOT_OF_THE_CHAIN: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/** What to shake hands with. `name`: whom the client believes to speak to; `hostname`: the dedicated one. */
export interface TlsTarget {
  readonly address: string
  readonly port: number
  readonly name: string
  readonly hostname: string
}

export async function gatherTls({ address, port, name, hostname }: TlsTarget): Promise<TlsFacts | Failure> {
  return new Promise((resolve) => {
    const end = (facts: TlsFacts | Failure): void => {
      socket.destroy()
      resolve(facts)
    }
    const socket = connect({
      host: address,
      port,
      ...(isIP(name) === 0 ? { servername: name } : {}),
      // A bad certificate is what this is looking for.
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
    })
    socket.setTimeout(TLS_MS, () => end({ kind: 'failure', code: 'ETIMEDOUT' }))
    socket.on('secureConnect', () => end(read(socket, name, hostname)))
    socket.on('error', (error: NodeJS.ErrnoException) => end({ kind: 'failure', code: error.code ?? 'EPROTO' }))
    socket.on('end', () => end({ kind: 'failure', code: 'ECONNRESET' }))
  })
}

function read(socket: TLSSocket, name: string, hostname: string): TlsFacts {
  const certificate = socket.getPeerCertificate(true)
  const problem = codeOf(socket.authorizationError)
  const isChainRight = problem === undefined || NOT_OF_THE_CHAIN.has(problem)
  return {
    kind: 'tls',
    protocol: socket.getProtocol() ?? 'unknown',
    names: namesOf(certificate),
    coversRoad: checkServerIdentity(name, certificate) === undefined,
    coversHostname: checkServerIdentity(hostname, certificate) === undefined,
    issuer: oneOf(certificate.issuer?.CN) ?? oneOf(certificate.issuer?.O) ?? '',
    validFrom: Date.parse(certificate.valid_from),
    validTo: Date.parse(certificate.valid_to),
    chainLength: chainOf(certificate),
    ...(isChainRight ? {} : { chainProblem: problem }),
  }
}

/** Node gives an Error, or its code alone, whatever the type says. */
function codeOf(error: unknown): string | undefined {
  if (typeof error === 'string') return error
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : undefined
}

function namesOf({ subjectaltname, subject }: DetailedPeerCertificate): readonly string[] {
  const alternative = alternativeNames(subjectaltname)
  const common = oneOf(subject?.CN)
  return alternative.length > 0 || common === undefined ? alternative : [common]
}

function chainOf(certificate: DetailedPeerCertificate): number {
  const seen = new Set<string>()
  for (let at = certificate; at?.fingerprint256 !== undefined; at = at.issuerCertificate) {
    if (seen.has(at.fingerprint256)) break
    seen.add(at.fingerprint256)
  }
  return seen.size
}
