/**
 * Whose certificate was refused: what a person needs to see which server, proxy or portal has answered. Node's error
 * has the names where none of them fits, at any length; of an expired or unknown certificate it says nothing, and when
 * it is told the certificate is gone with its connection.
 *
 * So it is looked at when the handshake is done, which is before Node judges it ('secure', which Node's own check
 * listens to; documented for the older SecurePair only). Looked at and nothing else: who is trusted is Node's decision
 * alone, no second connection is made, and without that event the names are missing and nothing more.
 */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** A certificate may carry thousands of names, and anybody may have made it. */
const MAX_NAMES = 8
const MAX_NAME = 100
const MAX_ISSUER = 64

/** The parts of a certificate that are told, as Node writes them. */
export type ShownCertificate = {
  readonly [Name in 'subject' | 'issuer']?: { readonly [Part in 'CN' | 'O']?: string | string[] | undefined }
} & {
  /** `DNS:srv1.contoso.com, IP Address:10.0.0.1` */
  readonly subjectaltname?: string | undefined
  readonly valid_from?: string
  readonly valid_to?: string
}

/**
 * The host names and addresses in a certificate's alternative names, as they stand there. A comma within a name is
 * escaped by Node (CVE-2021-44532), so that one name cannot pass for two.
 */
export function alternativeNames(subjectAltName: string | undefined): readonly string[] {
  return (subjectAltName ?? '').split(', ').flatMap((entry) => {
    const found = /^(?:DNS|IP Address):(.*)$/s.exec(entry)
    return found?.[1] === undefined ? [] : [found[1]]
  })
}

/** An attribute may stand there more than once. */
export function oneOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}

/** What is no part of a host name or address is shown as `?`: no blanks, no quotes, no escape sequences. */
function plainName(name: string): string {
  return cut(name, MAX_NAME).replace(/[^\w.*:…-]/g, '?')
}

/** Words of any language, and no more than that: no line end, no bracket, nothing that turns the direction of text. */
function plainWords(text: string): string {
  return cut(text, MAX_ISSUER).replace(/[^\p{L}\p{M}\p{N} .,&'_…-]/gu, '?')
}

function day(date: string | undefined): string | undefined {
  const at = Date.parse(date ?? '')
  return Number.isNaN(at) ? undefined : new Date(at).toISOString().slice(0, 10)
}

/** The names, who issued it, and when it is valid; bounded, in characters that can do no harm. */
export function describeCertificate(certificate: ShownCertificate): string {
  const alternative = alternativeNames(certificate.subjectaltname)
  const common = oneOf(certificate.subject?.CN)
  const names = alternative.length > 0 || common === undefined ? alternative : [common]
  const shown = names.slice(0, MAX_NAMES).map(plainName).join(', ')
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : ''
  const issuer = oneOf(certificate.issuer?.CN) ?? oneOf(certificate.issuer?.O)
  const from = day(certificate.valid_from)
  const to = day(certificate.valid_to)
  return [
    `for ${shown === '' ? 'no host' : shown}${more}`,
    ...(issuer === undefined ? [] : [`issued by ${plainWords(issuer)}`]),
    ...(from === undefined || to === undefined ? [] : [`valid from ${from} to ${to}`]),
  ].join('; ')
}

function explain(error: NodeJS.ErrnoException, certificate: ShownCertificate): string {
  const description = describeCertificate(certificate)
  if (error.code !== 'ERR_TLS_CERT_ALTNAME_INVALID') return `${error.message}: the certificate is ${description}`
  const { host } = error as { readonly host?: unknown }
  return `the certificate is not for ${typeof host === 'string' ? plainName(host) : 'this host'}, it is ${description}`
}

/**
 * Lets the error by which Node refuses the certificate of this connection say whose it was. Changes the message of that
 * one error, before anybody else hears it: it reaches undici and ws by different roads.
 */
export function tellRefusedCertificate(socket: Socket): void {
  if (!(socket instanceof TLSSocket)) return
  let certificate: ShownCertificate | undefined
  const forget = (): void => void (certificate = undefined)
  // Not `getPeerX509Certificate`: it takes the certificate out of the chain, and Node's check then finds no name in it
  // (Node 20.20, measured).
  socket.prependOnceListener('secure', () => (certificate = socket.getPeerCertificate()))
  socket.prependOnceListener('secureConnect', forget)
  socket.prependOnceListener('error', (error: NodeJS.ErrnoException) => {
    if (certificate !== undefined) error.message = explain(error, certificate)
    forget()
  })
}
